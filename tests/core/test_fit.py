"""Settings that a data set cannot be trained with are refused by what is known of it, before it is read."""

from pathlib import Path

import pytest

from core.config import RunConfig
from core.data import catalog
from core.data.images import held_out, split_validation
from core.errors import VAEScopeError
from core.training.fit import why_not_fit
from core.training.jobs import jobs
from core.training.queue import submit


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dataset": "digits", "batch_size": 1294}, "batch_size 1294 is more than the 1293 training images"),
        ({"dataset": "digits", "family": "pca", "latent": 65}, "latent 65 is more than the 64 components"),
        ({"dataset": "moons", "network": "conv"}, "'network' cannot be conv for 'moons'"),
        ({"dataset": "moons", "pad": 32}, "'pad' cannot be 32 for 'moons', .* set pad=none"),
        ({"dataset": "digits", "pad": 4}, "4"),
        ({"dataset": "cifar"}, "no data set 'cifar'"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_job_is_made(
    settings: dict[str, object], said: str, store: Path
) -> None:
    config = RunConfig.make(settings)
    with pytest.raises(VAEScopeError, match=said):
        raise why_not_fit(config) or AssertionError("it fits")
    with pytest.raises(VAEScopeError, match=said):
        submit(config, store=store)
    assert jobs(store) == []
    assert list(store.iterdir()) == []


@pytest.mark.parametrize("settings", [{"dataset": "digits", "batch_size": 1293}, {"dataset": "moons"}])
def test_what_fits_is_not(settings: dict[str, object]) -> None:
    assert why_not_fit(RunConfig.make(settings)) is None


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_what_is_counted_is_what_is_held_out(share: float) -> None:
    train = catalog.load("digits", "train")
    rest, held = split_validation(train, share=share, seed=1)
    assert (len(rest), len(held)) == (len(train) - held_out(len(train), share=share), len(held))
