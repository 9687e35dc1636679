"""What is minimised: D and R from the given noise, and the warm-up of beta by a table."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from core.config import RunConfig
from core.encoding import build_model
from core.families import FAMILIES
from core.objectives import TERMS, Terms, beta_at, distortion_alone, elbo, terms_of

X = torch.rand((6, 1, 8, 8), generator=torch.Generator().manual_seed(1))
NOISE = torch.randn((6, 2), generator=torch.Generator().manual_seed(2))


def _model(config: RunConfig) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(config, (1, 8, 8))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_elbos_terms_against_torch_distributions(likelihood: str) -> None:
    config = RunConfig.make({"likelihood": likelihood, "sigma": 0.3, "hidden": (16,)})
    model = _model(config)
    out = elbo(model, X, NOISE, config)  # type: ignore[arg-type]
    means, log_variances = model.encode(X)  # type: ignore[operator]
    posterior = Normal(means, (log_variances / 2).exp())
    output = model.decode(means + posterior.scale * NOISE)  # type: ignore[operator]
    pixels = (
        Bernoulli(logits=output, validate_args=False) if likelihood == "bernoulli" else Normal(output, 0.3)
    )
    torch.testing.assert_close(out.distortion, -pixels.log_prob(X).sum((1, 2, 3)))
    torch.testing.assert_close(out.rate_per_dimension, kl_divergence(posterior, Normal(0.0, 1.0)))
    assert torch.equal(out.means, means)
    assert torch.equal(out.log_variances, log_variances)  # type: ignore[arg-type]


def test_the_noise_moves_d_and_not_r() -> None:
    config = RunConfig.make({"hidden": (16,)})
    model = _model(config)
    first, second = elbo(model, X, NOISE, config), elbo(model, X, -NOISE, config)  # type: ignore[arg-type]
    assert not torch.allclose(first.distortion, second.distortion, rtol=1e-6)
    assert torch.equal(first.rate_per_dimension, second.rate_per_dimension)  # type: ignore[arg-type]


def test_gradients_pass_through_the_draw() -> None:
    config = RunConfig.make({"hidden": (16,)})
    model = _model(config)
    elbo(model, X, NOISE, config).distortion.sum().backward()  # type: ignore[arg-type]
    for name in ("mean.weight", "log_variance.weight"):
        assert dict(model.named_parameters())[name].grad.abs().sum() > 0  # type: ignore[union-attr]


def test_an_autoencoder_has_d_at_its_code_and_no_rate() -> None:
    config = RunConfig.make({"family": "ae", "hidden": (16,)})
    model = _model(config)
    out = distortion_alone(model, X, NOISE, config)  # type: ignore[arg-type]
    assert out.rate_per_dimension is None
    assert out.log_variances is None
    logits = model.decode(model.encode(X)[0])  # type: ignore[operator]
    expected = -Bernoulli(logits=logits, validate_args=False).log_prob(X).sum((1, 2, 3))
    torch.testing.assert_close(out.distortion, expected)
    assert torch.equal(out.distortion, distortion_alone(model, X, 9 * NOISE, config).distortion)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["vae", "ae"])
def test_terms_are_fp32_under_bf16(family: str) -> None:
    config = RunConfig.make({"family": family, "hidden": (16,)})
    model = _model(config)
    objective = elbo if family == "vae" else distortion_alone
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = objective(model, X, NOISE, config)  # type: ignore[arg-type]
    assert all(value.dtype == torch.float32 for value in out if isinstance(value, torch.Tensor))
    exact = objective(model, X, NOISE, config)  # type: ignore[arg-type]
    torch.testing.assert_close(out.distortion, exact.distortion, rtol=0.02, atol=0)


@pytest.mark.parametrize(
    "beta, warmup, epoch, expected",
    [
        (4, 0, 0, 4),  # no warm-up: at once
        (4, 0, 7, 4),
        (4, 10, 0, 0),
        (4, 10, 2.5, 1),
        (4, 10, 5, 2),
        (4, 10, 9.99, 3.996),
        (4, 10, 10, 4),
        (4, 10, 11, 4),
        (4, 0.5, 0.25, 2),  # a warm-up within the first epoch
        (4, 0.5, 1, 4),
        (0, 10, 5, 0),
    ],
)
def test_beta_grows_from_0_over_the_warm_up(
    beta: float, warmup: float, epoch: float, expected: float
) -> None:
    config = RunConfig.make({"beta": beta, "warmup_epochs": warmup})
    assert math.isclose(beta_at(config, epoch), expected, abs_tol=1e-12)


def test_terms_have_their_weights_and_those_of_weight_0_are_still_scored() -> None:
    assert terms_of(RunConfig.make({})) == {}
    assert terms_of(RunConfig.make({"l2": 0.5})) == {"squared_weights": 0.5}
    assert terms_of(RunConfig.make({"family": "sae", "sparsity_weight": 3, "l2": 2})) == {
        "sparsity": 3.0,
        "squared_weights": 2.0,
    }
    assert terms_of(RunConfig.make({"family": "cae", "contraction_weight": 0})) == {"contraction": 0.0}


def test_every_term_of_the_table_is_known_and_weighed_by_a_setting() -> None:
    assert {name for row in FAMILIES.values() for name in row.terms} <= set(TERMS)
    assert {term.weight for term in TERMS.values()} <= {*RunConfig.model_fields, None}


@pytest.mark.parametrize("hidden", [(), (9,)])
def test_contraction_is_the_encoders_own(hidden: tuple[int, ...]) -> None:
    config = RunConfig.make({"family": "cae", "hidden": hidden, "latent": 3})
    model = _model(config).double()
    x = X.double()
    out = Terms(x, None, model.encode(x)[0], None, x)  # type: ignore[operator]
    found = TERMS["contraction"].of_batch(model, x, out, config)  # type: ignore[misc]
    for image, norm in zip(x, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: model.encode(one[None])[0][0], image)  # type: ignore[operator]
        assert norm.item() == pytest.approx(jacobian.square().sum().item(), rel=1e-5)


def test_tied_weights_are_one_matrix() -> None:
    config = RunConfig.make({"family": "cae", "tied": True, "latent": 3})
    model = _model(config)
    assert {name for name, _ in model.named_parameters()} == {"mean.weight", "mean.bias", "decoder.bias"}
    z = torch.rand((4, 3), generator=torch.Generator().manual_seed(3))
    expected = (z @ model.mean.weight).unflatten(1, (1, 8, 8))  # type: ignore[union-attr, operator]
    torch.testing.assert_close(model.decode(z), expected)  # type: ignore[operator]
