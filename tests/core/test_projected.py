"""Projections of a run: computed once, checked when read, made again when damaged, and in the background."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import projected as module
from core.analysis.projections import project
from core.errors import ConfigError, NotApplicable
from core.jobs import read_job
from core.projected import (
    Wanted,
    job_of,
    path_of,
    points_of,
    projected,
    start_projecting,
    stored_projection,
)
from core.runs import Run, open_run

RUN = "bundled-digits-8d"
PCA = Wanted.of("test", "pca")


@pytest.fixture
def run(bundled_store: Path) -> Run:
    return open_run(RUN)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The projections that were computed, not read."""
    made: list[str] = []

    def counting(means: np.ndarray, method: str, **options: object) -> object:
        made.append(method)
        return project(means, method, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "project", counting)
    return made


def test_a_projection_is_computed_once_and_read_as_it_was(run: Run, counted: list[str]) -> None:
    assert stored_projection(run, PCA) is None
    first = projected(run, PCA)
    assert first.stored is not None
    assert first.stored.name == "projection-test-pca-2d-seed0-200.npz"
    assert first.stored.parent == run.record.folder / "cache"
    again = projected(open_run(RUN), PCA)
    assert counted == ["pca"]
    np.testing.assert_array_equal(first.projection.places, again.projection.places)
    np.testing.assert_array_equal(first.projection.explained, again.projection.explained)
    assert first.projection.quality == again.projection.quality
    assert (again.projection.seed, again.total, len(again.latents)) == (None, 360, 360)
    np.testing.assert_array_equal(again.latents.ids, run.latents("test").ids)
    np.testing.assert_array_equal(first.projection.places, project(run.latents("test").means, "pca").places)


def test_both_splits_stand_in_one_projection_whatever_their_order(run: Run) -> None:
    one, other = (Wanted.of(splits, "pca") for splits in (("train", "test"), ("test", "train")))
    assert one == other
    found = projected(run, one)
    assert found.stored is not None
    assert found.stored.name.startswith("projection-test-train-pca-")
    assert len(found.latents) == found.total == 360 + 1293
    assert found.latents.splits is not None
    assert found.latents.splits.tolist() == [2] * 360 + [0] * 1293


def test_more_images_than_can_be_projected_are_a_seeded_sample_of_all_labels(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POINTS", 100)
    found = projected(run, PCA)
    assert (len(found.latents), found.total) == (100, 360)
    assert np.bincount(found.latents.labels).tolist() == [10] * 10
    np.testing.assert_array_equal(found.latents.ids, points_of(run, ["test"])[0].ids)


BREAK: dict[str, Callable[[Path], object]] = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "empty": lambda path: path.write_bytes(b""),
    "of other images": lambda path: rewrite(path, ids=lambda ids: ids + 1),
    "of another split": lambda path: rewrite(path, splits=lambda splits: splits * 0),
    "not finite": lambda path: rewrite(path, places=lambda places: places * np.nan),
    "of fewer images": lambda path: rewrite(path, places=lambda places: places[:-1]),
    "of more dimensions": lambda path: rewrite(path, places=lambda places: np.hstack([places, places])),
    "of another type": lambda path: rewrite(path, places=lambda places: places.astype(np.float64)),
    "better than perfect": lambda path: rewrite(path, quality=lambda quality: quality + 1),
    "of another format": lambda path: rewrite(path, format=lambda number: number + 1),
    "without counts": lambda path: rewrite(path, counts=None),
    "without what PCA explains": lambda path: rewrite(path, explained=None),
}


def rewrite(path: Path, **changes: Callable[[np.ndarray], np.ndarray] | None) -> None:
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    for name, change in changes.items():
        if change is None:
            del arrays[name]
        else:
            arrays[name] = change(arrays[name])
    np.savez(path, allow_pickle=False, **arrays)


@pytest.mark.parametrize("how", BREAK)
def test_a_damaged_file_is_made_again(run: Run, counted: list[str], how: str) -> None:
    places = projected(run, PCA).projection.places
    BREAK[how](path_of(job_of(run, PCA)))
    assert stored_projection(run, PCA) is None
    np.testing.assert_array_equal(projected(run, PCA).projection.places, places)
    assert counted == ["pca", "pca"]
    assert stored_projection(run, PCA) is not None


def test_projections_of_weights_from_before_go(run: Run) -> None:
    path = path_of(job_of(run, PCA))
    path.parent.mkdir()
    old, other = path.with_name(path.name.replace("-200", "-199")), path.with_name("latents-test-199.npz")
    for one in (old, other):
        one.write_bytes(b"")
    projected(run, PCA)
    assert sorted(one.name for one in path.parent.iterdir()) == [other.name, path.name]


def test_a_store_that_cannot_be_written_has_its_projections_in_the_users_cache(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(
        module.os, "access", lambda path, mode: not str(path).startswith(str(run.record.folder))
    )
    before = sorted(run.record.folder.rglob("*"))
    found = projected(run, PCA)
    assert found.stored is not None
    assert found.stored.is_relative_to(tmp_path / "user" / "vaescope")
    assert projected(run, PCA).stored == found.stored
    assert counted == ["pca"]
    assert sorted(run.record.folder.rglob("*")) == before


def test_without_any_place_to_keep_it_a_projection_is_computed_all_the_same(
    run: Run, counted: list[str]
) -> None:
    (run.record.folder / "cache").write_text("a file where the folder should be")
    for _ in range(2):
        assert projected(run, PCA).stored is None
    assert counted == ["pca", "pca"]


def test_a_2_d_latent_is_never_projected(bundled_store: Path) -> None:
    flat = open_run("bundled-digits-beta-1")
    for ask in (projected, stored_projection, start_projecting, job_of):
        with pytest.raises(NotApplicable, match="A 2-D latent is never projected"):
            ask(flat, PCA)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("splits", "method", "options", "said"),
    [
        ("../x", "pca", {}, "no split '../x'"),
        ((), "pca", {}, "choose from train"),
        ("test", "../x", {}, "no projection '../x'"),
        ("test", "tsne", {"seed": "1/2"}, "seed"),
        ("test", "tsne", {"dimensions": 4}, "2 or 3"),
    ],
)
def test_nothing_that_a_person_types_becomes_a_path(
    splits: str, method: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        Wanted.of(splits, method, **options)  # type: ignore[arg-type]


def test_the_seed_of_a_method_without_chance_makes_no_second_file() -> None:
    assert Wanted.of("test", "pca", seed=7) == PCA
    assert Wanted.of("test", "tsne", seed=7) != Wanted.of("test", "tsne")


def test_in_the_background_one_process_computes_what_both_asked_for(run: Run) -> None:
    wanted = Wanted.of("test", "tsne", seed=2)
    job, end = job_of(run, wanted), time.monotonic() + 120
    start_projecting(run, wanted)
    start_projecting(run, wanted)
    phases = set()
    while (state := read_job(job)).running:
        assert time.monotonic() < end
        phases.add(state.phase)
        time.sleep(0.02)
    assert state.state == "none", state
    assert "Laying out" in phases
    assert [one.name for one in job.folder.iterdir()] == ["projection-test-tsne-2d-seed2-200.npz"]
    found = stored_projection(run, wanted)
    assert found is not None
    assert (found.projection.method, found.projection.seed) == ("tsne", 2)
    assert found.projection.quality.trustworthiness > 0.97
    assert os.environ["VAESCOPE_STORE"] in str(found.stored)  # the process knew the store
