"""A run that was stopped and goes on is the run that was never stopped, bit for bit"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import CheckpointError, ConfigError, DataError, LockedRun
from core.families import FAMILIES
from core.recipes import RECIPES
from core.runs import open_run
from core.store import read_record, run_lock
from core.training import loop
from core.training.resume import exactness, resume
from core.training.run import REVISION, Hooks, train
from tests.core.fitting import only_folder
from tests.core.pausing import all_of, names, stop_after, tensors
from tests.core.shared import ROWS, Copy, Edit, Sentence, Small, Trained

STEPS = 6
"""Of 256 images an epoch"""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def shared(family: str, **settings: Any) -> dict[str, Any]:
    """Settings of a short run, without those that a family fixes."""
    brief = {"epochs": 2, "batch_size": 256, **settings}
    return {key: value for key, value in brief.items() if key not in FAMILIES[family].fixed}


@pytest.mark.parametrize("family, network", ROWS)
def test_every_family_goes_on_exactly(
    family: str, network: str, store: Path, small: Small, trained: Trained
) -> None:
    settings = {"family": family, "network": network, **shared(family)}
    whole = trained(**settings)
    at_once = FAMILIES[family].closed_form
    paused = train(small(**settings), store=store, hooks=stop_after(1 if at_once else STEPS + 2))
    assert paused.state == "stopped"
    assert paused.document.stands == ((1, 0) if at_once else (1, 2))
    assert exactness(paused.document).exact
    assert all_of(resume(paused.id, store=store)) == all_of(whole)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": "adamw", "weight_decay": 0.1},
        {"schedule": "cosine", "warmup_epochs": 1.5},
        {"binarise": "sampled"},
        {"mmd_weight": 10.0, "learn_sigma": True, "likelihood": "gaussian"},
        {"free_bits": 0.1, "l2": 1e-3, "validation": 0.0},
        {"precision": "bf16"},
        {"report_every": 2, "epochs": 3},
        {"checkpoint_epochs": 2, "keep_every": 1},
    ],
    ids=lambda settings: " ".join(settings),
)
def test_every_way_of_training_goes_on_exactly(
    settings: dict[str, Any], store: Path, small: Small, trained: Trained
) -> None:
    settings = {**shared("vae"), **settings}
    paused = train(small(**settings), store=store, hooks=stop_after(STEPS + 3))
    assert paused.document.stands == (1, 3)
    assert all_of(resume(paused.id, store=store)) == all_of(trained(**settings))


@pytest.mark.parametrize("step", range(1, 2 * STEPS + 1))
def test_a_run_stops_and_goes_on_at_any_step(step: int, store: Path, small: Small, trained: Trained) -> None:
    paused = train(small(**shared("vae")), store=store, hooks=stop_after(step))
    assert paused.document.stands == divmod(step, STEPS)
    # what opens is the last whole epoch, whose row is the last of the history
    assert paused.document.epoch == step // STEPS == len(paused.history())
    assert names(paused.record.folder) >= {f"model-{step // STEPS}.safetensors"}
    assert all_of(resume(paused.id, store=store)) == all_of(trained(**shared("vae")))


def test_one_step_an_epoch(store: Path, small: Small, trained: Trained) -> None:
    settings = {"batch_size": 0, "epochs": 3}
    paused = train(small(**settings), store=store, hooks=stop_after(2))
    assert paused.document.stands == (2, 0)
    assert all_of(resume(paused.id, store=store)) == all_of(trained(**settings))


def test_a_run_may_be_stopped_again_and_again(store: Path, small: Small, trained: Trained) -> None:
    run = train(small(**shared("vae")), store=store, hooks=stop_after(1))
    for _ in range(2 * STEPS - 1):
        assert run.state == "stopped"
        run = resume(run.id, store=store, hooks=stop_after(1))
    assert run.document.stands == (2, 0)  # stopped before it was scored
    assert run.scores is None
    assert all_of(resume(run.id, store=store)) == all_of(trained(**shared("vae")))


@pytest.mark.parametrize("settings", [{}, {"optimiser": "adamw"}, {"keep_every": 2}, {"family": "vaegan"}])
def test_more_epochs_make_the_longer_run(
    settings: dict[str, Any], copied: Copy, trained: Trained, store: Path
) -> None:
    brief = {**settings, **shared("vae"), **({"network": "mlp"} if "family" in settings else {})}
    folder = copied(**brief)
    before = read_record(folder)
    assert before.document
    assert exactness(before.document, epochs=4).exact
    run = resume("copy-1", store=store, epochs=4)
    assert run.config.epochs == 4
    assert all_of(run) == all_of(trained(**{**brief, "epochs": 4}))


def test_a_schedule_is_that_of_the_new_number_of_epochs(copied: Copy, store: Path) -> None:
    document = read_record(copied(**shared("vae"), schedule="cosine")).document
    assert document
    assert exactness(document, epochs=2).exact
    found = exactness(document, epochs=4)
    assert not found.exact
    assert "one of 2 epochs and is one of 4 from here on" in found.sentence
    assert resume("copy-1", store=store, epochs=4).state == "finished"


def test_scores_of_an_earlier_end_do_not_outlive_its_weights(copied: Copy, store: Path) -> None:
    folder = copied(**shared("vae"))
    run = resume("copy-1", store=store, epochs=4, hooks=stop_after(2))
    assert run.document.epoch == 2
    assert run.scores  # still of these weights
    run = resume("copy-1", store=store, hooks=stop_after(STEPS))
    assert (run.document.epoch, run.scores) == (3, None)
    assert not list(folder.glob("latents-*"))


# ---- said before


@pytest.mark.parametrize(
    "change, says",
    [
        ({"arithmetic__torch": "1.0"}, "torch was 1.0, now"),
        ({"arithmetic__threads": 7}, "the CPU threads were 7, now 1"),
        ({"arithmetic__device": "NVIDIA H200"}, "the device was NVIDIA H200, now CPU"),
        ({"arithmetic__precision": "bf16"}, "the precision was bf16, now fp32"),
        ({"arithmetic__revision": REVISION + 1}, f"VAEScope's steps was {REVISION + 1}, now {REVISION}"),
        (  # of a VAEScope that did not write it down yet
            {"arithmetic": {"device": "CPU", "threads": 1, "torch": "2.13.0", "precision": "fp32"}},
            f"VAEScope's steps was 1, now {REVISION}",
        ),
        ({"arithmetic": None}, "was not recorded"),
    ],
    ids=str,
)
def test_what_would_round_otherwise_is_said(
    change: dict[str, Any], says: str, copied: Copy, edit_document: Edit
) -> None:
    folder = copied()
    edit_document(folder, **change)
    document = read_record(folder).document
    assert document
    found = exactness(document)
    assert not found.exact
    assert found.sentence.startswith("Not exact: ")
    assert says in found.sentence


# ---- refused


@pytest.mark.parametrize(
    "changes, epochs, error, says",
    [
        ({}, None, ConfigError, "is finished, with all its 3 epochs: .*--epochs 6"),
        ({}, 3, ConfigError, "is finished"),
        ({}, 2, ConfigError, "at least 3 epochs in all, not 2"),
        ({}, 0, ConfigError, "epochs"),
        ({"bundled": True}, 9, CheckpointError, "read-only"),
        ({"state": "diverged"}, 9, CheckpointError, "diverged.*smaller learning_rate"),
        ({"resume": None}, 9, CheckpointError, "no file to go on from"),
        ({"data__fingerprint": "0" * 64}, 9, DataError, "fingerprints differ"),
        ({"resume": "resume-2-0.safetensors"}, 9, CheckpointError, "missing"),
        ({"config__latent": 3}, 9, CheckpointError, "does not fit its run's settings"),
    ],
    ids=str,
)
def test_what_cannot_go_on_is_one_sentence_and_changes_nothing(
    changes: dict[str, Any],
    epochs: int | None,
    error: type[Exception],
    says: str,
    copied: Copy,
    edit_document: Edit,
    store: Path,
    sentence: Sentence,
) -> None:
    folder = copied()
    edit_document(folder, **changes)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(error, match=says) as caught:
        resume("copy-1", store=store, epochs=epochs)
    sentence(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_bundled_run_is_refused(bundled_store: Path, sentence: Sentence) -> None:
    with pytest.raises(CheckpointError, match="read-only: train its recipe, 'digits-vae', instead") as error:
        resume("bundled-digits-beta-1", epochs=300)
    sentence(error.value)


def test_a_run_in_training_is_refused(copied: Copy, store: Path, edit_document: Edit) -> None:
    folder = copied()
    edit_document(folder, state="running")
    with run_lock(folder), pytest.raises(LockedRun, match="being trained"):
        resume("copy-1", store=store)


@pytest.mark.parametrize("what", ["cut", "flipped", "renamed", "of another run"])
def test_a_damaged_file_to_go_on_from_is_refused(
    what: str, copied: Copy, trained: Trained, store: Path, sentence: Sentence
) -> None:
    path = copied() / "resume-3-0.safetensors"
    if what == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif what == "flipped":
        blob = bytearray(path.read_bytes())
        blob[-1] ^= 1
        path.write_bytes(blob)
    elif what == "of another run":
        shutil.copy(trained(optimiser="adamw", family="ae").record.folder / path.name, path)
    else:
        path.rename(path.with_name("resume-2-1.safetensors"))
        run = path.parent / "run.json"
        run.write_text(run.read_text().replace(path.name, "resume-2-1.safetensors"))
    with pytest.raises(CheckpointError, match="resume-") as error:
        resume("copy-1", store=store, epochs=4)
    sentence(error.value)


# ---- what is kept on the way


def test_the_last_and_the_best_stay(
    store: Path, small: Small, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = trained(epochs=2, batch_size=256).record.folder
    real, objectives = loop.mean_terms, iter([5.0, 3.0, 4.0, 3.0, 6.0])

    def scripted(*arguments: Any) -> dict[str, Any]:
        return {**real(*arguments), "objective": next(objectives)}

    monkeypatch.setattr(loop, "mean_terms", scripted)
    paused = train(small(epochs=5, batch_size=256), store=store, hooks=stop_after(3 * STEPS + 1))
    assert (paused.document.best, set(paused.document.kept)) == (2, {2, 3})
    run = resume(paused.id, store=store)
    assert (run.document.best, set(run.document.kept)) == (2, {2, 5})  # the first of two that are equal
    assert {path.name for path in run.record.folder.glob("model-*")} == set(run.document.kept.values())
    weights = tensors(run.record.folder / run.document.kept[2])
    assert weights == tensors(two / "model-2.safetensors")


def test_a_pause_adds_no_candidate_for_the_best(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, objectives = loop.mean_terms, iter([1.0, 3.0, 2.0, 5.0])

    def scripted(*arguments: Any) -> dict[str, Any]:
        return {**real(*arguments), "objective": next(objectives)}

    monkeypatch.setattr(loop, "mean_terms", scripted)
    config = small(epochs=4, batch_size=256, checkpoint_epochs=2)
    paused = train(config, store=store, hooks=stop_after(STEPS))
    assert (paused.document.epoch, paused.document.best) == (
        1,
        None,
    )  # a checkpoint that only the stop asked for
    run = resume(paused.id, store=store)
    assert (run.document.best, set(run.document.kept)) == (2, {2, 4})


def test_nothing_is_chosen_on_the_test_split_nor_in_a_game(store: Path, small: Small) -> None:
    for settings in ({"validation": 0.0}, {"family": "vaegan", "network": "mlp"}):
        run = train(small(**settings, epochs=2), store=store)
        assert run.document.best is None
        assert set(run.document.kept) == {2}


def test_every_so_many_epochs_stay(trained: Trained) -> None:
    run = trained(validation=0.0, epochs=7, keep_every=3)
    assert set(run.document.kept) == {3, 6, 7}
    assert {path.name for path in run.record.folder.glob("model-*")} == set(run.document.kept.values())
    weights = tensors(run.record.folder / run.document.kept[3])
    assert weights == tensors(trained(validation=0.0, epochs=3).record.folder / "model-3.safetensors")


@pytest.mark.parametrize(
    "settings, epochs",
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"checkpoint_epochs": 3}, [3, 6, 7]),
        ({"checkpoint_epochs": 3, "report_every": 2}, [4, 6, 7]),
        ({"checkpoint_epochs": 100}, [7]),
        ({"checkpoint_epochs": 100, "keep_every": 2}, [2, 4, 6, 7]),
    ],
)
def test_checkpoints_come_each_so_many_epochs(
    settings: dict[str, Any], epochs: list[int], store: Path, small: Small
) -> None:
    seen: list[int] = []

    def look(*_: object) -> None:
        epoch = json.loads((only_folder(store) / "run.json").read_text())["epoch"]
        if epoch and epoch not in seen:
            seen.append(epoch)

    train(
        small(**settings, epochs=7, batch_size=1293),
        store=store,
        hooks=Hooks(on_step=look, on_stage=look_once(look)),
    )
    assert seen == epochs


def look_once(look: Any) -> Any:
    return lambda stage: look() if stage == "Scoring" else None


def test_a_long_epoch_has_a_checkpoint_in_its_middle(store: Path, small: Small, trained: Trained) -> None:
    seen: list[str | None] = []

    def look(*_: object) -> None:
        seen.append(json.loads((only_folder(store) / "run.json").read_text())["resume"])

    settings = {**shared("vae"), "checkpoint_minutes": 1e-9}
    run = train(small(**settings), store=store, hooks=Hooks(on_step=look))
    ends = [f"resume-{k // STEPS}-{k % STEPS}.safetensors" for k in range(2 * STEPS)]
    assert seen == ends  # before each step, the one after the step before
    assert all_of(run)["weights"] == all_of(trained(**shared("vae")))["weights"]
    assert len(list(run.record.folder.glob("resume-*"))) == 1


def test_recipes_and_bundled_runs_keep_their_settings() -> None:
    for row in RECIPES.values():
        assert (row.config.checkpoint_epochs, row.config.checkpoint_minutes, row.config.keep_every) == (
            1,
            10,
            0,
        )


def test_what_ships_has_no_file_to_go_on_from(store: Path, small: Small) -> None:
    run = train(small(epochs=2), store=store, bundled=True, run_id="bundled-x")
    assert not list(run.record.folder.glob("resume-*"))
    assert set(open_run("bundled-x", store=store).document.kept) == {2}
