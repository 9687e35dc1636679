"""The VAE-GAN: its terms against torch.distributions, its three players against the same written out."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal
from torch.nn.functional import binary_cross_entropy_with_logits

from core import terms
from core.config import RunConfig
from core.encoding import build_model, to_unit
from core.objectives import feature_elbo, terms_of
from core.training.loop import epoch_generator, train_epoch
from core.training.step import Step
from core.training.updates import Adam, Adversarial, laid_out

CONFIG = RunConfig.make(
    {"family": "vaegan", "hidden": (4,), "latent": 3, "batch_size": 32, "beta": 2, "pixel_weight": 0.5}
)


def test_the_terms_are_those_of_distributions() -> None:
    torch.manual_seed(0)
    features, wanted = torch.randn(5, 7), torch.randn(5, 7)
    expected = -Normal(features, 1.0).log_prob(wanted).sum(1) - 3.5 * math.log(2 * math.pi)
    torch.testing.assert_close(terms.feature_distortion(features, wanted), expected)
    real, made = torch.randn(6), torch.randn(2, 6)
    torch.testing.assert_close(
        terms.adversarial(made), -Bernoulli(logits=made).log_prob(torch.ones_like(made))
    )
    halves = binary_cross_entropy_with_logits(
        real, torch.ones(6), reduction="none"
    ) + binary_cross_entropy_with_logits(made, torch.zeros(2, 6), reduction="none")
    torch.testing.assert_close(terms.discrimination(real, made), halves / 2)
    guess = terms.discrimination(torch.zeros(1), torch.zeros(1))
    assert guess.item() == pytest.approx(math.log(2))


def test_accuracy_counts_right_answers() -> None:
    torch.manual_seed(0)
    model = build_model(CONFIG, (1, 8, 8))
    x, noise = torch.rand(9, 1, 8, 8), torch.randn(9, 3)
    for bias, share in ((99.0, 0.5), (-99.0, 0.5)):  # all called real, all called made
        torch.nn.init.zeros_(model.head.weight)  # type: ignore[union-attr, arg-type]
        torch.nn.init.constant_(model.head.bias, bias)  # type: ignore[union-attr, arg-type]
        out = feature_elbo(model, x, noise, CONFIG)
        assert out.others["discriminator_accuracy"].tolist() == [share] * 9
        assert out.others["adversarial"].tolist() == pytest.approx([0.0 if bias > 0 else 99.0] * 9)


def test_each_player_takes_the_step_of_its_own_loss() -> None:
    """One batch: every parameter moves by Adam's first step along the gradient of its player's loss alone."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (32, 1, 8, 8), dtype=torch.uint8)
    model, twin = build_model(CONFIG, (1, 8, 8)), build_model(CONFIG, (1, 8, 8))
    twin.load_state_dict(model.state_dict())
    updates = Adversarial(model, CONFIG)  # type: ignore[arg-type]
    row = train_epoch(Step(model, updates, CONFIG, pixels), epoch=1)
    order = torch.randperm(32, generator=epoch_generator(CONFIG, 1, 0, torch.device("cpu")))
    noise = torch.randn((32, 3), generator=epoch_generator(CONFIG, 1, 1, torch.device("cpu")))
    x = to_unit(pixels[order])

    def losses() -> dict[str, torch.Tensor]:
        out = feature_elbo(twin, x, noise, CONFIG)
        assert out.rate_per_dimension is not None
        beside = 0.5 * out.distortion + 2 * out.rate_per_dimension.sum(1) + out.others["feature_distortion"]
        return {
            "encoder": beside.mean(),
            "decoder": (beside + out.others["adversarial"]).mean(),
            "discriminator": out.others["discrimination"].mean(),
        }

    parts = twin.parts()  # type: ignore[operator]
    assert sorted(id(p) for part in parts.values() for p in part) == sorted(id(p) for p in twin.parameters())
    moved = dict(zip(twin.parameters(), model.parameters(), strict=True))
    for name, part in parts.items():
        twin.zero_grad()
        losses()[name].backward()
        for parameter in part:
            assert parameter.grad is not None
            clear = parameter.grad.abs() > 1e-4  # where rounding cannot change g / (|g| + eps)
            assert clear.any(), name
            stepped = parameter - 1e-3 * parameter.grad.sign()
            torch.testing.assert_close(moved[parameter][clear], stepped[clear], rtol=0, atol=2e-6)
    assert row["objective"] == pytest.approx(losses()["decoder"].item(), rel=1e-5)


def test_the_discriminators_numbers_are_told_and_not_minimised() -> None:
    weights = terms_of(CONFIG)
    assert weights == {
        "feature_distortion": 1.0,
        "adversarial": 1.0,
        "discrimination": 0.0,
        "discriminator_accuracy": 0.0,
    }


def test_a_gradient_of_another_order_in_memory_moves_its_own_weight() -> None:
    torch.manual_seed(0)
    plain = torch.nn.Parameter(torch.randn(8, 4, 3, 3))
    last = torch.nn.Parameter(plain.detach().clone(memory_format=torch.channels_last))
    gradient = torch.randn(8, 4, 3, 3)
    for weight in (plain, last):
        weight.grad = laid_out(gradient, weight)
        Adam([weight], CONFIG).step()
    assert last.stride() != plain.stride()
    assert torch.equal(plain, last)
