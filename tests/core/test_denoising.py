"""Denoising: corruption against its definition, PSNR by hand, and noise that belongs to the image."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.config import RunConfig
from core.corruption import KINDS, corrupt
from core.denoising import KINDS as OFFERED
from core.denoising import denoise, psnr
from core.encoding import build_model
from core.errors import ConfigError
from core.objectives import denoising
from core.runs import Run, open_run

X = torch.full((2000, 1, 4, 5), 0.5)
NOISE = torch.randn((2000, 20), generator=torch.Generator().manual_seed(0))


def test_the_kinds_are_the_settings() -> None:
    assert OFFERED == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_level_0_changes_nothing(kind: str) -> None:
    assert torch.equal(corrupt(X, NOISE, kind=kind, level=0.0), X)


def test_gaussian_noise_is_added_and_clipped() -> None:
    found = corrupt(X, NOISE, kind="gaussian", level=0.25)
    np.testing.assert_allclose(found.flatten(1).numpy(), np.clip(0.5 + 0.25 * NOISE.numpy(), 0, 1), atol=1e-7)
    assert found.min() == 0  # two standard deviations away: some are
    assert found.max() == 1


@pytest.mark.parametrize("level", [0.1, 0.3, 1.0])
def test_shares_of_masked_and_replaced_values(level: float) -> None:
    count = X.numel()
    spread = 5 * math.sqrt(level * (1 - level) / count) + 1e-9  # five standard errors of a share
    masked = corrupt(X, NOISE, kind="masking", level=level)
    assert set(masked.unique().tolist()) <= {0.0, 0.5}
    assert (masked == 0).float().mean().item() == pytest.approx(level, abs=spread)
    salted = corrupt(X, NOISE, kind="salt_and_pepper", level=level)
    for value in (0.0, 1.0):
        half = level / 2
        share = (salted == value).double().mean().item()
        assert share == pytest.approx(half, abs=5 * math.sqrt(half * (1 - half) / count))


def test_psnr_by_hand() -> None:
    assert psnr(np.full((3, 4), 0.6), np.full((3, 4), 0.5)) == pytest.approx(20.0)  # error 0.01
    assert psnr(np.ones(5), np.zeros(5)) == pytest.approx(0.0)
    assert psnr(np.ones(5), np.ones(5)) is None


def test_the_objective_is_d_of_the_clean_image_from_the_corrupted_one() -> None:
    torch.manual_seed(0)
    config = RunConfig.make(
        {"family": "dae", "hidden": (9,), "corruption": "masking", "corruption_level": 0.4}
    )
    model = build_model(config, (1, 4, 5)).eval()
    x, noise = torch.rand((6, 1, 4, 5), generator=torch.Generator().manual_seed(1)), NOISE[:6]
    out = denoising(model, x, noise, config)  # type: ignore[arg-type]
    hidden = torch.where(torch.distributions.Normal(0, 1).cdf(noise).view_as(x) < 0.4, 0.0, x)
    logits = model.decode(model.encode(hidden)[0])  # type: ignore[operator]
    by_hand = torch.nn.functional.binary_cross_entropy(logits.sigmoid(), x, reduction="none").sum((1, 2, 3))
    torch.testing.assert_close(out.distortion, by_hand, rtol=1e-4, atol=1e-4)
    assert torch.equal(out.means, model.encode(x)[0])  # type: ignore[operator]
    model.train()
    assert torch.equal(denoising(model, x, noise, config).means, model.encode(hidden)[0])  # type: ignore[arg-type, operator]


def test_an_images_noise_is_its_own(trained: Callable[..., Run]) -> None:
    run = trained(family="dae")
    images = run.images("test")
    whole = denoise(run, images)
    rows = np.array([300, 4, 77])
    some = denoise(run, images.select(rows))
    np.testing.assert_array_equal(some.noisy, whole.noisy[rows])
    np.testing.assert_allclose(some.denoised, whole.denoised[rows], atol=1e-6)
    assert not np.array_equal(denoise(run, images, seed=1).noisy, whole.noisy)
    assert not np.array_equal(denoise(run, run.images("train")).noisy[:3], whole.noisy[:3])


@pytest.mark.parametrize("settings", [{"family": "ae"}, {}, {"pad": 12}])
def test_any_run_can_be_asked(settings: dict[str, Any], trained: Callable[..., Run]) -> None:
    run = trained(**settings)
    found = denoise(run, run.images("test"), kind="salt_and_pepper", level=0.2)
    assert found.clean.shape == found.noisy.shape == found.denoised.shape == (360, 1, 8, 8)
    assert found.psnr_noisy is not None
    assert found.psnr_denoised is not None


@pytest.mark.parametrize(
    "arguments, says", [({"kind": "blur"}, "choose one of gaussian"), ({"level": 2}, "from 0 to 1, not 2")]
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: dict[str, Any],
    says: str,
    trained: Callable[..., Run],
    sentence: Callable[[BaseException], str],
) -> None:
    run = trained(family="dae")
    with pytest.raises(ConfigError, match=says) as error:
        denoise(run, run.images("test"), **arguments)
    sentence(error.value)


def test_the_bundled_run_takes_noise_out_that_a_plain_autoencoder_hands_on(bundled_store: Path) -> None:
    """At Gaussian noise 0.25: at least 3 dB above the noisy images, and 2 dB above the plain one of equal size."""
    trained_for_it, plain = open_run("bundled-digits-dae"), open_run("bundled-digits-ae-32d")
    images = trained_for_it.images("test")
    found, other = denoise(trained_for_it, images), denoise(plain, images)
    assert found.psnr_noisy is not None
    assert found.psnr_denoised is not None
    assert other.psnr_denoised is not None
    assert found.psnr_denoised >= found.psnr_noisy + 3
    assert found.psnr_denoised >= other.psnr_denoised + 2
