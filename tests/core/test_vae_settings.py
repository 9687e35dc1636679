"""What a VAE can be asked besides beta: free bits, a learned sigma, binary pixels, and an MMD to the images."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from torch.distributions import Normal

from core import terms
from core.analysis.tradeoff import board_key, comparable_key, why_not_comparable
from core.config import RunConfig
from core.corruption import drawn_pixels, thresholds
from core.data import catalog
from core.encoding import build_model, encode_split, split_tensors
from core.errors import ConfigError
from core.objectives import elbo, prior_width
from core.runs import Run, load_images, open_run
from core.scoring import evaluate
from tests.conftest import REPO
from tests.core.shared import Trained

CPU = torch.device("cpu")


def scores_of(run: Run, split: str = "test") -> dict[str, Any]:
    assert run.record.scores is not None
    found: dict[str, Any] = run.record.scores[split]
    return found


# ---- MMD


def test_the_mmd_of_two_gaussians_is_its_closed_form() -> None:
    """N(0, I) and N(m, I), kernel width s: 2 (s^2 / (s^2 + 2))^(d / 2) (1 - exp(-|m|^2 / (2 (s^2 + 2))))."""
    generator = torch.Generator().manual_seed(0)
    mean, s = torch.tensor([0.6, -0.3, 0.2], dtype=torch.float64), 1.3
    found = []
    for _ in range(60):
        x, y = (torch.randn((300, 3), generator=generator, dtype=torch.float64) for _ in range(2))
        found.append(float(terms.mmd(x, y[:250] + mean, s)))
    truth = 2 * (s**2 / (s**2 + 2)) ** 1.5 * (1 - math.exp(-float(mean.square().sum()) / (2 * (s**2 + 2))))
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert error < truth / 20  # so that a miss of a factor, or of the diagonal, is seen
    assert abs(np.mean(found) - truth) < 4 * error


def test_the_mmd_of_equal_distributions_is_0_on_average_and_below_it_at_times() -> None:
    generator = torch.Generator().manual_seed(1)
    found = [float(terms.mmd(*torch.randn((2, 40, 2), generator=generator), 1.0)) for _ in range(100)]
    assert abs(np.mean(found)) < 4 * np.std(found, ddof=1) / 10
    assert min(found) < 0 < max(found)


def test_the_mmd_against_loops_and_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (torch.rand((k, 4), generator=torch.Generator().manual_seed(k)) for k in (9, 6))

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        return math.exp(-float((a - b).square().sum()) / (2 * 0.7**2))

    by_hand = sum(kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j) / 72
    by_hand += sum(kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j) / 30
    by_hand -= 2 * sum(kernel(a, b) for a in x for b in y) / 54
    assert float(terms.mmd(x, y, 0.7)) == pytest.approx(by_hand, rel=1e-4)
    monkeypatch.setattr(terms, "KERNEL_ROWS", 4)
    assert float(terms.mmd(x, y, 0.7)) == pytest.approx(by_hand, rel=1e-4)


def test_the_mmd_of_a_run_is_one_number_of_the_split(trained: Trained) -> None:
    run = trained(mmd_weight=10.0)
    pixels = run.images("test").pixels
    draws = torch.randn((len(pixels), 2), generator=torch.Generator().manual_seed(0)).numpy()
    x, y = (torch.from_numpy(one).flatten(1).double() for one in (run.decode(draws), pixels / 255))
    bandwidth = float(run.model.mmd_bandwidth)  # type: ignore[arg-type]
    found = scores_of(run)["mmd"]
    assert found == pytest.approx(float(terms.mmd(x, y, bandwidth)), rel=1e-3)
    assert evaluate(run, batch_size=7)["mmd"] == pytest.approx(found, rel=1e-5)
    distances = pdist(load_images(run.config, "train").pixels[:1000].reshape(1000, -1) / 255)
    assert bandwidth == pytest.approx(np.median(distances), rel=1e-4)
    one = scores_of(run)
    assert one["objective"] == pytest.approx(one["distortion"] + one["rate"] + 10 * found, rel=1e-6)
    for row in run.history():
        assert set(row["train"]["terms"]) == set(row["validation"]["terms"]) == {"mmd"}
    given = trained(mmd_weight=10.0, mmd_bandwidth=2.5)
    assert float(given.model.mmd_bandwidth) == 2.5  # type: ignore[arg-type]
    assert board_key(run.record) != board_key(trained().record)
    assert comparable_key(run.record) == comparable_key(trained().record)


def test_the_mmd_of_a_batch_pulls_on_the_decoder_alone() -> None:
    config = RunConfig.make({"mmd_weight": 1, "hidden": (8,)})
    assert (prior_width(config), prior_width(RunConfig.make({}))) == (2, 0)
    torch.manual_seed(0)
    model = build_model(config, (1, 8, 8))
    x = torch.rand((5, 1, 8, 8))
    out = elbo(model, x, torch.randn(5, 4), config)  # type: ignore[arg-type]
    assert out.prior_images is not None
    terms.mmd(out.prior_images.flatten(1), x.flatten(1), 1.0).backward()
    assert all(one.grad is None for one in model.encoder.parameters())  # type: ignore[union-attr]
    assert all(one.grad.abs().sum() > 0 for one in model.decoder.parameters())  # type: ignore[union-attr]


def test_the_bundled_mmd_run_has_draws_nearer_to_the_images() -> None:
    held, plain = (open_run(REPO / "checkpoints" / f"bundled-digits-{one}") for one in ("vae-mmd", "beta-1"))
    images = torch.from_numpy(held.images("test").pixels / 255).flatten(1)
    bandwidth = float(held.model.mmd_bandwidth)  # type: ignore[arg-type]
    draws = torch.randn((len(images), 2), generator=torch.Generator().manual_seed(0)).numpy()
    found = [
        float(terms.mmd(torch.from_numpy(run.decode(draws)).flatten(1).double(), images, bandwidth))
        for run in (held, plain)
    ]
    assert scores_of(held)["mmd"] == pytest.approx(found[0], rel=1e-3)
    assert 0 < found[0] < 0.9 * found[1]


# ---- free bits


def test_free_bits_by_hand() -> None:
    rates = torch.tensor([[0.2, 3.0, 0.5], [0.4, 1.0, 0.5]], requires_grad=True)  # averages 0.3, 2, 0.5
    found = terms.free_bits(rates, 0.4)
    assert found.item() == pytest.approx(0.4 + 2.0 + 0.5)
    found.backward()
    # below the free nats nothing pulls
    torch.testing.assert_close(rates.grad, torch.tensor([[0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]))
    assert RunConfig.make({"free_bits": 0.4}).counted_rate([0.3, 2.0, 0.5]) == pytest.approx(2.9)
    assert RunConfig.make({}).counted_rate([0.3, 2.0, 0.5]) == pytest.approx(2.8)


def test_free_bits_keep_a_dimension_alive_and_the_rate_reported_is_the_true_one(trained: Trained) -> None:
    run, without = (trained(beta=8.0, free_bits=one, epochs=6) for one in (0.5, 0.0))
    for split in ("train", "validation", "test"):
        one = scores_of(run, split)
        counted = sum(max(0.5, rate) for rate in one["rate_per_dimension"])
        assert one["rate"] == pytest.approx(sum(one["rate_per_dimension"]))
        assert one["objective"] == pytest.approx(one["distortion"] + 8 * counted, rel=1e-6)
    last = run.history()[-1]["validation"]
    assert last["objective"] == pytest.approx(scores_of(run, "validation")["objective"], rel=1e-6)
    # at this beta all dimensions would give up what they cost
    assert min(scores_of(run)["rate_per_dimension"]) > 0.3
    assert min(scores_of(without)["rate_per_dimension"]) < 0.1
    assert board_key(run.record) != board_key(without.record)


# ---- learned sigma


def test_sigma_is_best_at_the_root_of_the_mean_squared_error() -> None:
    generator = torch.Generator().manual_seed(0)
    x, mean = torch.rand((2, 5, 1, 8, 8), generator=generator, dtype=torch.float64)
    best = (x - mean).square().mean().sqrt().requires_grad_()
    found = terms.gaussian_distortion(mean, x, best)
    expected = -Normal(mean, best.item()).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(found.detach(), expected)
    found.mean().backward()
    assert best.grad is not None
    assert abs(best.grad.item()) < 1e-10


def test_a_learned_sigma_is_trained_scored_and_stored(trained: Trained) -> None:
    settings = {"likelihood": "gaussian", "learn_sigma": True, "learning_rate": 1e-2, "epochs": 30}
    run = trained(**settings)
    sigma, one = float(run.model.log_sigma.detach().exp()), scores_of(run, "train")
    assert one["sigma"] == pytest.approx(sigma, rel=1e-6)
    # stationary: sigma^2 is the mean squared error of draws, so that D is n (1/2 + log(sigma sqrt(2 pi)))
    error = 2 * sigma**2 * (one["distortion"] - 64 * math.log(sigma * math.sqrt(2 * math.pi))) / 64
    assert sigma**2 == pytest.approx(error, rel=0.1)
    assert 0.1 < sigma < 0.4
    fixed = trained(likelihood="gaussian", epochs=30, learning_rate=1e-2)
    assert "sigma" not in scores_of(fixed)
    assert one["distortion"] < scores_of(fixed, "train")["distortion"]
    other = trained(**{**settings, "sigma": 0.5, "epochs": 2})
    assert comparable_key(run.record) == comparable_key(other.record)
    said = why_not_comparable(run.record, fixed.record)
    assert said == "the sigma of their likelihoods differs (learned and 0.7071)"


# ---- binary pixels


def test_pixels_are_thresholded_at_a_half() -> None:
    images = load_images(RunConfig.make({"binarise": "fixed"}), "test")
    grey = catalog.load("digits", "test").pixels / 255
    np.testing.assert_array_equal(images.pixels / 255, (grey >= 0.5).astype(float))


def test_drawn_pixels_are_bernoulli_of_the_grey_ones() -> None:
    grey = torch.tensor([0, 51, 204, 255], dtype=torch.uint8).expand(40_000, 4)
    found = drawn_pixels(grey, thresholds(grey.shape, torch.Generator().manual_seed(0)))
    assert set(found.unique().tolist()) == {0, 255}
    shares = (found == 255).double().mean(0)
    assert (shares[0], shares[3]) == (0, 1)
    for share, p in zip(shares[1:3], (0.2, 0.8), strict=True):
        assert abs(share - p) < 4 * math.sqrt(0.16 / 40_000)


def test_an_images_draw_is_its_own_whatever_stands_beside_it() -> None:
    grey = catalog.load("digits", "test")
    whole = grey.drawn()
    assert set(np.unique(whole.pixels)) == {0, 255}
    rows = [300, 3, 17]
    np.testing.assert_array_equal(grey.select(rows).drawn().pixels, whole.pixels[rows])
    # n pixels of variance p (1 - p)
    p = grey.pixels / 255
    miss = (whole.pixels / 255 - p).sum() / math.sqrt((p * (1 - p)).sum())
    assert abs(miss) < 4
    # the share that is held out changes no draw
    config = RunConfig.make({"binarise": "sampled"})
    train = catalog.load("digits", "train").drawn()
    held = load_images(config, "validation")
    places = np.searchsorted(train.ids, held.ids)
    np.testing.assert_array_equal(held.pixels, train.pixels[places])


@pytest.mark.parametrize("binarise", ["fixed", "sampled"])
def test_a_run_on_binary_pixels(binarise: str, trained: Trained) -> None:
    run = trained(binarise=binarise)
    one = scores_of(run)
    assert one["excess_distortion"] == pytest.approx(
        one["distortion"]
    )  # binary pixels have no entropy of their own
    assert evaluate(run, batch_size=7)["distortion"] == pytest.approx(one["distortion"], rel=1e-5)
    images = run.images("test")
    assert set(np.unique(images.pixels)) == {0, 255}
    np.testing.assert_allclose(run.encode(images.pixels)[0], run.latents("test").means, rtol=1e-4, atol=1e-5)
    pixels, noise = split_tensors(images, run.config, device=CPU)
    again = encode_split(run.model, pixels, run.config, noise=noise)
    assert float(again.distortion.mean()) == pytest.approx(one["distortion"], rel=1e-5)
    words = {"fixed": "binary by a threshold of 0.5", "sampled": "binary, drawn"}[binarise]
    said = why_not_comparable(trained().record, run.record)
    assert said == f"their pixels are not the same (grey, and {words})"


def test_training_draws_anew_each_step(trained: Trained) -> None:
    """With the same draws in each epoch a long training would learn them by heart: the first rows differ already."""
    generator = torch.Generator().manual_seed(0)
    grey = torch.full((10, 1, 8, 8), 128, dtype=torch.uint8)
    one, other = (drawn_pixels(grey, thresholds(grey.shape, generator)) for _ in range(2))
    assert not torch.equal(one, other)
    fixed, drawn = trained(binarise="fixed"), trained(binarise="sampled")
    assert fixed.history()[0]["train"]["distortion"] != drawn.history()[0]["train"]["distortion"]


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"learn_sigma": True}, "set likelihood=gaussian"),
        ({"output": "sigmoid"}, "set output=linear"),
        (
            {"output": "sigmoid", "likelihood": "gaussian", "family": "linear", "hidden": ()},
            "set output=linear",
        ),
        ({"binarise": "fixed", "likelihood": "gaussian"}, "set likelihood=bernoulli"),
        ({"mmd_bandwidth": 2}, "set mmd_weight"),
        ({"family": "ae", "free_bits": 1}, "'free_bits' means nothing to family 'ae'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    settings: dict[str, Any], says: str, sentence: Callable[[BaseException], str]
) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        RunConfig.make(settings)
    sentence(error.value)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_sigmoid_output_is_the_mean_of_the_gaussian(network: str) -> None:
    settings = {"likelihood": "gaussian", "network": network, "hidden": (4,)}
    linear, squashed = (
        build_model(RunConfig.make({**settings, "output": output}), (1, 5, 6))
        for output in ("linear", "sigmoid")
    )
    squashed.load_state_dict(linear.state_dict())  # it adds no weights
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(0)) * 9
    assert torch.equal(squashed.decode(z, None), torch.sigmoid(linear.decode(z, None)))
    assert squashed.decode(z, None).min() >= 0
    assert squashed.decode(z, None).max() <= 1
