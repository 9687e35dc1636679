"""The catalogue, and the real MNIST and Fashion-MNIST where the data folder holds them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data import catalog
from core.data.images import ImageSet
from core.errors import DataError


def real(name: str, split: str) -> ImageSet:
    if not catalog.is_available(name):
        pytest.skip(
            f"{catalog.data_folder() / name} lacks the files; set VAESCOPE_DATA to a folder with them"
        )
    return catalog.load(name, split)


@pytest.fixture(scope="module")
def mnist_train() -> ImageSet:
    return real("mnist", "train")


@pytest.fixture(scope="module")
def fashion_train() -> ImageSet:
    return real("fashion-mnist", "train")


def test_names_and_facts() -> None:
    assert catalog.names() == ("digits", "mnist", "fashion-mnist", "moons", "swiss-roll")
    fashion = catalog.info("fashion-mnist")
    assert fashion.class_names == (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    assert fashion.title == "Fashion-MNIST"
    for name in ("digits", "mnist"):
        assert catalog.info(name).class_names == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert [catalog.info(name).embedded for name in catalog.names()] == [True, False, False, True, True]


def test_an_unknown_name_is_not_available() -> None:
    assert not catalog.is_available("cifar")  # a run outlives the data set that was deleted


@pytest.mark.parametrize(
    "ask",
    [
        catalog.info,
        catalog.fetch,
        catalog.fingerprint,
        lambda n: catalog.load(n, "test"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(ask) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=r"'cifar'.*digits, mnist, fashion-mnist"):
        ask("cifar")


@pytest.mark.parametrize("split", ["validation", "all", ""])
def test_an_unknown_split_lists_the_known_ones(split: str) -> None:
    with pytest.raises(DataError, match="train, test"):
        catalog.load("digits", split)


def test_digits_need_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "absent"))
    assert catalog.is_available("digits")
    catalog.fetch("digits")
    assert len(catalog.load("digits", "test")) == 360
    assert not (tmp_path / "absent").exists()


def test_fingerprints_differ_and_need_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path))
    prints = [catalog.fingerprint(name) for name in catalog.names()]
    assert len(set(prints)) == 5
    # Pinned: stored runs hold them. Each is the SHA-256 of the four official sums, joined as bytes.
    assert prints[1] == "e9914cff2ade526da2ab1ac60c072f9173cc53e35b9411692de8207cb1b9009d"
    assert prints[2] == "4d8e31d2057f6f938ff47097ba334038e7aafbaf24b67665d2dd1ecda01730a3"


def test_the_catalogue_loads_no_heavy_library() -> None:
    code = (
        "import sys; from core.data import catalog\n"
        "catalog.fingerprint('mnist'); catalog.is_available('mnist')\n"
        "print([m for m in ('torch', 'sklearn', 'pooch', 'requests', 'streamlit') if m in sys.modules])"
    )
    root = Path(catalog.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", catalog.names())
def test_the_facts_are_those_of_the_images(name: str) -> None:
    facts, test = catalog.info(name), real(name, "test")
    assert len(test) == facts.test_images
    assert test.shape == facts.shape
    assert test.class_names == facts.class_names
    assert test.fingerprint == catalog.fingerprint(name)
    assert test.ids.max() >= facts.test_images - 1
    assert test.kind == facts.kind
    if facts.kind == "image":
        assert (test.pixels.min(), test.pixels.max()) == (0, 255)
    else:
        assert 0 <= test.pixels.min() < 0.1 < 0.9 < test.pixels.max() <= 1


def test_mnist_is_the_real_one(mnist_train: ImageSet) -> None:
    # Published counts of the training digits 0 to 9, and first labels of both files.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist_train.labels).tolist() == counts
    assert mnist_train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert real("mnist", "test").labels[:5].tolist() == [7, 2, 1, 0, 4]
    # Published mean and standard deviation of the training pixels on [0, 1]: 0.1307 and 0.3081.
    mean = mnist_train.pixels.mean()
    chunks = np.array_split(mnist_train.pixels, 12)  # squares of all pixels at once would take much memory
    square = sum(int(np.square(chunk, dtype=np.uint16).sum()) for chunk in chunks) / mnist_train.pixels.size
    assert round(mean / 255, 4) == 0.1307
    assert round(np.sqrt(square - mean**2) / 255, 4) == 0.3081


def test_images_of_mnist_stand_upright(mnist_train: ImageSet) -> None:
    # A one is taller than wide, which transposed or misaligned rows would not show.
    ones = mnist_train.select(mnist_train.labels == 1).pixels[:500, 0] > 127
    assert ones.any(axis=2).sum() > 1.5 * ones.any(axis=1).sum()


def test_fashion_is_the_real_one(fashion_train: ImageSet) -> None:
    assert np.bincount(fashion_train.labels).tolist() == [6000] * 10
    assert fashion_train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    test = real("fashion-mnist", "test")
    assert test.labels[:5].tolist() == [9, 2, 1, 1, 6]
    assert np.bincount(test.labels).tolist() == [1000] * 10
    names = [test.class_names[label] for label in test.labels[:5]]
    assert names == ["Ankle boot", "Pullover", "Trouser", "Trouser", "Shirt"]
    trousers, bags = (test.pixels[test.labels == k, 0] > 50 for k in (1, 8))
    assert trousers.any(axis=1).mean() < bags.any(axis=1).mean()  # trousers fill fewer columns than bags
