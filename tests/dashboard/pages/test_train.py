"""The Train page: the form, the cost, and the start of real processes."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig
from core.data import catalog
from core.families import FAMILIES
from core.recipes import RECIPES
from core.store import list_runs
from core.training import jobs
from core.training.probe import read_probe, read_shown
from dashboard import gateway
from tests.dashboard.headless import figures, healthy, numbers, open_page, until, words
from tests.dashboard.train_page import films, labels, named
from tests.waiting import wait

# ---- the form


def test_a_page_without_runs_leads_here(store: Path) -> None:
    at = healthy(open_page("latent"))
    at.button(key="to-train").click().run()
    assert at.session_state["remembered:went"] == ("train", {})


def test_a_data_set_of_a_link_changes_no_settings_of_a_run(bundled_store: Path) -> None:
    query = {"from": "bundled-digits-beta-1", "on": "moons"}
    assert named(healthy(open_page("train", **query)).selectbox, "Data set").value == "digits"
    assert named(healthy(open_page("train", on="moons")).selectbox, "Data set").value == "moons"


def test_the_form_begins_with_a_recipe_and_says_it(store: Path) -> None:
    at = healthy(open_page("train", recipe="digits-vae-8d"))
    said = words(at)
    assert RECIPES["digits-vae-8d"].sentence in said
    assert RECIPES["digits-vae-8d"].reference in said
    assert named(at.number_input, "Latent dimensions").value == 8
    assert named(at.selectbox, "Recipe").options == list(RECIPES)
    assert at.code[0].value == "python -m core train digits-vae-8d --name=digits-vae-8d"


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_family_has_a_box_for_each_setting_it_uses_and_none_else(store: Path, family: str) -> None:
    at = open_page("train")
    named(at.selectbox, "Family").select(family).run()
    healthy(at)
    boxes = [*at.selectbox, *at.number_input, *at.text_input, *at.toggle]
    drawn = {str(one.key).rpartition("-")[2] for one in boxes}
    row = FAMILIES[family]
    assert drawn & set(RunConfig.model_fields) == set(RunConfig.model_fields) - {*row.ignores, *row.fixed}
    expected = RunConfig.make({"family": family})
    values = {str(one.key).rpartition("-")[2]: one.value for one in boxes}
    for key in row.defaults:
        assert values[key] == gateway.raw_of(expected)[key]


def test_every_setting_is_explained_where_it_is_asked(store: Path) -> None:
    at = healthy(open_page("train"))
    boxes = {str(one.key).rpartition("-")[2]: one for one in [*at.number_input, *at.text_input]}
    for key in ("beta", "learning_rate", "epochs"):
        about = boxes[key].help.replace("\\", "").lower()
        assert RunConfig.model_fields[key].description is not None
        assert str(RunConfig.model_fields[key].description).lower() in about
    assert "from 1 to 1,000,000" in boxes["epochs"].help.replace("\\", "")


def test_a_bad_value_is_one_sentence_and_nothing_is_lost(store: Path) -> None:
    at = open_page("train")
    named(at.number_input, "Epochs").set_value(7).run()
    named(at.text_input, "Learning rate").set_value("<b>fast</b>").run()
    (error,) = [one.value.replace("\\", "") for one in at.error]
    assert error.startswith("'learning_rate' cannot be '<b>fast</b>'")
    assert "Start" not in labels(at)
    assert named(at.number_input, "Epochs").value == 7
    named(at.text_input, "Learning rate").set_value("0.01").run()
    assert named(at.number_input, "Epochs").value == 7
    assert "--set learning_rate=0.01 epochs=7" in healthy(at).code[0].value
    # another family keeps what was typed
    named(at.selectbox, "Family").select("ae").run()
    assert named(at.number_input, "Epochs").value == 7
    assert named(at.text_input, "Learning rate").value == "0.01"


def test_settings_of_a_run_are_taken_over(bundled_store: Path) -> None:
    at = healthy(open_page("train", **{"from": "bundled-digits-beta-0p5"}))
    assert named(at.text_input, "Beta").value == "0.5"
    assert named(at.text_input, "Name of the run").value.endswith(", again")
    named(at.number_input, "Seed").set_value(3).run()
    assert "seed 3 (0)" in words(healthy(at))


@pytest.mark.parametrize("name", list(RECIPES))
@pytest.mark.parametrize("other", ["digits-vae", "digits-coae"])
def test_the_line_of_a_terminal_means_the_same_settings(name: str, other: str) -> None:
    config = RECIPES[name].config
    line = shlex.split(gateway.command(config, recipe=other, name="x y"))
    assert line[:5] == ["python", "-m", "core", "train", other]
    sets = dict(one.partition("=")[::2] for one in line[5:] if not one.startswith("--"))
    assert RECIPES[other].config.with_settings(sets) == config
    assert "--name=x y" in line


def test_data_that_is_not_here_cannot_be_started(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    at = open_page("train", recipe="mnist-mlp-vae")
    assert "mnist is not on this machine" in words(at)
    assert "Start" not in labels(at)
    assert named(at.selectbox, "Data set").options == [
        "digits",
        "moons",
        "swiss-roll",
        "mnist (not on this machine)",
    ]
    named(at.selectbox, "Data set").select("digits").run()
    assert "Start" in labels(healthy(at))


# ---- what it costs


def test_the_cost_is_measured_beside_the_page(store: Path) -> None:
    at = open_page("train")
    named(at.number_input, "Epochs").set_value(11).run()
    named(at.button, "What would it cost?").click().run()
    assert "Measuring" in words(at)
    until(at, lambda at: bool(at.metric))
    shown = {one.label: one.value for one in at.metric}
    # 64-128-64-(2 + 2) and 2-64-128-64, weights and biases
    parameters = (
        64 * 128 + 128 + 128 * 64 + 64 + 2 * (64 * 2 + 2) + 2 * 64 + 64 + 64 * 128 + 128 + 128 * 64 + 64
    )
    assert shown["Parameters"] == f"{parameters:,}"
    assert shown["The whole run"].endswith((" s", " min"))
    named(at.number_input, "Epochs").set_value(12).run()
    assert not at.metric  # it was of other settings


def test_a_cost_that_cannot_be_measured_says_why(store: Path) -> None:
    config = RECIPES["digits-vae"].config.with_settings({"device": "cuda:7"})
    measured = gateway.measure(config)
    wait(lambda: measured.done)
    assert measured.error is not None
    assert "cuda:7" in measured.error
    assert "Traceback" not in measured.error


# ---- starting


def test_a_run_is_trained_by_a_process_that_the_page_finds_again(store: Path) -> None:
    at = open_page("train")
    named(at.number_input, "Epochs").set_value(3).run()
    named(at.text_input, "Name of the run").set_value("<b>Mine</b>").run()
    named(at.button, "Start").click().run()
    healthy(at)
    (one,) = jobs.jobs()
    assert (one.name, one.recipe) == ("<b>Mine</b>", "digits-vae")
    assert one.config == RECIPES["digits-vae"].config.with_settings({"epochs": 3})
    assert at.query_params["job"] == one.id
    # another session: only files tell it
    other = until(open_page("train", job=one.id), lambda at: "badge[finished]" in words(at))
    other.run()
    (record,) = list_runs()
    assert (record.state, record.id) == ("finished", one.id)
    assert "<b>Mine</b>" in words(other)
    (figure,) = figures(other)
    wanted = [row["validation"]["distortion"] + row["validation"]["rate"] for row in gateway.history(record)]
    assert numbers(figure["data"][1]["y"]) == pytest.approx(wanted, rel=1e-6)
    ((header, sections),) = films(other)
    probe = read_probe(record.folder)
    assert probe is not None
    assert header["epochs"] == [0, 1, 2, 3]
    np.testing.assert_array_equal(sections["frames"], probe.means)
    np.testing.assert_array_equal(sections["labels"], probe.labels)
    data = catalog.load("digits", "train")
    known = dict(zip(data.ids.tolist(), data.labels.tolist(), strict=True))
    assert probe.labels.tolist() == [known[one] for one in probe.ids.tolist()]
    assert read_shown(record.folder) is not None
    assert f"what the run makes of them after epoch {record.config.epochs}" in words(other)


def test_a_sweep_is_queued_in_order(store: Path, still: list[list[str]]) -> None:
    at = open_page("train", sweep="1")
    named(at.text_input, "Betas").set_value("0.5, x").run()
    assert "'x' is no beta" in at.error[0].value.replace("\\", "")
    named(at.text_input, "Betas").set_value("1, 1").run()
    assert "Each beta may stand once" in at.error[0].value.replace("\\", "")
    named(at.text_input, "Betas").set_value("2 0.5").run()
    assert "sweep digits-vae --beta=2,0.5" in healthy(at).code[0].value
    named(at.button, "Start 2 runs").click().run()
    there = jobs.jobs()
    assert [one.config.beta for one in there if one.config] == [2, 0.5]
    assert [one.position for one in there] == [1, 2]
    assert len({one.sweep for one in there}) == 1
    assert "queued, number 2" in words(healthy(at))


def test_the_same_again_is_asked_about_first(store: Path, still: list[list[str]]) -> None:
    for _ in range(2):
        at = open_page("train")
        named(at.button, "Start").click().run()
    assert len(jobs.jobs()) == 1
    assert "would give the same run" in words(at)
    named(at.button, "Start all the same").click().run()
    assert len(jobs.jobs()) == 2


def test_the_button_of_a_start_is_gone_with_it(store: Path, still: list[list[str]]) -> None:
    at = open_page("train")
    key = named(at.button, "Start").key
    named(at.button, "Start").click().run()
    at.query_params["train-part"] = "new"
    at.run()
    assert named(at.button, "Start").key != key  # a second click of a double click would press the first
