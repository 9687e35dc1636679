"""The Train page: a form from the settings, a job that is a process of its own, and what it shows of a run."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from core.training.jobs import job, jobs
from core.training.probe import read_probe
from core.training.run import train
from tests.dashboard.headless import figures, healthy, numbers, open_page, words

SECONDS = 120


def button(at: AppTest, label: str) -> AppTest:
    return next(one for one in at.button if one.label == label).click().run()


def labels(at: AppTest) -> list[str]:
    return [one.label for one in at.button]


def box(at: AppTest, label: str) -> object:
    every = [*at.number_input, *at.text_input]
    return next(one for one in every if one.label == label)


def until(at: AppTest, done: Callable[[], bool]) -> AppTest:
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, words(at)
        time.sleep(0.3)
    return healthy(at.run())


def film(at: AppTest) -> bool:
    return any("film" in element.proto.component_name for element in at.get("bidi_component"))


@pytest.fixture
def one_epoch(store: Path) -> core.Run:
    return train(core.recipe("digits-vae").config.with_settings({"epochs": 2}), name="Two epochs")


def test_without_jobs_the_page_says_how_to_begin(store: Path) -> None:
    at = healthy(open_page("train", **{"train-part": "jobs"}))
    assert "No job yet. Start one under New run" in words(at)
    at = healthy(open_page("train"))
    assert "Start" in labels(at)
    assert "What would it cost?" in labels(at)
    assert at.code[0].value.startswith("python -m core train digits-vae")


def test_a_run_is_started_watched_and_found_again(store: Path) -> None:
    at = healthy(open_page("train"))
    box(at, "epochs").set_value(3).run()  # type: ignore[attr-defined]
    assert "--set epochs=3" in at.code[0].value
    button(at, "Start")
    (one,) = jobs()
    assert one.config is not None
    assert one.config == core.recipe("digits-vae").config.with_settings({"epochs": 3})
    assert at.query_params["job"] in (one.id, [one.id])
    again = healthy(open_page("train", job=one.id))  # another tab
    assert "digits-vae" in words(again)
    until(again, lambda: not job(one.id).active)
    assert job(one.id).state == "finished"
    assert film(again)
    assert "epochs are kept" in words(again)
    (figure,) = figures(again)
    assert figure["data"]
    probe = read_probe(store / one.id)
    assert probe is not None
    np.testing.assert_array_equal(probe.epochs, [0, 1, 2, 3])
    button(again, "Remove from the list")
    assert jobs() == []
    assert core.open_run(one.id).state == "finished"


def test_a_running_job_is_stopped_with_what_it_has(store: Path) -> None:
    at = healthy(open_page("train"))
    box(at, "epochs").set_value(100_000).run()  # type: ignore[attr-defined]
    button(at, "Start")
    (one,) = jobs()
    at = until(at, lambda: (store / one.id / "history.jsonl").exists())
    assert "Stop" in labels(at)
    other = healthy(open_page("train"))
    box(other, "epochs").set_value(100_000).run()  # type: ignore[attr-defined]
    button(other, "Start")
    assert "The same settings with the same seed are queued or in training already" in words(other)
    assert len(jobs()) == 1
    button(at, "Stop")
    at = until(at, lambda: not job(one.id).active)
    assert job(one.id).state == "stopped"
    assert "Stopped by hand" in words(at)
    assert core.open_run(one.id).model is not None


def test_a_bad_value_is_one_sentence_and_nothing_starts(store: Path) -> None:
    at = open_page("train")
    box(at, "hidden layers").set_value("12,<b>x</b>").run()  # type: ignore[attr-defined]
    assert not at.exception
    said = [one.value for one in (*at.error, *at.warning)]
    assert any("hidden" in one for one in said), words(at)
    assert "Start" not in labels(at) or next(one for one in at.button if one.label == "Start").disabled
    assert box(at, "hidden layers").value == "12,<b>x</b>"  # type: ignore[attr-defined]
    assert jobs() == []


def test_settings_of_a_run_are_where_a_new_one_begins(one_epoch: core.Run) -> None:
    at = healthy(open_page("train", **{"from": one_epoch.record.id}))
    assert box(at, "epochs").value == 2  # type: ignore[attr-defined]
    assert "epochs=2" in at.code[0].value


def test_a_run_that_was_trained_elsewhere_can_be_watched_and_a_lost_one_is_said(
    one_epoch: core.Run, store: Path
) -> None:
    at = healthy(open_page("train", job=one_epoch.record.id))
    assert film(at)
    text = (store / one_epoch.record.id / "history.jsonl").read_text()
    rows = [json.loads(row)["train"] for row in text.splitlines()]
    drawn = numbers(figures(at)[0]["data"][0]["y"])
    assert drawn == pytest.approx([row["distortion"] + row["rate"] for row in rows])
    lost = open_page("train", job="gone-<b>")
    assert not lost.exception
