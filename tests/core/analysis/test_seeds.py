"""Runs grouped by seed: what makes one experiment, and its mean and spread."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analysis.seeds import band, curve, seed_groups, spread
from core.errors import CheckpointError
from core.store import RunRecord, read_record

ONE, AE = "bundled-digits-beta-1", "bundled-digits-ae"


def copy(store: Path, new: str, source: str = ONE, **config: Any) -> RunRecord:
    """A copy of a run with other settings."""
    folder = store / new
    shutil.copytree(store / source, folder)
    document = json.loads((folder / "run.json").read_text())
    document["id"] = new
    document["config"] |= config
    (folder / "run.json").write_text(json.dumps(document))
    return read_record(folder)


def test_runs_that_differ_in_the_seed_alone_are_one_group(bundled_store: Path) -> None:
    records = [
        read_record(bundled_store / ONE),
        copy(bundled_store, "seed-1", seed=1),
        copy(bundled_store, "beta-2", seed=2, beta=2.0),
        copy(bundled_store, "elsewhere", seed=3, device="cuda", threads=8),
        copy(bundled_store, "beta-2-again", seed=5, beta=2.0),
    ]
    assert seed_groups(records) == [[0, 1, 3], [2, 4]]


def test_one_seed_counts_once(bundled_store: Path) -> None:
    record, again = read_record(bundled_store / ONE), copy(bundled_store, "again", seed=0)
    assert seed_groups([record, record, again, copy(bundled_store, "other", seed=4)]) == [[0, 3]]


def test_settings_that_mean_nothing_to_a_run_keep_no_runs_apart(bundled_store: Path) -> None:
    # a sigma under a Bernoulli
    records = [copy(bundled_store, f"ae-{k}", AE, seed=k, sigma=float(k)) for k in (1, 2)]
    assert seed_groups(records) == [[0, 1]]


def test_a_broken_run_has_no_group(bundled_store: Path) -> None:
    (bundled_store / ONE / "run.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be opened"):
        seed_groups([read_record(bundled_store / ONE)])


def test_mean_and_spread() -> None:
    values = [24.0, 25.0, 29.0]
    found = spread(values)
    assert found is not None
    # by hand: mean 26, deviations -2, -1, 3, variance (4 + 1 + 9) / 2 = 7
    assert (found.mean, found.seeds) == (26.0, 3)
    assert found.deviation == pytest.approx(np.sqrt(7)) == pytest.approx(np.std(values, ddof=1))
    assert spread([1.0]) is None
    assert spread([1.0, None]) is None
    same = spread([2.0, 2.0])
    assert same is not None
    assert same.deviation == 0


def test_a_band_by_hand() -> None:
    # epoch 2: mean 26 and deviation sqrt(7), as above; epoch 3 lacks a value, and only two runs reached epoch 4
    found = band(
        [
            {1: 30.0, 2: 24.0, 3: 20.0, 4: 19.0},
            {1: 30.0, 2: 25.0, 3: None, 4: 18.0},
            {1: 30.0, 2: 29.0, 3: 21.0},
        ]
    )
    assert found is not None
    assert found.epochs == (1, 2)
    assert found.means == (30.0, 26.0)
    assert found.deviations == pytest.approx((0.0, np.sqrt(7)))
    assert found.seeds == 3


def test_epochs_are_matched_by_their_number() -> None:
    found = band([{2: 1.0, 1: 5.0}, {3: 9.0, 2: 3.0}])
    assert found is not None
    assert (found.epochs, found.means) == ((2,), (2.0,))


def test_one_run_and_runs_without_a_shared_epoch_have_no_band() -> None:
    assert band([]) is None
    assert band([{1: 2.0}]) is None
    assert band([{1: 2.0}, {2: 2.0}]) is None
    assert band([{1: None}, {1: 2.0}]) is None


def test_a_curve_is_read_from_a_history() -> None:
    rows = [
        {"epoch": 1, "train": {"distortion": 20.0, "rate": 3}, "test": {"distortion": 21.0}},
        {"epoch": 2, "train": {"distortion": 18.5, "rate": 4.0}, "test": None},
        {"epoch": 4, "train": {"distortion": None, "rate": 4.0}},
    ]
    assert curve(rows, "train", "distortion") == {1: 20.0, 2: 18.5, 4: None}
    assert curve(rows, "train", "negative_elbo") == {1: 23.0, 2: 22.5, 4: None}
    assert curve(rows, "test", "negative_elbo") == {1: None}
    assert curve(rows, "validation", "rate") == {}
