"""The Train page: the form, the cost, the start of real processes, the list of jobs, and a run as it learns."""

import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.data import catalog
from core.families import FAMILIES
from core.files import write_json
from core.recipes import RECIPES
from core.store import delete_run, list_runs, read_record
from core.training import jobs, queue
from core.training.probe import read_probe, read_shown
from core.training.run import train
from core.training.tickets import Place, Ticket
from dashboard import gateway
from dashboard.components.film import NAME
from dashboard.components.latent_map import unpack
from tests.conftest import REPO
from tests.dashboard.headless import figures, healthy, numbers, open_page, words

SECONDS = 150
BRIEF = {"epochs": 3, "hidden": (16,), "threads": 1, "device": "cpu"}


def films(at: AppTest) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Header and sections of each film, as sent to the browser."""
    found = at.get("bidi_component")
    return [unpack(element.proto.bytes) for element in found if element.proto.component_name == NAME]


def until(at: AppTest, done: Callable[[AppTest], bool]) -> AppTest:
    """Run the page again, as its own clock does, until something holds."""
    end = time.monotonic() + SECONDS
    while not done(at):
        assert time.monotonic() < end, words(at)
        time.sleep(0.2)
        at.run()
    return healthy(at)


def named(elements: Any, label: str) -> Any:
    """The widget of this label."""
    return next(one for one in elements if one.label == label)


def labels(at: AppTest) -> list[str]:
    return [one.label for one in at.button]


class Waiting:
    """In place of a process: it lives, and does nothing."""

    def poll(self) -> int | None:
        return None


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started: jobs stay queued."""

    def launch(given: list[str], *, log: Path) -> Waiting:
        log.write_text("Waiting for its turn\n")
        return Waiting()

    monkeypatch.setattr(queue, "launch", launch)


# ---- the form


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
    end = time.monotonic() + SECONDS
    while not measured.done and time.monotonic() < end:
        time.sleep(0.1)
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


def test_a_sweep_is_queued_in_order(store: Path, still: None) -> None:
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


def test_the_same_again_is_asked_about_first(store: Path, still: None) -> None:
    for _ in range(2):
        at = open_page("train")
        named(at.button, "Start").click().run()
    assert len(jobs.jobs()) == 1
    assert "would give the same run" in words(at)
    named(at.button, "Start all the same").click().run()
    assert len(jobs.jobs()) == 2


def test_the_button_of_a_start_is_gone_with_it(store: Path, still: None) -> None:
    at = open_page("train")
    key = named(at.button, "Start").key
    named(at.button, "Start").click().run()
    at.query_params["train-part"] = "new"
    at.run()
    assert named(at.button, "Start").key != key  # a second click of a double click would press the first


# ---- the list


def test_an_empty_list_says_what_to_do(store: Path) -> None:
    at = healthy(open_page("train", **{"train-part": "jobs"}))
    assert "No job yet" in words(at)
    assert at.code[0].value == "python -m core train digits-vae --detach"


def ticket(store: Path, run_id: str, **changes: Any) -> None:
    """A job of a past that no process is part of."""
    folder = store / ".jobs"
    folder.mkdir(exist_ok=True)
    one = Ticket(
        order=changes.pop("order", 1),
        submitted="2026-01-01T00:00:00Z",
        slot="cpu",
        name=changes.pop("name", run_id),
        config=RunConfig.make(BRIEF),
        **changes,
    )
    write_json(Place(store, run_id).ticket, one.model_dump(mode="json"))


def test_a_failed_job_says_why_and_shows_its_log(store: Path, still: None) -> None:
    ticket(store, "bad", state="failed", reason="The <i>disk</i> is full.", name="*Bad*")
    Place(store, "bad").log.write_text("first\n<script>last</script>\n")
    at = healthy(open_page("train", job="bad"))
    said = words(at)
    assert "The <i>disk</i> is full" in said
    assert jobs.NEXT["failed"].format(id="bad") in said
    at.session_state["train-log-bad"] = True
    at.run()
    assert at.code[0].value == "first\n<script>last</script>"
    named(at.button, "Queue it again").click().run()
    assert jobs.job("bad").state == "queued"
    named(at.button, "Take off the queue").click().run()
    assert jobs.job("bad").state == "stopped"
    named(at.button, "Remove from the list").click().run()
    assert jobs.jobs() == []
    assert "No job yet" in words(healthy(at))


@pytest.mark.parametrize("state", ["finished", "stopped", "diverged", "failed"])
def test_every_state_stands_with_what_to_do_next(store: Path, state: Any) -> None:
    ticket(store, "one", state=state, reason="So it was.")
    at = healthy(open_page("train", job="one"))
    assert f"badge[{state}]" in words(at)
    assert jobs.NEXT[state].format(id="one", slot="cpu") in words(at)


def test_many_old_jobs_are_folded(store: Path) -> None:
    for k in range(23):
        ticket(store, f"job-{k}", order=k + 1, state="stopped")
    at = healthy(open_page("train", **{"train-part": "jobs"}))
    assert labels(at).count("Watch") == 20
    named(at.button, "Show 3 older ones").click().run()
    assert labels(at).count("Watch") == 23


# ---- a run as it learns


def test_a_run_of_the_terminal_is_watched_too(store: Path) -> None:
    run = train(RunConfig.make({**BRIEF, "latent": 3}), name="Three", store=store, run_id="three")
    at = healthy(open_page("train", job="three"))
    ((header, sections),) = films(at)
    probe = read_probe(run.record.folder)
    assert probe is not None
    first, second = np.argsort(-probe.means[-1].var(axis=0))[:2]
    np.testing.assert_array_equal(sections["frames"], probe.means[:, :, [first, second]])
    assert header["titles"] == [f"z {first + 1} (prior σ)", f"z {second + 1} (prior σ)"]
    named(at.selectbox, "Across").select("2").run()
    ((_, sections),) = films(healthy(at))
    np.testing.assert_array_equal(sections["frames"][..., 0], probe.means[..., 2])
    low, high = header["ranges"][0]
    drawn = probe.means[..., first]
    assert low < drawn.min()
    assert high > drawn.max()


def test_one_dimension_lies_over_a_jitter(store: Path) -> None:
    run = train(RunConfig.make({**BRIEF, "latent": 1, "family": "ae"}), name="One", store=store, run_id="one")
    ((header, sections),) = films(healthy(open_page("train", job="one")))
    probe = read_probe(run.record.folder)
    assert probe is not None
    np.testing.assert_array_equal(sections["frames"][..., :1], probe.means)
    assert (np.diff(sections["frames"][..., 1], axis=0) == 0).all()  # what moves is the code
    assert header["titles"] == ["code 1 (no unit)", "jitter (no meaning)"]


def test_points_have_values_and_no_reconstructions(store: Path) -> None:
    settings = {**BRIEF, "dataset": "moons", "likelihood": "gaussian"}
    train(RunConfig.make(settings), name="Moons", store=store, run_id="moons")
    at = healthy(open_page("train", job="moons"))
    assert len(films(at)) == 1
    assert "what the run makes of them" not in words(at)


def test_a_run_that_is_deleted_while_it_is_watched(store: Path) -> None:
    for name in ("one", "two"):
        train(RunConfig.make(BRIEF), name=name, store=store, run_id=name)
    at = healthy(open_page("train", job="one"))
    delete_run(read_record(store / "one"))
    at.run()
    healthy(at)
    assert "[finished]" in named(at.selectbox, "Watch").options[0]
    assert len(named(at.selectbox, "Watch").options) == 1


def test_a_damaged_file_takes_away_one_part(store: Path) -> None:
    train(RunConfig.make(BRIEF), name="Torn", store=store, run_id="torn")
    (store / "torn" / "probe.json").write_text("{")
    at = open_page("train", job="torn")
    (error,) = [one.value.replace("\\", "") for one in at.error]
    assert error.startswith("'probe.json'")
    assert len(figures(at)) == 1
    assert "what the run makes of them" in words(at)


def test_a_finished_run_goes_on_to_more_epochs_and_says_whether_exactly(store: Path) -> None:
    train(RunConfig.make(BRIEF), name="More", store=store, run_id="more")
    at = healthy(open_page("train", job="more"))
    at.session_state["train-go-on-more"] = True
    at.run()
    epochs = named(at.number_input, "Epochs in all")
    assert (epochs.min, epochs.value) == (4, 6)
    assert "xact:" in words(at)
    epochs.set_value(5).run()
    named(at.button, "Go on").click().run()
    until(at, lambda at: len(gateway.history(read_record(store / "more"))) == 5 and "[finished]" in words(at))
    at.run()  # the parts of one drawing are read one after another
    assert films(at)[0][0]["epochs"] == [0, 1, 2, 3, 4, 5]


def test_the_page_loads_no_torch() -> None:
    script = (
        "import sys\nfrom tests.dashboard.headless import healthy, open_page\nhealthy(open_page('train'))\n"
        "healthy(open_page('train', **{'train-part': 'jobs'}))\nprint('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["False"], done.stderr
