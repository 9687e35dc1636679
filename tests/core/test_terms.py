"""Terms against closed forms, torch.distributions and scipy."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from core import terms

SHAPE = (6, 3, 4, 5)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_kl_against_torch_distributions(generator: torch.Generator) -> None:
    means = 3 * torch.randn((50, 4), generator=generator, dtype=torch.float64)
    log_variances = 2 * torch.randn((50, 4), generator=generator, dtype=torch.float64)
    expected = kl_divergence(Normal(means, (0.5 * log_variances).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(terms.kl_per_dimension(means, log_variances), expected, rtol=1e-12, atol=1e-14)


def test_the_gradient_of_the_rate_is_that_of_torch_distributions(generator: torch.Generator) -> None:
    found, wanted = [], []
    means, log_variances, weights = torch.randn((3, 5, 4), generator=generator, dtype=torch.float64)
    for gradients, rate in (
        (found, terms.kl_per_dimension),
        (wanted, lambda m, v: kl_divergence(Normal(m, (0.5 * v).exp()), Normal(0.0, 1.0))),
    ):
        given = [one.clone().requires_grad_() for one in (means, log_variances)]
        gradients.extend(torch.autograd.grad((rate(*given) * weights).sum(), given))
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "mean, variance, kl",
    [
        (0, 1, 0.0),
        (1, 1, 0.5),
        (0, math.e, (math.e - 2) / 2),
        (0, 4, (3 - math.log(4)) / 2),
        (2, 0.25, (4 + 0.25 - 1 + math.log(4)) / 2),
    ],
)
def test_kl_in_its_closed_form(mean: float, variance: float, kl: float) -> None:
    got = terms.kl_per_dimension(torch.tensor([[float(mean)]]), torch.tensor([[math.log(variance)]]))
    assert got.shape == (1, 1)
    assert got.item() == pytest.approx(kl, rel=1e-6)


def test_kl_against_sampling(generator: torch.Generator) -> None:
    # E_q[log q - log p] by Monte Carlo: no formula in common with the code
    mean, variance = 0.7, 0.3
    q = stats.norm(mean, math.sqrt(variance))
    z = q.rvs(400_000, random_state=1)
    ratios = q.logpdf(z) - stats.norm.logpdf(z)
    got = terms.kl_per_dimension(torch.tensor([[mean]]), torch.tensor([[math.log(variance)]])).item()
    assert got == pytest.approx(ratios.mean(), abs=5 * ratios.std() / math.sqrt(len(z)))


@pytest.mark.parametrize("log_variance", [1e-2, -1e-2, 1e-3, -1e-3, 1e-5, -1e-5])
def test_kl_keeps_its_digits_where_a_dimension_has_almost_collapsed(log_variance: float) -> None:
    # series of (e^t - 1 - t) / 2; e^t - 1 in float64 loses about eps / t^2 of it
    truth = log_variance**2 / 4 + log_variance**3 / 12 + log_variance**4 / 48
    double = torch.tensor([[log_variance]], dtype=torch.float64)
    assert terms.kl_per_dimension(torch.zeros_like(double), double).item() == pytest.approx(truth, rel=2e-5)
    single = double.float()
    assert terms.kl_per_dimension(torch.zeros_like(single), single).item() == pytest.approx(truth, abs=3e-10)


def test_kl_survives_large_log_variances() -> None:
    got = terms.kl_per_dimension(torch.zeros(1, 2), torch.tensor([[-80.0, 20.0]]))
    torch.testing.assert_close(got, torch.tensor([[39.5, (math.exp(20) - 21) / 2]]))


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("kind", ["binary", "grey"])
def test_bernoulli_against_torch_distributions(kind: str, trained: bool, generator: torch.Generator) -> None:
    logits = 4 * torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    x = torch.rand(SHAPE, generator=generator, dtype=torch.float64)
    x = x.round() if kind == "binary" else x
    expected = -Bernoulli(logits=logits, validate_args=False).log_prob(x).sum((1, 2, 3))
    got = terms.bernoulli_distortion(logits.requires_grad_(trained), x).detach()
    assert got.shape == (SHAPE[0],)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0)


def test_bernoulli_against_scipy(generator: torch.Generator) -> None:
    logits = 4 * torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    x = torch.rand(SHAPE, generator=generator, dtype=torch.float64)
    p = special.expit(logits.numpy())
    expected = -(special.xlogy(x.numpy(), p) + special.xlog1py(1 - x.numpy(), -p)).sum((1, 2, 3))
    np.testing.assert_allclose(terms.bernoulli_distortion(logits, x).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("trained", [False, True])
def test_bernoulli_stays_finite_at_extreme_logits(trained: bool) -> None:
    logits = torch.tensor([[[[1000.0, 1000.0, -1000.0, -1000.0]]]], requires_grad=trained)
    got = terms.bernoulli_distortion(logits, torch.tensor([[[[1.0, 0.0, 1.0, 0.0]]]]))
    assert got.tolist() == [2000.0]
    if trained:
        (gradient,) = torch.autograd.grad(got.sum(), logits)
        assert gradient.flatten().tolist() == [0.0, 1.0, -1.0, 0.0]


def test_bernoulli_in_training_is_that_of_scores_to_rounding(generator: torch.Generator) -> None:
    logits = 20 * torch.randn((64, 1, 28, 28), generator=generator)
    x = torch.rand(logits.shape, generator=generator)
    exact = terms.bernoulli_distortion(logits.double(), x.double())
    got = terms.bernoulli_distortion(logits.clone().requires_grad_(), x).detach().double()
    torch.testing.assert_close(got, exact, rtol=3e-7, atol=0)


def test_gradients_of_bernoulli(generator: torch.Generator) -> None:
    logits = 4 * torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    x = torch.rand(SHAPE, generator=generator, dtype=torch.float64)
    weights = torch.rand(SHAPE[0], generator=generator, dtype=torch.float64)
    (got,) = torch.autograd.grad(
        (terms.bernoulli_distortion(logits.requires_grad_(), x) * weights).sum(), logits
    )
    wanted = (logits.detach().sigmoid() - x) * weights[:, None, None, None]
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("sigma", [math.sqrt(0.5), 0.1, 1.0, 3.0])
def test_gaussian_against_torch_distributions_and_scipy(sigma: float, generator: torch.Generator) -> None:
    mean = torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    x = torch.rand(SHAPE, generator=generator, dtype=torch.float64)
    got = terms.gaussian_distortion(mean, x, sigma)
    assert got.shape == (SHAPE[0],)
    torch.testing.assert_close(got, -Normal(mean, sigma).log_prob(x).sum((1, 2, 3)), rtol=1e-12, atol=0)
    expected = -stats.norm.logpdf(x.numpy(), mean.numpy(), sigma).sum((1, 2, 3))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)


def test_a_gaussian_of_variance_one_half_is_the_squared_error_and_a_constant() -> None:
    x, mean = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 2.0], [0.0, 3.0]]]])
    got = terms.gaussian_distortion(mean, x, math.sqrt(0.5)).item()
    assert got - 4 * 0.5 * math.log(math.pi) == pytest.approx(14, rel=1e-6)


def test_the_entropy_of_grey_pixels_against_scipy() -> None:
    x = torch.rand((5, 1, 7, 3), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    p = x.numpy().reshape(5, -1)
    expected = stats.entropy(np.stack([p, 1 - p]), axis=0).sum(1)
    np.testing.assert_allclose(terms.bernoulli_entropy(x).numpy(), expected, rtol=1e-12)


def test_black_and_white_pixels_have_no_entropy() -> None:
    assert terms.bernoulli_entropy(torch.tensor([[[[0.0, 1.0]]]])).tolist() == [0.0]
    assert terms.bernoulli_entropy(torch.full((1, 1, 1, 1), 0.5)).item() == pytest.approx(math.log(2))


def test_the_entropy_is_the_floor_of_the_distortion() -> None:
    x = torch.rand((4, 1, 5, 5), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    floor = terms.bernoulli_entropy(x)
    torch.testing.assert_close(terms.bernoulli_distortion(torch.logit(x), x), floor, rtol=1e-12, atol=0)
    assert (terms.bernoulli_distortion(torch.logit(x) + 0.1, x) > floor).all()


def test_float32_is_good_to_five_digits(generator: torch.Generator) -> None:
    logits = 4 * torch.randn((8, 1, 32, 32), generator=generator, dtype=torch.float64)
    x = torch.rand((8, 1, 32, 32), generator=generator, dtype=torch.float64)
    for likelihood in ("bernoulli", "gaussian"):
        exact = terms.distortion(logits, x, likelihood=likelihood, sigma=0.3)
        rounded = terms.distortion(logits.float(), x.float(), likelihood=likelihood, sigma=0.3)
        assert rounded.dtype == torch.float32
        torch.testing.assert_close(rounded.double(), exact, rtol=1e-5, atol=0)


def test_the_named_likelihood_is_used() -> None:
    output, x = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    assert terms.distortion(output, x, likelihood="bernoulli", sigma=9).item() == pytest.approx(math.log(2))
    gaussian = terms.distortion(output, x, likelihood="gaussian", sigma=2).item()
    assert gaussian == pytest.approx(-stats.norm.logpdf(1, 0, 2))


# ---- terms of codes


def test_sparsity_against_torch_distributions() -> None:
    activation = torch.tensor([0.01, 0.05, 0.3, 0.9], dtype=torch.float64)
    expected = kl_divergence(Bernoulli(torch.tensor(0.05, dtype=torch.float64)), Bernoulli(activation)).sum()
    torch.testing.assert_close(terms.sparsity(activation, 0.05), expected, rtol=1e-12, atol=1e-14)


def test_sparsity_in_its_closed_form() -> None:
    # rho = 1/2 from 1/4: 1/2 log 2 + 1/2 log(2/3)
    by_hand = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    assert terms.sparsity(torch.tensor([0.25, 0.5]), 0.5).item() == pytest.approx(by_hand, rel=1e-6)
    assert terms.sparsity(torch.full((7,), 0.05), 0.05).item() == pytest.approx(0, abs=1e-6)


def test_a_dead_and_a_saturated_unit_cost_much_and_not_infinity() -> None:
    for value in (0.0, 1.0):
        cost = terms.sparsity(torch.tensor([value]), 0.05).item()
        assert 0.5 < cost < 100


def _exact_norms(encode: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    jacobians = [torch.autograd.functional.jacobian(lambda one: encode(one[None])[0], image) for image in x]
    return torch.stack([one.square().sum() for one in jacobians])  # type: ignore[attr-defined]


def test_the_contraction_of_one_sigmoid_layer_against_autograd(generator: torch.Generator) -> None:
    weight = torch.randn((5, 12), generator=generator, dtype=torch.float64)
    bias = torch.randn(5, generator=generator, dtype=torch.float64)
    x = torch.rand((6, 1, 3, 4), generator=generator, dtype=torch.float64)

    def encode(images: torch.Tensor) -> torch.Tensor:
        return (images.flatten(1) @ weight.T + bias).sigmoid()

    expected = _exact_norms(encode, x)
    torch.testing.assert_close(terms.sigmoid_contraction(encode(x), weight), expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(terms.jacobian_norm(encode, x), expected, rtol=1e-5, atol=0)


def test_the_contraction_of_a_deep_encoder_against_autograd() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 7), nn.Tanh(), nn.Linear(7, 4), nn.Sigmoid()).double()
    x = torch.rand((6, 1, 3, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    norms = terms.jacobian_norm(network, x)
    torch.testing.assert_close(norms, _exact_norms(network, x), rtol=1e-5, atol=0)
    norms.mean().backward()  # it is minimised: a second derivative reaches every weight
    assert all(
        one.grad is not None and one.grad.abs().sum() > 0 for one in network.parameters() if one.ndim > 1
    )


def test_squared_weights_leave_biases_out() -> None:
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
        layer.bias.fill_(100)
    assert terms.squared_weights(layer).item() == 25
