"""Which runs share a board, and the Pareto front against a slow second implementation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analysis.tradeoff import (
    board_key,
    comparable_key,
    corruption_words,
    pareto_front,
    why_not_comparable,
)
from core.errors import CheckpointError
from core.runs import Run
from core.store import RunRecord, read_record


def test_a_front_by_hand() -> None:
    # (1, 9) and (3, 3) and (9, 1) are on it; (3, 4) loses to (3, 3), (9, 9) to all, and a twin stays
    rates, distortions = [1, 3, 9, 3, 9, 3], [9, 3, 1, 4, 9, 3]
    assert pareto_front(rates, distortions).tolist() == [True, True, True, False, False, True]


def test_the_front_against_loops() -> None:
    rng = np.random.default_rng(0)
    rates, distortions = rng.integers(0, 12, 60), rng.integers(0, 12, 60)

    def beaten(k: int) -> bool:
        return any(
            rates[j] <= rates[k]
            and distortions[j] <= distortions[k]
            and (rates[j] < rates[k] or distortions[j] < distortions[k])
            for j in range(60)
        )

    expected = [not beaten(k) for k in range(60)]
    assert pareto_front(rates.tolist(), distortions.tolist()).tolist() == expected
    assert 0 < sum(expected) < 60


def test_small_fronts() -> None:
    assert pareto_front([], []).tolist() == []
    assert pareto_front([1.0], [2.0]).tolist() == [True]


@pytest.fixture
def record_of(copied: Callable[..., Path], edit_document: Callable[..., None]) -> Callable[..., RunRecord]:
    def record(run_id: str, **changes: Any) -> RunRecord:
        folder = copied(run_id)
        edit_document(folder, **changes)
        return read_record(folder)

    return record


def test_runs_of_a_sweep_share_a_board(
    record_of: Callable[..., RunRecord], trained: Callable[..., Run]
) -> None:
    first = trained().record
    assert board_key(first) == board_key(record_of("other", config__beta=4.0, config__seed=3))


@pytest.mark.parametrize(
    "change",
    [
        {"data__fingerprint": "0" * 64},
        {"data__padded": [1, 12, 12]},
        {"config__likelihood": "gaussian"},
        {"data__dataset": "mnist"},
    ],
)
def test_runs_on_other_data_or_with_another_likelihood_are_not_compared(
    change: dict[str, Any], record_of: Callable[..., RunRecord], trained: Callable[..., Run]
) -> None:
    first, other = trained().record, record_of("other", **change)
    assert comparable_key(first) != comparable_key(other)
    assert board_key(first) != board_key(other)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"config__beta": 4.0}, None),
        ({"data__fingerprint": "0" * 64}, "their data differ (two versions of digits)"),
        ({"data__dataset": "mnist"}, "their data differ (digits and mnist)"),
        ({"config__likelihood": "gaussian"}, "their likelihoods differ (bernoulli and gaussian)"),
        (
            {"data__padded": [1, 12, 12]},
            "their images have different numbers of pixels (n = 64 and 144)",
        ),
        ({"data__padded": [1, 4, 16]}, "their images are padded differently"),
    ],
)
def test_why_runs_are_not_compared(
    change: dict[str, Any],
    words: str | None,
    record_of: Callable[..., RunRecord],
    trained: Callable[..., Run],
) -> None:
    assert why_not_comparable(trained().record, record_of("other", **change)) == words


def test_a_run_that_is_told_the_label_bounds_something_else(trained: Callable[..., Run]) -> None:
    plain, told = trained().record, trained(family="cvae").record
    assert comparable_key(plain) != comparable_key(told)
    assert board_key(plain) != board_key(told)
    said = "they bound different probabilities (log p(x) and log p(x given the label)): one is told the label"
    assert why_not_comparable(plain, told) == said
    assert "(log p(x given the label) and log p(x))" in (why_not_comparable(told, plain) or "")
    assert why_not_comparable(told, trained(family="cvae").record) is None


@pytest.mark.parametrize(
    "change",
    [
        {"config__latent": 8},
        {"config__hidden": [64]},
        {"config__network": "conv"},
        {"config__family": "ae"},
        {"config__activation": "tanh"},
    ],
)
def test_runs_with_another_network_are_compared_but_share_no_board(
    change: dict[str, Any], record_of: Callable[..., RunRecord], trained: Callable[..., Run]
) -> None:
    first, other = trained().record, record_of("other", **change)
    assert comparable_key(first) == comparable_key(other)
    assert board_key(first) != board_key(other)


def test_sigma_matters_to_a_gaussian_alone(record_of: Callable[..., RunRecord]) -> None:
    bernoulli = [
        comparable_key(record_of(f"b{k}", config__sigma=sigma)) for k, sigma in enumerate((0.1, 0.2))
    ]
    assert bernoulli[0] == bernoulli[1]
    gaussian = [
        comparable_key(record_of(f"g{k}", config__likelihood="gaussian", config__sigma=sigma))
        for k, sigma in enumerate((0.1, 0.2))
    ]
    assert gaussian[0] != gaussian[1]


def test_a_broken_run_has_no_place_on_a_board(copied: Callable[..., Path]) -> None:
    folder = copied()
    (folder / "run.json").write_text("{")
    with pytest.raises(CheckpointError, match="Run 'copy-1' cannot be opened"):
        board_key(read_record(folder))


def test_what_noise_was_added_keeps_distortions_apart(trained: Callable[..., Run]) -> None:
    """D of a denoising autoencoder is that of the clean image from a corrupted one: another quantity than an ae's."""
    plain, noisy = trained(family="ae").record, trained(family="dae").record
    more = trained(family="dae", corruption_level=0.5).record
    assert len({comparable_key(one) for one in (plain, noisy, more)}) == 3
    assert why_not_comparable(plain, noisy) == (
        "their D are of the reconstructions of different images (clean images and images with Gaussian noise of 0.25)"
    )
    assert corruption_words(plain) is None
    assert corruption_words(more) == "Gaussian noise of 0.5"


def test_sigmas_that_read_alike_are_still_two(record_of: Callable[..., RunRecord]) -> None:
    a, b = (record_of(f"s{k}", config__likelihood="gaussian", config__sigma=0.5 + k * 1e-6) for k in (0, 1))
    assert comparable_key(a) != comparable_key(b)
    assert "sigma of their likelihoods differs" in str(why_not_comparable(a, b))


def test_a_vaegan_stands_on_no_board_of_a_vae(bundled_store: Path) -> None:
    vae, gan = (read_record(bundled_store / f"bundled-digits-{name}") for name in ("conv-vae", "vaegan"))
    assert comparable_key(vae) == comparable_key(gan)  # its D is that of pixels, under the same likelihood
    assert board_key(vae) != board_key(gan)
