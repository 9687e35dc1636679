"""Training learns what it should, and the same seed the same; sweeps"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from core.config import RunConfig
from core.data import catalog
from core.encoding import build_model, encode_split, split_labels, split_tensors
from core.errors import ConfigError
from core.families import FAMILIES
from core.models.vae import Vae
from core.training import run
from core.training.loop import (
    HeldOut,
    epoch_generator,
    epochs,
    mean_terms,
    train_epoch,
)
from core.training.run import Hooks, train
from core.training.step import Step
from core.training.sweep import sweep, sweep_configs
from core.training.updates import Descent
from tests.core.fitting import fitting, is_game, weights_of
from tests.core.shared import ROWS, Sentence, Small, Trained

CPU = torch.device("cpu")


# ---- learning


@pytest.mark.parametrize("family, network", ROWS)
def test_one_batch_can_be_learned_by_heart(family: str, network: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    hidden = (16, 32) if network == "conv" else (128,)
    settings = {"network": network, "hidden": hidden, "latent": 8, "learning_rate": 5e-3, "epochs": 150}
    if is_game(family):
        settings |= {"pixel_weight": 1, "adversarial_weight": 0.1}  # else nothing asks for these very pixels
    config = RunConfig.make(fitting(family, **settings, batch_size=16))
    images = catalog.load("digits", "train").select(range(16))
    pixels, noise = split_tensors(images, config, device=CPU)
    labels = split_labels(images, config, device=CPU)
    model = build_model(config, (1, 8, 8), classes=10)
    before = mean_terms(encode_split(model, pixels, config, noise=noise, labels=labels), config)
    held_out = HeldOut("validation", pixels, noise, labels)
    rows = list(epochs(model, pixels, config, labels=labels, held_out=held_out))
    x = images.pixels / 255
    if config.likelihood == "bernoulli":
        floor = -(np.where(x > 0, x * np.log(np.maximum(x, 1e-9)), 0)).sum() / 16
        floor -= np.where(x < 1, (1 - x) * np.log(np.maximum(1 - x, 1e-9)), 0).sum() / 16
    else:
        floor = 64 * math.log(config.sigma * math.sqrt(2 * math.pi))
    # what is fitted at once has no first epoch to be better than
    start = before if len(rows) == 1 else rows[0]["validation"]
    first, last = (one["distortion"] - floor for one in (start, rows[-1]["validation"]))
    assert last < 0.4 * first
    assert last > 0  # nothing goes below the entropy of grey pixels, or a squared error of 0
    assert is_game(family) or rows[-1]["validation"]["objective"] < start["objective"]


@pytest.mark.parametrize("family, network", ROWS)
def test_the_trained_objective_falls(family: str, network: str, trained: Trained) -> None:
    if FAMILIES[family].closed_form:
        pytest.skip("fitted at once")
    history = trained(family=family, network=network, epochs=6).history()
    for split in ("train", "validation"):
        if is_game(family):  # the players move each other's objectives
            assert history[-1][split]["terms"]["discriminator_accuracy"] > 0.55
        else:
            assert history[-1][split]["objective"] < 0.985 * history[0][split]["objective"]


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_decoder_that_ignores_z_ends_without_a_rate(network: str, small: Small) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Deaf(Vae):
        def decode(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
            return super().decode(0 * z)

    config = small(network=network, epochs=25, learning_rate=5e-3)
    images = catalog.load("digits", "train").select(range(384))
    pixels, noise = split_tensors(images, config, device=CPU)
    rows = list(
        epochs(Deaf(config, (1, 8, 8)), pixels, config, held_out=HeldOut("validation", pixels, noise))
    )
    assert rows[0]["train"]["rate"] > 0.01
    assert 0 <= rows[-1]["validation"]["rate"] < 0.01
    assert max(rows[-1]["validation"]["rate_per_dimension"]) < 0.01


def test_a_huge_beta_leaves_no_rate_and_beta_0_a_large_one(trained: Trained) -> None:
    rates = {beta: trained(beta=beta, epochs=6).record.scores["test"]["rate"] for beta in (0.0, 1.0, 1e3)}  # type: ignore[index]
    assert rates[0.0] > rates[1.0] > rates[1e3]
    assert rates[1e3] < 0.05


def test_the_first_step_is_adams_on_the_mean_objective(small: Small) -> None:
    """One step on one batch, against the same written out: gradient of mean(D + beta R), Adam's first update."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = small(beta=3.0, batch_size=32, learning_rate=1e-3)
    images = catalog.load("digits", "train").select(range(32))
    pixels, _ = split_tensors(images, config, device=CPU)
    model = build_model(config, (1, 8, 8))
    twin = build_model(config, (1, 8, 8))
    twin.load_state_dict(model.state_dict())
    row = train_epoch(Step(model, Descent(model, config), config, pixels), epoch=1)
    order = torch.randperm(32, generator=epoch_generator(config, 1, 0, CPU))
    noise = torch.randn((32, 2), generator=epoch_generator(config, 1, 1, CPU))
    x = pixels[order].float() / 255
    means, log_variances = twin.encode(x)  # type: ignore[operator]
    posterior = Normal(means, (log_variances / 2).exp())
    logits = twin.decode(means + posterior.scale * noise)  # type: ignore[operator]
    distortion = -Bernoulli(logits=logits, validate_args=False).log_prob(x).sum((1, 2, 3))
    rate = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    (distortion + 3 * rate).mean().backward()
    assert row["distortion"] == pytest.approx(distortion.mean().item(), rel=1e-5)
    assert row["rate"] == pytest.approx(rate.mean().item(), rel=1e-5)
    assert row["objective"] == pytest.approx((distortion + 3 * rate).mean().item(), rel=1e-5)
    for (name, new), old in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert old.grad is not None
        clear = old.grad.abs() > 1e-4  # where rounding cannot change g / (|g| + eps)
        assert clear.any(), name
        torch.testing.assert_close(new[clear], (old - 1e-3 * old.grad.sign())[clear], rtol=0, atol=2e-6)


# ---- determinism


def test_the_same_seed_gives_the_same_weights_and_another_does_not(store: Path, small: Small) -> None:
    torch.set_num_threads(1)
    runs = [train(small(seed=seed, network="conv"), store=store) for seed in (5, 5, 6)]
    assert weights_of(runs[0]) == weights_of(runs[1])
    assert weights_of(runs[0]) != weights_of(runs[2])
    assert runs[0].record.scores is not None
    assert runs[1].record.scores is not None
    assert runs[0].record.scores["test"] == runs[1].record.scores["test"]
    for one, other in zip(runs[0].history(), runs[1].history(), strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert runs[0].id != runs[1].id


def test_watching_a_run_does_not_change_it(store: Path, small: Small) -> None:
    torch.set_num_threads(1)
    seen: list[Any] = []

    def noisy(*_: object) -> None:
        seen.append(torch.rand(3))  # a hook that uses the global generator

    hooks = Hooks(on_start=noisy, on_step=noisy, on_epoch=noisy, on_stage=noisy)
    assert weights_of(train(small(), store=store)) == weights_of(train(small(), store=store, hooks=hooks))
    assert seen


def test_memory_that_steps_held_for_one_another_is_given_back_before_the_scores(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(run, "trim_memory", lambda: said.append("given back"))
    hooks = Hooks(on_epoch=lambda row: said.append(row["epoch"]), on_stage=said.append)
    train(small(epochs=2), store=store, hooks=hooks)
    assert said[-4:] == [1, 2, "given back", "Scoring"]


# ---- sweeps


def test_a_sweep_is_one_config_a_beta(small: Small) -> None:
    config = small(seed=4)
    configs = sweep_configs(config, [2.0, 0.0, 0.5])
    assert [one.beta for one in configs] == [2.0, 0.0, 0.5]
    for one in configs:
        assert one.with_settings({"beta": 1.0}) == config


@pytest.mark.parametrize(
    "settings, betas, says",
    [
        ({}, [], "at least one beta"),
        ({}, [1.0, 1.0], "stand once"),
        ({}, [1.0, -1.0], "'beta' cannot be -1"),
        ({}, [math.nan], "'beta' cannot be nan"),
        ({"family": "ae"}, [1.0], "no beta to sweep"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_trains(
    settings: dict[str, Any],
    betas: list[float],
    says: str,
    store: Path,
    small: Small,
    sentence: Sentence,
) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        sweep(small(**settings), betas, name="S", store=store)
    sentence(error.value)
    assert list(store.iterdir()) == []


def test_the_runs_of_a_sweep_are_found_by_its_name(store: Path, small: Small) -> None:
    runs = sweep(small(epochs=1), [0.5, 2.0], name="Mine", store=store, recipe="digits-vae")
    assert [run.name for run in runs] == ["Mine, beta 0.5", "Mine, beta 2"]
    assert len({run.document.sweep for run in runs}) == 1
    assert runs[0].document.sweep
    assert len({run.id for run in runs}) == 2
