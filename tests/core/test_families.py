"""The table of families: every row can be built, asked and trained."""

import pytest
import torch

from core.config import RunConfig
from core.encoding import build_model, noise_width
from core.errors import ConfigError
from core.families import FAMILIES, Family, build, family
from tests.core.fitting import fitting

ROWS = [pytest.param(row, id=row.name) for row in FAMILIES.values()]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_complete(row: Family) -> None:
    assert FAMILIES[row.name] is row
    assert family(row.name) is row
    assert row.title
    assert row.sentence.endswith(".")
    assert row.source
    assert row.networks
    assert set(row.networks) <= {"mlp", "conv"}
    assert set(row.ignores) <= set(RunConfig.model_fields)


@pytest.mark.parametrize("row", ROWS)
def test_the_builders_of_a_row_are_there(row: Family) -> None:
    assert issubclass(build(row.model), torch.nn.Module)
    assert callable(build(row.objective))


@pytest.mark.parametrize("row", ROWS)
def test_what_a_row_says_about_a_posterior_is_so(row: Family) -> None:
    torch.manual_seed(0)
    for network in row.networks:
        config = RunConfig.make(fitting(row.name, network=network, hidden=(4,), latent=3))
        model = build_model(config, (1, 8, 8), classes=4)
        labels = torch.tensor([0, 3, 1, 3, 2])
        means, log_variances = model.encode(torch.rand(5, 1, 8, 8), labels)  # type: ignore[operator]
        assert means.shape == (5, 3)
        assert (log_variances is not None) == row.has_posterior
        noise = torch.randn(5, noise_width(config, (1, 8, 8)))
        terms = build(row.objective)(model, torch.rand(5, 1, 8, 8), noise, config, labels=labels)
        assert terms.distortion.shape == (5,)
        assert (terms.rate_per_dimension is not None) == row.has_posterior


@pytest.mark.parametrize("row", ROWS)
def test_a_network_that_a_row_does_not_have_is_refused(row: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Family(**{**vars(row), "networks": ("mlp",)})
    monkeypatch.setitem(FAMILIES, row.name, narrow)
    with pytest.raises(ConfigError, match=f"Family '{row.name}' has no network 'conv': choose one of mlp"):
        RunConfig.make({"family": row.name, "network": "conv"})


def test_an_unknown_family_is_answered_with_all_there_are() -> None:
    with pytest.raises(ConfigError, match=f"choose one of {', '.join(FAMILIES)}"):
        family("nothing")
