"""What a training run writes"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core
from core.config import RunConfig
from core.data import catalog
from core.encoding import build_model, split_tensors
from core.families import FAMILIES
from core.objectives import terms_of
from core.runs import open_run
from core.store import is_locked, list_runs
from core.training.loop import (
    learning_rate_at,
    train_epoch,
)
from core.training.run import Hooks, train
from core.training.step import Step
from core.training.updates import Descent
from tests.core.fitting import weights_of
from tests.core.shared import ROWS, Small, Trained

CPU = torch.device("cpu")


def test_the_folder_of_a_finished_run(trained: Trained) -> None:
    run = trained()
    assert {item.name for item in run.record.folder.iterdir()} == {
        "run.json",
        "model-3.safetensors",
        "resume-3-0.safetensors",
        "history.jsonl",
        "scores.json",
        "latents-test.npz",
        "latents-train.npz",
        "probe.json",
        "probe.f32",
        "shown.npz",
    }
    document = json.loads((run.record.folder / "run.json").read_text())
    assert (document["format"], document["state"], document["epoch"]) == (1, "finished", 3)
    assert document["id"] == run.id == run.record.folder.name
    assert document["data"]["fingerprint"] == catalog.fingerprint("digits")
    assert document["data"]["class_names"] == [str(k) for k in range(10)]
    assert document["parameters"] == (64 * 32 + 32) + 2 * (32 * 2 + 2) + (2 * 32 + 32) + (32 * 64 + 64)
    assert set(document["versions"]) == {"python", "torch", "numpy", "safetensors", "scikit-learn"}
    assert RunConfig.make(document["config"]) == run.config
    assert document["reason"] is None
    assert not is_locked(run.record.folder)


@pytest.mark.parametrize("family, network", ROWS)
def test_the_history_has_a_row_an_epoch(family: str, network: str, trained: Trained) -> None:
    run = trained(family=family, network=network)
    history = run.history()
    assert [row["epoch"] for row in history] == list(range(1, run.config.epochs + 1))
    for row in history:
        assert set(row) == {"epoch", "beta", "train", "validation", "seconds"}
        assert row["seconds"] > 0
        for split in ("train", "validation"):
            terms = row[split]
            others = FAMILIES[family].terms
            names = {"distortion", "rate", "rate_per_dimension", "objective", *(["terms"] if others else [])}
            assert set(terms) == names
            assert set(terms.get("terms", {})) == set(others)
            expected = run.config.pixel_weight * terms["distortion"]
            expected += sum(
                terms_of(run.config)[name] * value for name, value in terms.get("terms", {}).items()
            )
            if not run.has_posterior:
                assert terms["rate"] is None
                assert terms["rate_per_dimension"] is None
                assert terms["objective"] == pytest.approx(expected, rel=1e-6)
                continue
            assert len(terms["rate_per_dimension"]) == 2
            assert min(terms["rate_per_dimension"]) >= 0
            assert sum(terms["rate_per_dimension"]) == pytest.approx(terms["rate"], rel=1e-9)
            expected += run.config.beta * terms["rate"]
            assert terms["objective"] == pytest.approx(expected, rel=1e-6)


def test_the_last_row_is_the_stored_score(trained: Trained) -> None:
    run = trained()
    assert run.record.scores is not None
    last, stored = run.history()[-1]["validation"], run.record.scores["validation"]
    for name in ("distortion", "rate", "objective"):
        assert last[name] == pytest.approx(stored[name], rel=1e-6)


def test_without_a_validation_share_the_test_split_is_followed_under_its_own_name(trained: Trained) -> None:
    run = trained(validation=0)
    assert run.document.data.validation == 0
    assert run.record.scores is not None
    assert "validation" not in run.record.scores
    for row in run.history():
        assert set(row) == {"epoch", "beta", "train", "test", "seconds"}
    assert run.history()[-1]["test"]["distortion"] == pytest.approx(
        run.record.scores["test"]["distortion"], rel=1e-6
    )


def test_beta_warms_up(trained: Trained) -> None:
    history = trained(beta=8.0, warmup_epochs=2).history()
    assert [row["beta"] for row in history] == [4.0, 8.0, 8.0]
    first, second, last = (row["train"] for row in history)

    def effective(terms: dict[str, Any]) -> float:
        return (terms["objective"] - terms["distortion"]) / terms["rate"]

    # an average over the epoch's steps, of a beta that grows from 0 to 4, from 4 to 8, and stays at 8
    assert 0 < effective(first) < 4
    assert 4 < effective(second) < 8
    assert effective(last) == pytest.approx(8, rel=1e-4)
    # the held-out objective is at the final beta in every row: one curve, one weight
    for row in history:
        assert effective(row["validation"]) == pytest.approx(8)


def test_of_every_few_epochs_there_is_a_row_and_of_the_last(
    trained: Trained, store: Path, small: Small
) -> None:
    run = trained(epochs=7, report_every=3)
    every = trained(epochs=7)
    assert [row["epoch"] for row in run.history()] == [3, 6, 7]
    assert (run.document.epoch, run.document.weights) == (7, "model-7.safetensors")
    assert weights_of(run) == weights_of(every)  # what is not looked at does not change
    for row in run.history():
        expected = every.history()[row["epoch"] - 1]
        assert {**row, "seconds": 0} == {**expected, "seconds": 0}


def test_a_batch_of_0_is_all_images_and_one_step_an_epoch(store: Path, small: Small) -> None:
    steps: list[tuple[int, int, int]] = []
    run = train(small(batch_size=0), store=store, hooks=Hooks(on_step=lambda *one: steps.append(one)))
    assert steps == [(1, 1, 1), (2, 1, 1), (3, 1, 1)]
    whole = train(small(batch_size=run.document.data.train), store=store)
    first, second = (one.history()[0]["train"]["rate"] for one in (run, whole))
    assert first == pytest.approx(second, rel=1e-5)  # the first step has the same weights, in any order


@pytest.mark.parametrize(
    "schedule, epoch, expected",
    [
        ("constant", 0, 0.2),
        ("constant", 10, 0.2),
        ("cosine", 0, 0.2),
        ("cosine", 2.5, 0.2 * (1 + math.sqrt(0.5)) / 2),
        ("cosine", 5, 0.1),
        ("cosine", 10, 0),
        ("cosine", 11, 0),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule: str, epoch: float, expected: float) -> None:
    config = RunConfig.make({"schedule": schedule, "learning_rate": 0.2, "epochs": 10})
    assert math.isclose(learning_rate_at(config, epoch), expected, abs_tol=1e-12)


def test_steps_have_the_learning_rate_of_their_place(small: Small) -> None:
    """Adam's first step is the learning rate times the sign of the gradient, whatever that rate is by then."""
    torch.manual_seed(0)
    config = small(schedule="cosine", learning_rate=0.1, epochs=4, batch_size=64)
    pixels, _ = split_tensors(catalog.load("digits", "train").select(range(64)), config, device=CPU)
    model = build_model(config, (1, 8, 8))
    before = model.mean.bias.detach().clone()  # type: ignore[union-attr, operator]
    train_epoch(Step(model, Descent(model, config), config, pixels), epoch=3)
    moved = (model.mean.bias.detach() - before).abs()  # type: ignore[union-attr, operator]
    torch.testing.assert_close(moved, torch.full_like(moved, 0.05), rtol=1e-3, atol=0)


@pytest.mark.parametrize("settings", [{"precision": "bf16"}, {"likelihood": "gaussian"}, {"latent": 5}])
def test_other_settings_train_too(settings: dict[str, Any], trained: Trained) -> None:
    run = trained(**settings)
    assert run.history()[-1]["validation"]["objective"] < run.history()[0]["validation"]["objective"]
    assert all(tensor.dtype == torch.float32 for tensor in run.model.state_dict().values())


def test_hooks_hear_of_every_step_and_epoch(store: Path, small: Small) -> None:
    heard: list[tuple[str, Any]] = []
    hooks = Hooks(
        on_start=lambda run_id, config: heard.append(("start", run_id)),
        on_step=lambda *step: heard.append(("step", step)),
        on_epoch=lambda row: heard.append(("epoch", row["epoch"])),
        on_stage=lambda text: heard.append(("stage", text)),
    )
    run = train(small(epochs=2, batch_size=500), store=store, hooks=hooks)
    steps = [("step", (epoch, step, 3)) for epoch in (1, 2) for step in (1, 2, 3)]
    assert heard == [
        ("stage", "Loading data"),
        ("start", run.id),
        *steps[:3],
        ("epoch", 1),
        *steps[3:],
        ("epoch", 2),
        ("stage", "Scoring"),
    ]


def test_while_it_trains_a_run_reads_running_and_its_last_epoch_opens(store: Path, small: Small) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(row: dict[str, Any]) -> None:
        (record,) = list_runs(store)
        run = open_run(record.id, store=store, device="cpu")
        shape = run.decode(np.zeros((1, 2))).shape
        epoch = run.document.epoch
        assert run.document.weights == f"model-{epoch}.safetensors"
        # the best are the last here; those of one epoch before are still there for a reader of the run.json before
        kept = {item.name for item in record.folder.glob("model-*.safetensors")}
        assert kept == {f"model-{epoch}.safetensors", f"model-{epoch - 1}.safetensors"}
        seen.append((record.state, len(run.history()), epoch, shape))

    train(small(), store=store, hooks=Hooks(on_epoch=look))
    assert seen == [("running", epoch, epoch, (1, 1, 8, 8)) for epoch in (1, 2, 3)]


def test_training_leaves_the_callers_threads_as_they_were(store: Path, small: Small) -> None:
    seen: list[int] = []
    torch.set_num_threads(2)
    try:
        train(
            small(threads=1),
            store=store,
            hooks=Hooks(on_epoch=lambda _: seen.append(torch.get_num_threads())),
        )
        assert seen == [1, 1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_names_and_notes_of_origin(store: Path, small: Small) -> None:
    run = train(small(epochs=1), name="../../<b>x</b>\u202e", store=store, recipe="digits-vae", sweep="s-1")
    assert run.name == "../../<b>x</b>"
    assert run.record.folder.parent == store
    assert (run.document.recipe, run.document.sweep, run.document.bundled) == ("digits-vae", "s-1", False)
    assert train(small(epochs=1), store=store).name == "vae"
    assert train(small(epochs=1), store=store, recipe="digits-vae").name == "digits-vae"
    assert core.train(small(epochs=1), name="By the door").record.folder.parent == store


def test_latents_can_be_left_out(store: Path, small: Small) -> None:
    run = train(small(epochs=1), store=store, keep_latents=False)
    assert not list(run.record.folder.glob("latents-*"))
    assert run.record.scores is not None
