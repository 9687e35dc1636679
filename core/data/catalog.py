"""The catalogue of data sets: names, facts, and the one door to their images."""

import hashlib
from dataclasses import dataclass

import numpy as np

from core.data import digits, files
from core.data.files import Progress, data_folder
from core.data.images import ImageSet
from core.errors import DataError

__all__ = [
    "DATASETS",
    "DatasetInfo",
    "Progress",
    "data_folder",
    "fetch",
    "fingerprint",
    "info",
    "is_available",
    "load",
    "names",
]


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a data set, known without reading it.

    Attributes:
        name: the key in `DATASETS`, as settings and commands write it.
        title: the name as people write it.
        shape: (channels, height, width) of one image.
        class_names: names of the classes, in the order of the labels.
        train_images: number of training images, before any validation share is set aside.
        test_images: number of test images.
        embedded: whether it needs neither files nor network.
        source: who made it, and where it is described.
        licence: the licence of the images.
    """

    name: str
    title: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_images: int
    test_images: int
    embedded: bool
    source: str
    licence: str


_IDX_SHAPE = (1, files.IMAGE_SIDE, files.IMAGE_SIDE)

DATASETS: dict[str, DatasetInfo] = {
    row.name: row
    for row in (
        DatasetInfo(
            name=digits.NAME,
            title="Digits",
            shape=digits.SHAPE,
            class_names=digits.CLASS_NAMES,
            train_images=digits.TRAIN_IMAGES,
            test_images=digits.TEST_IMAGES,
            embedded=True,
            source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, as in scikit-learn",
            licence="CC BY 4.0",
        ),
        DatasetInfo(
            name="mnist",
            title="MNIST",
            shape=_IDX_SHAPE,
            class_names=tuple("0123456789"),
            train_images=files.TRAIN_IMAGES,
            test_images=files.TEST_IMAGES,
            embedded=False,
            source="Y. LeCun, C. Cortes and C. Burges, http://yann.lecun.com/exdb/mnist/",
            licence="CC BY-SA 3.0",
        ),
        DatasetInfo(
            name="fashion-mnist",
            title="Fashion-MNIST",
            shape=_IDX_SHAPE,
            class_names=(
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
            ),
            train_images=files.TRAIN_IMAGES,
            test_images=files.TEST_IMAGES,
            embedded=False,
            source="Zalando SE, https://github.com/zalandoresearch/fashion-mnist",
            licence="MIT, (c) 2017 Zalando SE",
        ),
    )
}


def names() -> tuple[str, ...]:
    """Return the names of all data sets, the embedded default first."""
    return tuple(DATASETS)


def info(name: str) -> DatasetInfo:
    """Return the facts about a data set.

    Raises:
        DataError: if there is none of that name; the sentence lists those there are.
    """
    if name not in DATASETS:
        raise DataError(f"There is no data set {name!r}: use one of {', '.join(DATASETS)}.")
    return DATASETS[name]


def load(name: str, split: str) -> ImageSet:
    """Load one official split, every file verified.

    Args:
        name: a name of the catalogue.
        split: "train" or "test" (a validation set is made by `images.split_validation`).

    Returns:
        The images; `ids` are rows of scikit-learn's `load_digits` for digits, else rows of the split's file.

    Raises:
        DataMissing: if files are not on this machine yet.
        DataError: if the name or the split is unknown, or a file is damaged.
    """
    facts = info(name)
    if split not in ("train", "test"):
        raise DataError(f"The split {split!r} of {name!r} cannot be loaded: use one of train, test.")
    if facts.embedded:
        return digits.load(split)
    pair = files.FILES[name][:2] if split == "train" else files.FILES[name][2:]
    pixels, labels = files.read(pair)
    return ImageSet(
        dataset=name,
        split=split,
        pixels=pixels[:, np.newaxis],  # (N, H, W) -> (N, 1, H, W)
        labels=labels.astype(np.int64),
        ids=np.arange(len(labels), dtype=np.int64),
        class_names=facts.class_names,
        fingerprint=fingerprint(name),
    )


def is_available(name: str) -> bool:
    """Say whether the files of a data set lie there; cheap, so their content is not checked.

    Raises:
        DataError: if the name is unknown.
    """
    return info(name).embedded or all(files.find(file) for file in files.FILES[name])


def fetch(name: str, *, progress: Progress | None = None) -> None:
    """Download what is missing or damaged of a data set; an embedded one needs nothing.

    Args:
        name: a name of the catalogue.
        progress: called with bytes done, bytes in total (0 if unknown) and the file's name.

    Raises:
        DataError: if the name is unknown, the folder cannot be written, or every mirror failed.
    """
    if not info(name).embedded:
        files.fetch(name, progress=progress)


def fingerprint(name: str) -> str:
    """Return the SHA-256 (hex) that identifies a data set's content, without reading its files.

    For IDX it is taken over the official SHA-256 sums of the four files, in the order of `files.FILES`;
    `load` enforces them.

    Raises:
        DataError: if the name is unknown.
    """
    if info(name).embedded:
        return digits.fingerprint()
    return hashlib.sha256(b"".join(bytes.fromhex(file.sha256) for file in files.FILES[name])).hexdigest()
