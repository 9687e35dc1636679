"""Training that is refused, or ends otherwise than hoped"""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core
from core import objectives
from core.config import RunConfig
from core.errors import CheckpointError, ConfigError, DataError, DataMissing, Diverged
from core.recipes import recipe
from core.runs import open_run
from core.store import is_locked, read_record
from core.training import step
from core.training.resume import resume
from core.training.run import Hooks, train
from tests.core.fitting import only_folder, weights_of
from tests.core.shared import Sentence, Small

CPU = torch.device("cpu")


# ---- refusals before anything is written


@pytest.mark.parametrize(
    "settings, options, error, says",
    [
        ({"batch_size": 1294}, {}, ConfigError, "more than the 1293 training images"),
        ({"pad": 4}, {}, ConfigError, "cannot be padded"),
        ({"dataset": "mnist"}, {}, DataMissing, "mnist"),
        ({"dataset": "cats"}, {}, DataError, "no data set 'cats'"),
        ({"device": "cuda:77"}, {}, ConfigError, "not here"),
        ({}, {"name": ""}, ConfigError, "cannot be empty"),
        ({}, {"name": "x" * 200}, ConfigError, "at most 120"),
        ({}, {"run_id": "../x"}, CheckpointError, "no run id"),
        ({}, {"run_id": 5}, CheckpointError, "no run id"),
        ({}, {"name": 5}, ConfigError, "A run's name is a text, not 5"),
        ({}, {"recipe": 5}, ConfigError, "'recipe' is a text, not 5"),
        ({}, {"sweep": 5}, ConfigError, "'sweep' is a text, not 5"),
        ({}, {"hooks": print}, ConfigError, "'hooks' is a core.training.run.Hooks"),
        (
            {},
            {"epochs": 5},
            ConfigError,
            "no option 'epochs': .* settings are changed with config.with_settings",
        ),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(
    settings: dict[str, Any],
    options: dict[str, Any],
    error: type[Exception],
    says: str,
    store: Path,
    small: Small,
    monkeypatch: pytest.MonkeyPatch,
    sentence: Sentence,
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(store / "no-data"))
    with pytest.raises(error, match=says) as caught:
        core.train(small(**settings), store=store, **options)
    sentence(caught.value)
    assert list(store.iterdir()) == []


@pytest.mark.parametrize("config", [None, "digits-vae", {"epochs": 1}, recipe("digits-vae")], ids=repr)
def test_what_is_no_config_is_one_sentence(config: Any, store: Path, sentence: Sentence) -> None:
    with pytest.raises(ConfigError, match="A run is trained from a RunConfig") as error:
        core.train(config, store=store)
    sentence(error.value)
    assert list(store.iterdir()) == []


def test_a_store_may_be_named_by_a_text(store: Path, small: Small) -> None:
    assert core.train(small(epochs=1), store=str(store / "new")).record.folder.parent == store / "new"


# ---- ends otherwise than hoped


@pytest.fixture
def nan_in_epoch(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], None]:
    """Make a term of the objective NaN from the given epoch on (11 steps an epoch)."""

    def arrange(epoch: int, term: str) -> None:
        real, steps = objectives.elbo, iter(range(10**9))

        def poisoned(
            model: Any, x: torch.Tensor, noise: torch.Tensor, config: RunConfig, **told: Any
        ) -> objectives.Terms:
            out = real(model, x, noise, config)
            if model.training and next(steps) >= 11 * (epoch - 1):
                return out._replace(**{term: getattr(out, term) * math.nan})
            return out

        monkeypatch.setattr(objectives, "elbo", poisoned)
        # a recorded step would keep the objective of before
        monkeypatch.setattr(step, "WARM_STEPS", 10**9)

    return arrange


@pytest.mark.parametrize("term", ["distortion", "rate_per_dimension"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_loss_that_is_not_finite_keeps_the_last_goodweights_of(
    epoch: int,
    term: str,
    store: Path,
    small: Small,
    nan_in_epoch: Callable[[int, str], None],
    sentence: Sentence,
) -> None:
    nan_in_epoch(epoch, term)
    with pytest.raises(Diverged, match=f"not finite in epoch {epoch}") as error:
        train(small(epochs=5, batch_size=128), store=store)
    record = read_record(only_folder(store))
    assert (record.state, record.reason) == ("diverged", sentence(error.value))
    assert "learning_rate" in (record.reason or "")
    run = open_run(record.folder, device="cpu")
    assert run.document.epoch == epoch - 1
    assert [row["epoch"] for row in run.history()] == list(range(1, epoch))
    assert all(torch.isfinite(tensor).all() for tensor in run.model.state_dict().values())
    assert np.isfinite(run.decode(np.zeros((1, 2)))).all()
    assert not is_locked(record.folder)


def test_the_last_good_weights_are_those_of_the_same_run_stopped_there(
    store: Path, small: Small, nan_in_epoch: Callable[[int, str], None]
) -> None:
    torch.set_num_threads(1)
    good = train(small(epochs=2, batch_size=128), store=store / "good")
    nan_in_epoch(3, "distortion")
    with pytest.raises(Diverged):
        train(small(epochs=5, batch_size=128), store=store / "bad")
    assert weights_of(open_run(only_folder(store / "bad"), device="cpu")) == weights_of(good)


def test_a_step_size_that_blows_up_is_caught(store: Path, small: Small) -> None:
    # without a bound on log-variances, sigma overflows within a few steps
    with pytest.raises(Diverged):
        train(small(epochs=20, learning_rate=10, batch_size=16), store=store)
    record = read_record(only_folder(store))
    assert record.state == "diverged"
    run = open_run(record.folder, device="cpu")
    assert len(run.history()) == run.document.epoch
    assert all(torch.isfinite(tensor).all() for tensor in run.model.state_dict().values())


@pytest.mark.parametrize("name, objective", [("vae", "elbo"), ("ae", "distortion_alone")])
def test_only_a_family_with_a_beta_is_told_to_warm_it_up(
    name: str, objective: str, store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(objectives, objective)

    def poisoned(*arguments: Any, **told: Any) -> objectives.Terms:
        out = real(*arguments, **told)
        return out._replace(distortion=out.distortion * math.nan)

    monkeypatch.setattr(objectives, objective, poisoned)
    with pytest.raises(Diverged) as error:
        train(small(family=name), store=store)
    with pytest.raises(CheckpointError) as refused:
        resume(only_folder(store).name, store=store)
    for said in (str(error.value), str(refused.value)):
        assert "smaller learning_rate" in said
        assert ("warmup_epochs" in said) == (name == "vae")


def test_a_held_out_loss_that_is_not_finite_is_caught_too(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = objectives.elbo, []

    def poisoned(model: Any, *arguments: Any, **told: Any) -> objectives.Terms:
        out = real(model, *arguments)
        if not model.training:
            seen.append(1)
            if len(seen) == 2:
                return out._replace(distortion=out.distortion * math.inf)
        return out

    monkeypatch.setattr(objectives, "elbo", poisoned)
    with pytest.raises(Diverged, match="epoch 2"):
        train(small(), store=store)
    assert open_run(only_folder(store)).document.epoch == 1


@pytest.mark.parametrize("place", ["on_start", "on_step", "on_epoch", "on_stage"])
@pytest.mark.parametrize(
    "error, state, says",
    [
        (KeyboardInterrupt(), "stopped", "Stopped by hand after epoch"),
        (RuntimeError("secret detail"), "failed", "RuntimeError in training."),
        (SystemExit(3), "failed", "SystemExit in training."),
        (CheckpointError("The disk is full."), "failed", "The disk is full."),
    ],
)
def test_a_run_that_was_stopped_or_failed_says_so(
    place: str, error: BaseException, state: str, says: str, store: Path, small: Small
) -> None:
    calls: list[object] = []

    def raise_it(*arguments: Any) -> None:
        calls.append(arguments)
        if place != "on_stage" or arguments == ("Scoring",):
            raise error

    with pytest.raises(type(error)):
        train(small(), store=store, hooks=Hooks(**{place: raise_it}))
    record = read_record(only_folder(store))
    assert record.state == state
    assert says in (record.reason or "")
    epoch = {"on_start": 0, "on_step": 0, "on_epoch": 1, "on_stage": 3}[place]
    run = open_run(record.folder, device="cpu")
    assert run.document.epoch == epoch
    assert len(run.history()) == epoch
    assert np.isfinite(run.decode(np.zeros((1, 2)))).all()
    assert not is_locked(record.folder)


def test_a_killed_process_leaves_a_run_that_reads_interrupted_and_opens(store: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from core.config import RunConfig
from core.training.resume import resume
from core.training.run import Hooks, train
def die(row):
    if row["epoch"] == 2:
        os._exit(9)
config = RunConfig.make({"hidden": (8,), "epochs": 5, "threads": 1, "device": "cpu"})
train(config, store=Path(sys.argv[1]), hooks=Hooks(on_epoch=die))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(store)], cwd=Path(core.__file__).parents[1], check=False
    )
    assert done.returncode == 9
    record = read_record(only_folder(store))
    assert record.state == "interrupted"
    assert "epoch 2" in (record.reason or "")
    run = open_run(record.folder, device="cpu")
    assert len(run.history()) == 2
    assert run.decode(np.zeros((1, 2))).shape == (1, 1, 8, 8)
