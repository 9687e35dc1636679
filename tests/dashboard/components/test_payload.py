"""The bytes between Python and the browser: a round trip, their layout, and what is refused."""

import json

import numpy as np
import pytest

from dashboard.components.latent_map.payload import digest, pack, unpack

SECTIONS = {
    "ids": np.array([3, 2**32 - 1, 0], dtype=np.uint32),
    "cls": np.array([1, 255, 0], dtype=np.uint8),
    "xy:a": np.array([[0.1, -2.5], [np.nan, np.nan], [1e-30, 3e38]], dtype=np.float32),
    "none": np.zeros(0, dtype=np.uint8),
}


def test_round_trip() -> None:
    header, arrays = unpack(pack({"key": "café <b>", "list": [1, None, 0.5]}, SECTIONS))
    assert header["key"] == "café <b>"
    assert header["list"] == [1, None, 0.5]
    assert list(arrays) == list(SECTIONS)
    for name, array in SECTIONS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_layout_is_the_documented_one() -> None:
    """Read by hand, with struct-free arithmetic, so that an error in both halves cannot cancel."""
    data = pack({"k": "ü"}, SECTIONS)
    assert data[:4] == b"VLM1"
    length = int.from_bytes(data[4:8], "little")
    assert length % 4 == 0
    header = json.loads(data[8 : 8 + length].decode())
    offsets = {entry["name"]: entry["offset"] for entry in header["sections"]}
    assert all(offset % 4 == 0 for offset in offsets.values())
    ids = data[8 + length + offsets["ids"] :][:12]
    assert [int.from_bytes(ids[k : k + 4], "little") for k in (0, 4, 8)] == [3, 2**32 - 1, 0]
    assert data[8 + length + offsets["cls"] :][:3] == bytes([1, 255, 0])
    assert len(data) % 4 == 0


def test_equal_input_gives_equal_bytes_and_a_change_changes_one_hash() -> None:
    first = pack({"key": "a"}, SECTIONS)
    assert first == pack({"key": "a"}, SECTIONS)
    other = {**SECTIONS, "cls": np.array([1, 255, 1], dtype=np.uint8)}

    def hashes(data: bytes) -> dict[str, str]:
        return {entry["name"]: entry["hash"] for entry in unpack(data)[0]["sections"]}

    before, after = hashes(first), hashes(pack({"key": "a"}, other))
    assert {name for name in before if before[name] != after[name]} == {"cls"}


def test_a_known_hash_is_taken() -> None:
    header, _ = unpack(pack({}, {"cls": SECTIONS["cls"]}, hashes={"cls": "known"}))
    assert header["sections"][0]["hash"] == "known"


def test_digest_is_blake2b() -> None:
    # b2sum -l 64 of the empty input
    assert digest(b"") == "e4a6a0577479b2b4"


@pytest.mark.parametrize(
    "header, sections, words",
    [
        ({}, {"z": np.zeros(2)}, "float64; allowed types are float32"),
        ({"x": float("nan")}, {}, "number that JSON cannot carry"),
        ({"sections": []}, {}, "sections"),
    ],
)
def test_what_cannot_travel_is_refused(header: dict, sections: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pack(header, sections)


def test_foreign_and_short_bytes_are_refused() -> None:
    data = pack({"key": "a"}, SECTIONS)
    with pytest.raises(ValueError, match="no latent map payload"):
        unpack(b"PNG" + data)
    with pytest.raises(ValueError, match="ends early: its header"):
        unpack(data[:20])
    with pytest.raises(ValueError, match="section 'xy:a' is cut off"):
        unpack(data[:-4])
