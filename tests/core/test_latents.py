"""Stored latents: what was saved comes back, and whatever else the bytes are is one sentence."""

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import latents as module
from core.data.images import SPLITS
from core.errors import CheckpointError
from core.latents import KINDS, OPTIONAL, Latents, load_latents, of_split, save_latents
from tests.core.shared import Sentence


def _arrays(count: int = 5, latent: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "ids": rng.permutation(100)[:count].astype(np.int64),
        "labels": rng.integers(-1, 10, count),
        "means": rng.standard_normal((count, latent)).astype(np.float32),
        "log_variances": rng.standard_normal((count, latent)).astype(np.float32),
        "distortion": rng.random(count, dtype=np.float32),
        "rate": rng.random(count, dtype=np.float32),
    }


@pytest.fixture
def refused(tmp_path: Path, sentence: Sentence) -> Callable[[bytes], str]:
    def check(payload: bytes) -> str:
        path = tmp_path / "latents-test.npz"
        path.write_bytes(payload)
        with pytest.raises(CheckpointError, match=r"'latents-test\.npz'") as error:
            load_latents(path)
        text = sentence(error.value)
        assert len(text) < 500
        return text

    return check


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("optional", [True, False])
def test_what_was_saved_is_loaded_bit_for_bit(optional: bool, tmp_path: Path) -> None:
    arrays = _arrays()
    if not optional:
        arrays |= dict.fromkeys(OPTIONAL)
    save_latents(tmp_path / "a.npz", Latents(**arrays))
    got = load_latents(tmp_path / "a.npz")
    assert len(got) == 5
    for name, (_, kind) in KINDS.items():
        value = getattr(got, name)
        if arrays[name] is None:
            assert value is None
            continue
        assert value.dtype == kind
        np.testing.assert_array_equal(value, arrays[name])
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 0


def test_rows_are_kept_in_the_order_asked_for() -> None:
    arrays = _arrays()
    got = Latents(**arrays).select(np.array([4, 0]))
    for name in KINDS:
        np.testing.assert_array_equal(getattr(got, name), arrays[name][[4, 0]])
    plain = Latents(**{**arrays, **dict.fromkeys(OPTIONAL)}).select(np.array([1]))
    assert plain.rate is None
    assert plain.log_variances is None
    assert plain.splits is None
    mixed = Latents(**arrays, splits=np.concatenate([of_split("train", 3), of_split("test", 2)]))
    chosen = mixed.select(np.array([4, 0])).splits
    assert chosen is not None
    assert [SPLITS[code] for code in chosen] == ["test", "train"]


def test_a_missing_file_is_one_sentence(tmp_path: Path, sentence: Sentence) -> None:
    with pytest.raises(CheckpointError, match=r"'no\.npz' is missing") as error:
        load_latents(tmp_path / "no.npz")
    sentence(error.value)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in OPTIONAL])
def test_a_missing_array_is_named(name: str, refused: Callable[[bytes], str]) -> None:
    arrays = _arrays()
    del arrays[name]
    assert f"no '{name}'" in refused(_npz(**arrays)) or name == "ids"


@pytest.mark.parametrize(
    "name, change",
    [
        ("ids", lambda a: a.astype(np.int32)),
        ("ids", lambda a: a[:-1]),
        ("ids", lambda a: np.array(7)),
        ("labels", lambda a: a.astype(float)),
        ("means", lambda a: a.astype(np.float64)),
        ("means", lambda a: a[:, 0]),
        ("means", lambda a: a[:4]),
        ("means", lambda a: a.astype(str)),
        ("log_variances", lambda a: a[:, :2]),
        ("distortion", lambda a: a[:, None]),
        ("rate", lambda a: a.astype(np.complex64)),
        ("rate", lambda a: np.array(None, dtype=object)),
        ("means", lambda a: np.array([[{}]], dtype=object)),
    ],
)
def test_an_array_of_another_kind_is_refused(
    name: str, change: Callable[[np.ndarray], np.ndarray], refused: Callable[[bytes], str]
) -> None:
    arrays = _arrays()
    refused(_npz(**{**arrays, name: change(arrays[name])}))


def test_an_unknown_array_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(_npz(**_arrays(), extra=np.array([{}], dtype=object)))
    assert len(load_latents(tmp_path / "a.npz")) == 5


def test_a_file_cut_short_is_refused(refused: Callable[[bytes], str]) -> None:
    payload = _npz(**_arrays())
    for length in (*range(0, len(payload), 97), len(payload) - 1):
        refused(payload[:length])


def test_flipped_bits_never_raise_anything_else(tmp_path: Path) -> None:
    payload, path = _npz(**_arrays()), tmp_path / "latents-test.npz"
    refusals: list[str] = []
    for place in range(0, len(payload), 3):
        flipped = bytearray(payload)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        try:
            load_latents(path)
        except CheckpointError as error:
            refusals.append(str(error))
    assert not any("\n" in text for text in refusals)
    assert len(refusals) > len(payload) / 8  # times, flags and spare bytes of a zip file carry nothing


@pytest.mark.parametrize("payload", [b"", b"PK", b"\x80\x04N.", os.urandom(500), b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_is_refused(payload: bytes, refused: Callable[[bytes], str]) -> None:
    refused(payload)


def test_a_single_array_is_no_archive(refused: Callable[[bytes], str]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    refused(buffer.getvalue())


def test_members_that_are_no_arrays_are_refused(refused: Callable[[bytes], str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ids.npy", b"hello")
    refused(buffer.getvalue())


def test_an_array_that_claims_to_be_huge_is_refused(refused: Callable[[bytes], str]) -> None:
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (100000000000000000,), }"
    header += b" " * (117 - len(header)) + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ids.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    refused(buffer.getvalue())


def test_an_archive_that_unpacks_to_too_much_is_refused(
    refused: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = _npz(**{**_arrays(), "means": np.zeros((5, 20_000), np.float32)})
    monkeypatch.setattr(module, "LIMIT", 100_000)
    assert len(payload) < 100_000
    assert "unpacks to more" in refused(payload)
