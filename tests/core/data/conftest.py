"""A tiny data set in IDX form, built byte by byte with struct, and mirrors on this machine that serve it."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from core.data import files
from core.data.idx import IdxFile

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx_bytes(array: np.ndarray) -> bytes:
    """Write an IDX file as its specification says, independently of the reader."""
    magic = {3: 0x00000803, 1: 0x00000801}[array.ndim]
    return struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.astype(np.uint8).tobytes()


@dataclass
class Tiny:
    """Four official files of a data set that passes for MNIST: 12 training and 5 test images of 28x28."""

    folder: Path
    arrays: dict[str, np.ndarray]
    files: tuple[IdxFile, ...]

    def raw(self, name: str) -> bytes:
        return idx_bytes(self.arrays[name])

    def put(self, name: str, content: bytes, *, as_name: str | None = None) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / (as_name or name)
        path.write_bytes(content)
        return path

    def put_all(self) -> None:
        for name in self.arrays:
            self.put(name, gzip.compress(self.raw(name)), as_name=f"{name}.gz")

    def serve(self, handler: BaseHTTPRequestHandler, name: str) -> None:
        """Answer as a mirror should."""
        send(handler, gzip.compress(self.raw(name.removesuffix(".gz"))))


def send(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    rng = np.random.default_rng(7)
    arrays = {
        NAMES[0]: rng.integers(0, 256, (12, 28, 28), dtype=np.uint8),
        NAMES[1]: np.arange(12, dtype=np.uint8) % 10,
        NAMES[2]: rng.integers(0, 256, (5, 28, 28), dtype=np.uint8),
        NAMES[3]: np.array([9, 8, 7, 6, 5], dtype=np.uint8),
    }
    rows = tuple(
        IdxFile("mnist", name, array.shape, hashlib.sha256(idx_bytes(array)).hexdigest())
        for name, array in arrays.items()
    )
    monkeypatch.setattr(files, "FILES", {"mnist": rows})
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "data"))
    return Tiny(tmp_path / "data" / "mnist", arrays, rows)


Answer = Callable[[BaseHTTPRequestHandler, str], None]


@dataclass
class Mirror:
    """A web server on 127.0.0.1: what it answers, and what it was asked."""

    url: str
    answer: Answer
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def start_mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], Mirror]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> Mirror:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                mirror.asked.append(name)
                mirror.answer(self, name)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        mirror = Mirror(f"http://127.0.0.1:{server.server_port}/mnist/", answer)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return mirror

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
