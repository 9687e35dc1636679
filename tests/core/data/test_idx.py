"""The IDX reader: good files in each form, and one sentence for each way in which a file can be bad."""

import gzip
import hashlib
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data.idx import IdxFile, problem, read_idx
from core.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 3, 4), dtype=np.uint8)
RAW = struct.pack(">IIII", 0x00000803, 6, 3, 4) + IMAGES.tobytes()
EXPECTED = IdxFile("mnist", "train-images-idx3-ubyte", (6, 3, 4), hashlib.sha256(RAW).hexdigest())
PACKED = gzip.compress(RAW)


@pytest.mark.parametrize("content", [RAW, PACKED, gzip.compress(RAW, 0), PACKED + bytes(16)])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_good_files_are_read_whatever_they_are_called(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    images = read_idx(path, expected=EXPECTED)
    np.testing.assert_array_equal(images, IMAGES)
    assert images.dtype == np.uint8
    assert not images.flags.writeable
    assert problem(path, expected=EXPECTED) is None


def test_labels_are_read(tmp_path: Path) -> None:
    raw = struct.pack(">II", 0x00000801, 3) + bytes([5, 0, 4])
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(raw)
    expected = IdxFile("mnist", path.name, (3,), hashlib.sha256(raw).hexdigest())
    assert read_idx(path, expected=expected).tolist() == [5, 0, 4]


def changed(raw: bytes, at: int, byte: int) -> bytes:
    return raw[:at] + bytes([byte]) + raw[at + 1 :]


BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("", b"", "is empty"),
    "empty gz": (".gz", b"", "is empty"),
    "empty inside gz": (".gz", gzip.compress(b""), "is truncated: it ends after 0 of 88 bytes"),
    "not gzip": (".gz", b"<!DOCTYPE html>", "is not a gzip file (it begins with b'<!DO')"),
    "truncated in the magic number": ("", RAW[:3], "is truncated: it ends after 3 of 88 bytes"),
    "truncated in the header": ("", RAW[:15], "is truncated: it ends after 15 of 88 bytes"),
    "truncated": ("", RAW[:-1], "is truncated: it ends after 87 of 88 bytes"),
    "truncated inside gz": (".gz", gzip.compress(RAW[:-1]), "is truncated: it ends after 87 of 88 bytes"),
    "gz truncated": (".gz", PACKED[:-12], "is truncated: its gzip content breaks off"),
    "gz truncated in its checksum": (".gz", PACKED[:-3], "is truncated: its gzip content breaks off"),
    "gz damaged": (".gz", PACKED[:12] + b"\xff" * 20 + PACKED[32:], "is damaged"),
    "gz checksum": (".gz", changed(PACKED, len(PACKED) - 6, PACKED[-6] ^ 1), "is damaged"),
    "labels for images": (
        "",
        struct.pack(">II", 0x00000801, 80) + bytes(80),
        "IDX images (0x00000803) belong there, but it holds IDX labels (0x00000801)",
    ),
    "something else": ("", b"PK\x03\x04" + bytes(84), "but it holds something else (0x504b0304)"),
    "float values": ("", changed(RAW, 2, 0x0D), "wrong magic number"),
    "little-endian": ("", struct.pack("<IIII", 0x803, 6, 3, 4) + IMAGES.tobytes(), "wrong magic number"),
    "fewer images": (
        "",
        struct.pack(">IIII", 0x00000803, 5, 3, 4) + IMAGES[:5].tobytes(),
        "has the wrong count: 6 images of 3x4 belong there, but it announces 5 images of 3x4",
    ),
    "another size": ("", struct.pack(">IIII", 0x00000803, 6, 4, 3) + IMAGES.tobytes(), "6 images of 4x3"),
    "too long": ("", RAW + b"\0", "is too long: it goes on after its 88 bytes"),
    "too long inside gz": (".gz", gzip.compress(RAW + b"\0"), "is too long"),
    "one pixel changed": ("", changed(RAW, 50, RAW[50] ^ 1), "is not the official file: the SHA-256"),
    "one pixel changed inside gz": (".gz", gzip.compress(changed(RAW, 50, RAW[50] ^ 1)), "the SHA-256"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_one_sentence(tmp_path: Path, case: str) -> None:
    suffix, content, words = BAD[case]
    path = tmp_path / f"{EXPECTED.name}{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path, expected=EXPECTED)
    sentence = str(caught.value)
    assert words in sentence
    assert f"'{path.name}' in '{tmp_path}'" in sentence
    assert "delete it and run `python -m core data fetch mnist`" in sentence
    assert "put the official file into that folder" in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert words in str(problem(path, expected=EXPECTED))


def test_a_file_that_cannot_be_read_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'gone' in .* cannot be read \(No such file.*fetch mnist"):
        read_idx(tmp_path / "gone", expected=EXPECTED)
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path, expected=EXPECTED)


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(RAW)
    return head + b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()


@pytest.mark.parametrize("make", [bomb, lambda: RAW + bytes(50 << 20)], ids=["gzip bomb", "huge raw file"])
def test_a_huge_file_does_not_fill_the_memory(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="is too long"):
            read_idx(path, expected=EXPECTED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20  # bytes, of 200 MiB unpacked
