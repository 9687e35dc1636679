"""The catalogue of data sets: names, facts, and the one door to their images."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.data import digits, files, own, points
from core.data.files import Progress, data_folder
from core.data.images import ImageSet
from core.errors import DataError, DataMissing

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
    "rows",
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
        kind: "image", or "vector" for rows of numbers, whose shape is (1, 1, values).
        own: whether a person added it.
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
    kind: str = "image"
    own: bool = False


_IDX_SHAPE = (1, files.IMAGE_SIDE, files.IMAGE_SIDE)

# Those that VAEScope knows by itself; a person's own are found by `rows`.
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
        *(
            DatasetInfo(
                name=name,
                title=title,
                shape=points.SHAPE,
                class_names=points.CLASS_NAMES[name],
                train_images=points.TRAIN_POINTS,
                test_images=points.TEST_POINTS,
                embedded=True,
                source=f"made by scikit-learn's {maker}",
                licence="BSD 3-Clause",
                kind="vector",
            )
            for name, title, maker in (
                (points.MOONS, "Moons", "make_moons"),
                (points.SWISS_ROLL, "Swiss roll, in its plane", "make_swiss_roll"),
            )
        ),
    )
}


_EMBEDDED: dict[str, tuple[Callable[[str], ImageSet], Callable[[], str]]] = {
    digits.NAME: (digits.load, digits.fingerprint),
    **{
        name: (partial(points.load, name), partial(points.fingerprint, name))
        for name in (points.MOONS, points.SWISS_ROLL)
    },
}
"""How an embedded data set is loaded, a split of it, and its fingerprint"""


def _of_own(found: own.OwnSet) -> DatasetInfo:
    document = found.document
    assert document is not None
    return DatasetInfo(
        name=found.name,
        title=found.name,
        shape=document.shape,
        class_names=document.class_names,
        train_images=document.train,
        test_images=document.test,
        embedded=False,
        source=f"added by you: {document.what}",
        licence="yours",
        kind=document.kind,
        own=True,
    )


def rows() -> tuple[DatasetInfo, ...]:
    """Return the facts about all data sets: the embedded default first, a person's own last, by name."""
    return (*DATASETS.values(), *(_of_own(one) for one in own.list_own() if one.state == "ready"))


def names() -> tuple[str, ...]:
    """Return the names of all data sets, in the order of `rows`."""
    return tuple(row.name for row in rows())


def info(name: str) -> DatasetInfo:
    """Return the facts about a data set.

    Raises:
        DataError: if there is none of that name; the sentence lists those there are.
    """
    known = DATASETS.get(name) or next((row for row in rows() if row.name == name), None)
    if known is None:
        raise DataError(f"There is no data set {name!r}: use one of {', '.join(names())}.")
    return known


def _ready(name: str) -> own.OwnSet | None:
    return next((one for one in own.list_own() if one.name == name and one.state == "ready"), None)


def load(name: str, split: str) -> ImageSet:
    """Load one official split, every file verified.

    Args:
        name: a name of the catalogue.
        split: "train" or "test" (a validation set is made by `images.split_validation`).

    Returns:
        The images; `ids` are rows of scikit-learn's `load_digits` for digits, else rows of the split. Those of a
        person's own set are mapped from disk.

    Raises:
        DataMissing: if files are not on this machine yet.
        DataError: if the name or the split is unknown, or a file is damaged.
    """
    facts = info(name)
    if split not in ("train", "test"):
        raise DataError(f"The split {split!r} of {name!r} cannot be loaded: use one of train, test.")
    if facts.embedded:
        return _EMBEDDED[name][0](split)
    if facts.own:
        return _load_own(name, split)
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


def _load_own(name: str, split: str) -> ImageSet:
    found = _ready(name)
    if found is None or found.document is None:
        raise DataMissing(f"The data set '{name}' was deleted a moment ago: add it again.")
    values, labels = own.arrays(found)
    train = found.document.train
    chosen = slice(0, train) if split == "train" else slice(train, None)
    return ImageSet(
        dataset=name,
        split=split,
        pixels=values[chosen],
        labels=labels[chosen],
        ids=np.arange(len(labels[chosen]), dtype=np.int64),
        class_names=found.document.class_names,
        fingerprint=found.document.fingerprint,
    )


def is_available(name: str) -> bool:
    """Say whether the files of a data set lie there; cheap, so their content is not checked.

    A name that nobody knows is not available: a run outlives the data set that its person deleted.
    """
    if name in files.FILES:
        return all(files.find(file) for file in files.FILES[name])
    return name in DATASETS or _ready(name) is not None


def fetch(name: str, *, progress: Progress | None = None) -> None:
    """Download what is missing or damaged of a data set; an embedded one needs nothing.

    Args:
        name: a name of the catalogue.
        progress: called with bytes done, bytes in total (0 if unknown) and the file's name.

    Raises:
        DataError: if the name is unknown, the folder cannot be written, or every mirror failed.
    """
    facts = info(name)
    if facts.own:
        raise DataError(f"The data set '{name}' is your own, and is complete: there is nothing to download.")
    if not facts.embedded:
        files.fetch(name, progress=progress)


def fingerprint(name: str) -> str:
    """Return the SHA-256 (hex) that identifies a data set's content, without reading its files.

    For IDX it is taken over the official SHA-256 sums of the four files, in the order of `files.FILES`;
    `load` enforces them.

    Raises:
        DataError: if the name is unknown.
    """
    facts = info(name)
    if facts.embedded:
        return _EMBEDDED[name][1]()
    if facts.own:
        found = _ready(name)
        return "" if found is None or found.document is None else found.document.fingerprint
    return hashlib.sha256(b"".join(bytes.fromhex(file.sha256) for file in files.FILES[name])).hexdigest()
