"""The error of an image: against a second way to compute it, at any batch size, cached and made again."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data import catalog
from core.data.images import ImageSet
from core.errors import ConfigError, DataError
from core.pixel_errors import errors_at_means, in_order_of, load_errors, save_errors, squared_errors
from core.runs import Run, open_run
from tests.core.shared import Copy, Trained

REPO = Path(__file__).resolve().parents[2]


def by_hand(run: Run, split: str) -> np.ndarray:
    """The same by encoding and decoding each image anew."""
    pixels = run.images(split).pixels
    again = run.reconstruct(pixels)
    return np.array([((x / 255 - y) ** 2).sum() / x.size for x, y in zip(pixels, again, strict=True)])


@pytest.mark.parametrize(
    "settings", [{}, {"network": "conv"}, {"family": "ae"}, {"pad": 12}, {"likelihood": "gaussian"}], ids=str
)
def test_the_error_is_that_of_the_reconstruction_at_the_mean(settings: dict, copied: Copy) -> None:
    run = open_run(copied(**settings), device="cpu")
    for split in ("test", "validation"):
        found = run.errors(split)
        assert found.dtype == np.float32
        assert len(found) == len(run.latents(split))
        np.testing.assert_allclose(found, by_hand(run, split), rtol=1e-4)


def test_without_padding_the_average_is_the_stored_score(copied: Copy) -> None:
    run = open_run(copied(), device="cpu")
    assert run.scores is not None
    assert run.errors("test").mean(dtype=np.float64) == pytest.approx(
        run.scores["test"]["squared_error_at_mean"], rel=1e-5
    )


@pytest.mark.parametrize("size", [1, 7, 100, 128])
def test_the_batch_size_changes_nothing(size: int, copied: Copy) -> None:
    folder = copied()
    whole = open_run(folder, device="cpu").errors("test")
    next(folder.glob("cache/errors-test-*.npz")).unlink()
    calls: list[tuple[int, int]] = []
    found = open_run(folder, device="cpu").errors(
        "test", batch_size=size, progress=lambda done, total: calls.append((done, total))
    )
    np.testing.assert_allclose(found, whole, rtol=1e-5)
    assert calls[-1] == (360, 360)
    assert len(calls) == -(-360 // size)


def test_a_case_solved_by_hand() -> None:
    images = np.array([[[[0, 255]]], [[[255, 255]]]], np.uint8)
    labels = np.zeros(2, np.int64)
    found = errors_at_means(
        lambda z, told: np.full((len(z), 1, 1, 2), 0.5, np.float32), np.zeros((2, 1)), labels, images
    )
    assert found.tolist() == [0.25, 0.25]
    colour = np.zeros((1, 3, 1, 1), np.uint8)
    assert errors_at_means(
        lambda z, told: np.array([0, 0.5, 1], np.float32).reshape(1, 3, 1, 1),
        np.zeros((1, 1)),
        labels[:1],
        colour,
    )[0] == pytest.approx(1.25 / 3)
    with pytest.raises(ValueError, match="must be alike"):
        squared_errors(images, np.zeros((2, 1, 2, 2)))


def test_a_cache_is_used_and_a_damaged_or_old_one_is_made_again(copied: Copy) -> None:
    folder = copied()
    first = open_run(folder, device="cpu").errors("test")
    (path,) = folder.glob("cache/errors-test-*.npz")
    assert path.name == f"errors-test-{open_run(folder).document.epoch}.npz"
    ids = open_run(folder).latents("test").ids
    save_errors(path, ids, first + 1)
    np.testing.assert_array_equal(open_run(folder).errors("test"), first + 1)
    for spoil in (
        lambda: path.write_bytes(path.read_bytes()[:50]),
        lambda: path.write_bytes(b"no zip"),
        lambda: save_errors(path, ids[::-1], first + 1),
        lambda: save_errors(path, ids[:5], first[:5]),
        lambda: save_errors(path, ids, np.full(len(ids), np.nan)),
    ):
        spoil()
        np.testing.assert_allclose(open_run(folder, device="cpu").errors("test"), first, rtol=1e-5)
        np.testing.assert_allclose(load_errors(path, ids), first, rtol=1e-5)
    path.rename(path.with_name("errors-test-1.npz"))
    open_run(folder, device="cpu").errors("test")
    assert [one.name for one in folder.glob("cache/errors-test-*.npz")] == [path.name]


def test_a_store_that_cannot_be_written_goes_without_a_cache(
    copied: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    found = open_run(folder, device="cpu").errors("test")
    assert len(found) == 360
    assert list(folder.glob("cache/errors-*")) == []


def test_cached_errors_need_no_torch(bundled_store: Path) -> None:
    open_run("bundled-digits-beta-1", device="cpu").errors("test")
    script = (
        "import sys, core\n"
        "assert len(core.open_run('bundled-digits-beta-1').errors('test')) == 360\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr


def test_errors_follow_the_latents_whatever_order_the_images_have(
    copied: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied()
    straight = open_run(folder, device="cpu").errors("test")
    next(folder.glob("cache/errors-test-*.npz")).unlink()
    load, order = catalog.load, np.random.default_rng(0).permutation(360)

    def shuffled(name: str, split: str) -> ImageSet:
        images = load(name, split)
        return images.select(order) if split == "test" else images

    monkeypatch.setattr(catalog, "load", shuffled)
    np.testing.assert_allclose(open_run(folder, device="cpu").errors("test"), straight, rtol=1e-5)


def test_rows_that_the_data_lack_are_refused() -> None:
    assert in_order_of(np.array([5, 1, 9]), np.array([9, 5])).tolist() == [2, 0]
    assert in_order_of(np.array([5]), np.zeros(0, np.int64)).tolist() == []
    for ids in (np.array([5, 1, 9]), np.zeros(0, np.int64)):
        with pytest.raises(DataError, match="encode them again"):
            in_order_of(ids, np.array([9, 4]))


def test_what_is_no_split_or_batch_is_refused(trained: Trained) -> None:
    run = trained()
    with pytest.raises(DataError):
        run.errors("all")
    with pytest.raises(ConfigError):
        run.errors("test", batch_size=0)
