"""The Train page: the list of jobs, and a run as it learns."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from core.config import RunConfig
from core.files import write_json
from core.store import delete_run, read_record
from core.training import jobs, probe
from core.training.probe import read_probe
from core.training.run import Hooks, train
from core.training.tickets import Place, Ticket
from dashboard import gateway
from dashboard.pages._train_words import BUTTONS
from tests.conftest import REPO
from tests.dashboard.headless import figures, healthy, open_page, until, words
from tests.dashboard.train_page import BRIEF, films, labels, named

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


def test_a_failed_job_says_why_and_shows_its_log(store: Path, still: list[list[str]]) -> None:
    ticket(store, "bad", state="failed", reason="The <i>disk</i> is full.", name="*Bad*")
    Place(store, "bad").log.write_text("first\n<script>last</script>\n")
    at = healthy(open_page("train", job="bad"))
    said = words(at)
    assert "The <i>disk</i> is full" in said
    assert "Mend what the reason says, and **Queue it again** puts it back in the queue." in said
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
    said = words(at)
    assert jobs.what_next(jobs.job("one"), BUTTONS) in said
    assert "python -m core jobs" not in said.split("How to read")[0]


def test_what_a_job_is_told_to_press_is_there(store: Path) -> None:
    """A finished run, with all that can be done to it, one that never began, and one that does not stop."""
    train(RunConfig.make(BRIEF), name="Done", store=store, run_id="done")
    ticket(store, "done", state="finished", started="2026-01-01T00:00:00Z")
    ticket(store, "never", state="stopped", order=2)
    ticket(store, "slow", state="started", started="2026-01-01T00:00:00Z", stop=True, order=3)
    with FileLock(Place(store, "slow").lock):
        at = healthy(open_page("train", job="done"))
    assert "**Watch**, and there **Go on with it**, trains it further." in words(at)
    told = {word for text in BUTTONS.values() for word in re.findall(r"\*\*(.+?)\*\*", text)}
    assert told <= {*labels(at), *(one.label for one in at.expander)}


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
    shown = [one.proto.imgs[0].url for one in at.get("image")]
    assert shown
    assert all(
        url.startswith("data:image/png;base64,") for url in shown
    )  # nothing of the server's that may go
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


def test_a_long_film_says_that_epochs_were_left_out(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("short", 500), ("long", 16)):
        monkeypatch.setattr(probe, "ROWS", most)
        train(RunConfig.make({**BRIEF, "epochs": 39}), store=store, run_id=name, name=name)
    assert "40 epochs are kept. " in words(healthy(open_page("train", job="short")))
    at = healthy(open_page("train", job="long"))
    epochs = films(at)[0][0]["epochs"]
    assert epochs == [*range(0, 37, 4), 39]
    assert "11 epochs are kept, one in 4. " in words(at)
    # nor of what is not there yet
    train(RunConfig.make(BRIEF), store=store, run_id="begun", hooks=Hooks(should_stop=lambda: True))
    at = healthy(open_page("train", job="begun"))
    assert films(at)[0][0]["epochs"] == [0]
    assert "are kept" not in words(at)


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
    assert named(at.selectbox, "Watch").options == ["two"]


def test_runs_of_one_name_are_told_apart_by_their_ids_and_no_choice_tells_a_state(store: Path) -> None:
    """A browser keeps the text of a choice: a state in it, or a place in the list, would be an old one."""
    for k, name in enumerate(("Same", "Same", "Other")):
        ticket(store, f"job-{k}", order=k + 1, state="stopped", name=name)
    at = healthy(open_page("train", **{"train-part": "jobs"}))
    assert set(named(at.selectbox, "Watch").options) == {"Same (job-0)", "Same (job-1)", "Other"}


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
