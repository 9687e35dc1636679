"""What all tests share: the data, a store that is not the project's own, and no way to the network."""

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[1]

# Before anything loads torch: two workers with a thread per core each would wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Names of the image sets' files, raw or .gz.
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def data_root() -> Path:
    """The folder that holds mnist/ and fashion-mnist/, as the code under test would choose it."""
    return Path(os.environ.get("VAESCOPE_DATA") or REPO / "data")


def pytest_report_header() -> str:
    state = "" if data_root().is_dir() else " (not there: the tests that need it are skipped)"
    return f"image sets: {data_root()}{state}"


@pytest.fixture(scope="session")
def repo() -> Path:
    """The project's own folder. Read it, never write into it."""
    return REPO


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that holds mnist/ and fashion-mnist/; the test is skipped where there is none."""
    if not data_root().is_dir():
        pytest.skip(
            f"no image sets at {data_root()}: set VAESCOPE_DATA to the folder of mnist/ and fashion-mnist/"
        )
    return data_root()


@pytest.fixture(scope="session")
def mnist_folder(data_folder: Path) -> Path:
    """The folder of MNIST's four files; the test is skipped where one is missing."""
    return _complete(data_folder / "mnist")


@pytest.fixture(scope="session")
def fashion_folder(data_folder: Path) -> Path:
    """The folder of Fashion-MNIST's four files; the test is skipped where one is missing."""
    return _complete(data_folder / "fashion-mnist")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and the default one (VAESCOPE_STORE) of the test and of each process that it starts."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setenv("VAESCOPE_STORE", str(folder))
    return folder


@pytest.fixture
def bundled_store(store: Path) -> Path:
    """A copy of the bundled runs, and the default store: a test may write into it as it likes."""
    return copy_bundled(store)


def copy_bundled(store: Path) -> Path:
    """Copy the bundled runs into `store` as a fresh clone has them: without notes, caches and locks."""
    ignored = shutil.ignore_patterns("annotations.json", "cache", "lock", "*.lock", "*.tmp")
    for run in sorted((REPO / "checkpoints").glob("bundled-*")):
        shutil.copytree(run, store / run.name, ignore=ignored)
    return store


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse connections that leave this machine: tests stand on nobody else's server."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise ConnectionRefusedError(f"tests do not leave this machine, and {address[0]} lies outside it")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _complete(folder: Path) -> Path:
    missing = [
        name for name in IDX_FILES if not any((folder / f"{name}{end}").is_file() for end in ("", ".gz"))
    ]
    if missing:
        pytest.skip(f"{folder} lacks {', '.join(missing)}")
    return folder


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """No process of a training job is started: it stays queued until a test calls `work` itself.

    Gives the words that each process would have had.
    """
    from core.training import queue
    from tests.waiting import Waiting

    words: list[list[str]] = []

    def launch(given: list[str], *, log: Path) -> Waiting:
        log.write_text("Waiting\n")
        words.append(given)
        return Waiting()

    monkeypatch.setattr(queue, "launch", launch)
    monkeypatch.setattr(queue, "POLL", 0.02)
    return words
