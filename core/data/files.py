"""The data folder: where the IDX files lie, which ones are official, and how missing ones are downloaded."""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from core.data.idx import IdxFile, problem, read_idx
from core.errors import DataError, DataMissing

Progress = Callable[[int, int, str], None]
"""Called with bytes done, bytes in total (0 if the mirror does not say) and the name of the file."""

IMAGE_SIDE, TRAIN_IMAGES, TEST_IMAGES = 28, 60_000, 10_000  # both data sets


def _four(dataset: str, *sha256: str) -> tuple[IdxFile, ...]:
    side = (IMAGE_SIDE, IMAGE_SIDE)
    return (
        IdxFile(dataset, "train-images-idx3-ubyte", (TRAIN_IMAGES, *side), sha256[0]),
        IdxFile(dataset, "train-labels-idx1-ubyte", (TRAIN_IMAGES,), sha256[1]),
        IdxFile(dataset, "t10k-images-idx3-ubyte", (TEST_IMAGES, *side), sha256[2]),
        IdxFile(dataset, "t10k-labels-idx1-ubyte", (TEST_IMAGES,), sha256[3]),
    )


# Training images, training labels, test images, test labels. The sums are those of the uncompressed content,
# because gzip wrappers of the same content differ from mirror to mirror.
FILES: dict[str, tuple[IdxFile, ...]] = {
    "mnist": _four(
        "mnist",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion-mnist": _four(
        "fashion-mnist",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

# Tried in this order. Plain http is safe here: nothing is kept whose SHA-256 is not the official one.
MIRRORS: dict[str, tuple[str, ...]] = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}

CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
_STALE_SECONDS = 24 * 3600


def data_folder() -> Path:
    """Return the folder of the data sets: `VAESCOPE_DATA` if set, else `data` beside `core`."""
    chosen = os.environ.get("VAESCOPE_DATA", "").strip()
    folder = Path(chosen).expanduser() if chosen else Path(__file__).parents[2] / "data"
    return folder.absolute()


def find(file: IdxFile) -> list[Path]:
    """Return the places where a file lies, best first; empty if it is missing.

    Accepted in `<data folder>/<data set>/`: the official name, the name with a dot before "idx" that some
    archives unpack to, each raw or with ".gz".
    """
    folder = data_folder() / file.dataset
    dotted = file.name.replace("-idx", ".idx")
    names = (file.name, dotted, f"{file.name}.gz", f"{dotted}.gz")
    return [folder / name for name in names if (folder / name).is_file()]


def read(files: tuple[IdxFile, ...]) -> list[np.ndarray]:
    """Read files of one data set, each verified.

    When a file lies there more than once (raw and .gz), the first good one counts.

    Returns:
        One read-only uint8 array for each file.

    Raises:
        DataMissing: if files are absent; the sentence lists them all.
        DataError: if a file is not what it should be.
    """
    places = [find(file) for file in files]
    missing = [f"{file.name}.gz" for file, found in zip(files, places, strict=True) if not found]
    if missing:
        dataset, folder = files[0].dataset, data_folder() / files[0].dataset
        raise DataMissing(
            f"The data set '{dataset}' is not complete on this machine, because '{folder}' lacks "
            f"{', '.join(missing)}: run `python -m core data fetch {dataset}` to download what is missing, "
            f"or put the official files into that folder (VAESCOPE_DATA sets another one)."
        )
    return [_first_good(file, found) for file, found in zip(files, places, strict=True)]


def _first_good(file: IdxFile, places: list[Path]) -> np.ndarray:
    first_error: DataError | None = None
    for path in places:
        try:
            return read_idx(path, expected=file)
        except DataError as error:
            first_error = first_error or error
    assert first_error is not None
    raise first_error


def fetch(dataset: str, *, progress: Progress | None = None) -> None:
    """Download the files of a data set that are missing or damaged; good ones are kept as they are.

    Each file arrives under a temporary name in the same folder, is verified by the SHA-256 of its
    uncompressed content, and only then takes its name, `<name>.gz`. Processes that fetch at once wait for
    each other, so nothing is downloaded twice.

    Args:
        dataset: a key of `FILES`.
        progress: see `Progress`; an exception that it raises (other than an OSError) stops the download.

    Raises:
        DataError: if the folder cannot be written, or every mirror failed.
    """
    if not _wanted(dataset):
        return
    from filelock import FileLock

    folder = data_folder() / dataset
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".fetch.lock")
        lock.acquire()
    except OSError as error:
        raise DataError(
            f"The data set '{dataset}' cannot be stored in '{folder}' ({error.strerror or error}): make that "
            f"folder writable, or set VAESCOPE_DATA to one that is, and run "
            f"`python -m core data fetch {dataset}` again."
        ) from None
    try:
        for file in _wanted(dataset):  # asked again: another process may have fetched some meanwhile
            _download(file, folder, progress)
    finally:
        lock.release()


def _wanted(dataset: str) -> list[IdxFile]:
    return [f for f in FILES[dataset] if not any(problem(path, expected=f) is None for path in find(f))]


def _download(file: IdxFile, folder: Path, progress: Progress | None) -> None:
    name = f"{file.name}.gz"
    for left in folder.glob(f".{file.name}.*.part.gz"):  # by a process that was killed
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            left.unlink(missing_ok=True)
    temporary = folder / f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}.part.gz"
    failures = []
    try:
        for mirror in MIRRORS[file.dataset]:
            failure = _try_mirror(mirror + name, temporary, file, progress)
            if failure is None:
                os.replace(temporary, folder / name)
                return
            failures.append(f"{mirror} ({failure})")
    finally:
        temporary.unlink(missing_ok=True)
    raise DataError(
        f"The file '{name}' of the data set '{file.dataset}' could not be downloaded, tried were "
        f"{', '.join(failures)}: check the connection and run `python -m core data fetch {file.dataset}` "
        f"again, or put the official file into '{folder}' by hand."
    )


def _try_mirror(url: str, temporary: Path, file: IdxFile, progress: Progress | None) -> str | None:
    """Download to `temporary` and verify; return None if all is well, else the reason in a few words."""
    from pooch import HTTPDownloader

    try:
        with temporary.open("wb") as target:
            sink = _Sink(target, file, progress)
            # "identity": a server must not unpack or repack the file on its way.
            downloader = HTTPDownloader(
                progressbar=sink,
                chunk_size=1 << 16,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                headers={"Accept-Encoding": "identity"},
            )
            downloader(url, sink, None)
            target.flush()
            os.fsync(target.fileno())
    except _TooLarge:
        return "it sends more than the file can hold"
    except OSError as error:  # all errors of requests are OSErrors too
        return _reason(error)
    wrong = problem(temporary, expected=file)
    return f"what it sends {wrong}" if wrong else None


def _reason(error: OSError) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"HTTP status {status}"
    kind = type(error).__name__
    if "Timeout" in kind:
        return "no answer in time"
    if kind == "ChunkedEncodingError":
        return "the connection broke off"
    return "no connection" if kind == "ConnectionError" else error.strerror or kind


class _TooLarge(Exception):
    """A mirror sent more bytes than the uncompressed file has."""


class _Sink:
    """Target and progress bar of one download: counts the bytes really written, and bounds them.

    pooch's own calls of `update` count whole chunks, also where a server sends smaller pieces.
    """

    def __init__(self, target: IO[bytes], file: IdxFile, progress: Progress | None) -> None:
        self.total = 0  # set by pooch from the Content-Length
        self._target, self._file, self._progress = target, file, progress
        self._done = 0

    def write(self, chunk: bytes) -> None:
        self._done += len(chunk)
        if self._done > self._file.size + 1024:  # a gzip wrapper of incompressible content is a little larger
            raise _TooLarge
        self._target.write(chunk)
        if self._progress is not None:
            self._progress(self._done, self.total, f"{self._file.name}.gz")

    def flush(self) -> None:
        """Do nothing: the file is flushed once, at the end, and not after each chunk as pooch would."""

    def update(self, count: int) -> None:
        """Do nothing: `write` counts."""

    def reset(self) -> None:
        """Do nothing: `write` counts."""

    def close(self) -> None:
        """Do nothing: the caller closes the file."""
