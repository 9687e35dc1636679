"""Weights: bit for bit what was saved, and a file damaged in any way is refused before a byte of it is used."""

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.config import RunConfig
from core.encoding import build_model
from core.errors import CheckpointError
from core.weights import load_weights, save_tensors
from tests.core.fitting import fitting
from tests.core.shared import ROWS, Sentence


class Tiny(nn.Module):
    """Two layers, few enough bytes to flip every bit of the file."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)


def _state(model: nn.Module) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


def _split(blob: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", blob[:8])
    return json.loads(blob[8 : 8 + length]), blob[8 + length :]


def _join(header: dict[str, Any] | str, payload: bytes) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + payload


def _signed(tensors: dict[str, np.ndarray], dtype: str = "F32") -> bytes:
    """A safetensors file written by its specification, its checksum right."""
    header: dict[str, Any] = {}
    payload = b""
    for name, array in tensors.items():
        start = len(payload)
        payload += array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, len(payload)]}
    header["__metadata__"] = {"sha256": hashlib.sha256(payload).hexdigest()}
    return _join(header, payload)


@pytest.fixture
def blob(tmp_path: Path) -> bytes:
    save_tensors(tmp_path / "good.safetensors", Tiny().state_dict())
    return (tmp_path / "good.safetensors").read_bytes()


@pytest.fixture
def refused(tmp_path: Path, sentence: Sentence) -> Callable[..., str]:
    """Check that a file is refused with one sentence that names it, and that the model stays as it was."""

    def check(content: bytes | None) -> str:
        path = tmp_path / "model-3.safetensors"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        model = Tiny()
        with torch.no_grad():
            model.a.weight.fill_(7)
        before = _state(model)
        with pytest.raises(CheckpointError) as error:
            load_weights(path, model)
        assert _state(model) == before
        text = sentence(error.value)
        assert "model-3.safetensors" in text
        return text

    return check


@pytest.mark.parametrize("family, network", ROWS)
def test_what_was_saved_is_loaded_bit_for_bit(family: str, network: str, tmp_path: Path) -> None:
    config = RunConfig.make(fitting(family, network=network, hidden=(4, 6)))
    torch.manual_seed(1)
    model = build_model(config, (1, 9, 7), classes=3)
    save_tensors(tmp_path / "w", model.state_dict())
    torch.manual_seed(2)
    other = build_model(config, (1, 9, 7), classes=3)
    assert _state(other) != _state(model)
    load_weights(tmp_path / "w", other)
    assert _state(other) == _state(model)
    save_tensors(tmp_path / "again", other.state_dict())
    assert (tmp_path / "again").read_bytes() == (tmp_path / "w").read_bytes()


def test_extreme_numbers_survive(tmp_path: Path) -> None:
    model = Tiny()
    extremes = torch.tensor([[-0.0, 1e-45], [3.4028235e38, -3.4028235e38]])
    with torch.no_grad():
        model.a.weight.copy_(extremes)
    save_tensors(tmp_path / "w", model.state_dict())
    other = Tiny()
    load_weights(tmp_path / "w", other)
    assert _state(other) == _state(model)


def test_a_file_written_by_the_specification_is_read(tmp_path: Path) -> None:
    arrays = {name: np.full(tuple(t.shape), 0.5, "<f4") for name, t in Tiny().state_dict().items()}
    (tmp_path / "w").write_bytes(_signed(arrays))
    model = Tiny()
    load_weights(tmp_path / "w", model)
    assert all((tensor == 0.5).all() for tensor in model.state_dict().values())


def test_the_checksum_is_of_the_payload(blob: bytes) -> None:
    header, payload = _split(blob)
    assert header["__metadata__"]["sha256"] == hashlib.sha256(payload).hexdigest()
    assert len(payload) == 4 * (4 + 2 + 4 + 2)


def test_a_file_cut_short_anywhere_is_refused(blob: bytes, refused: Callable[..., str]) -> None:
    for length in range(len(blob)):
        refused(blob[:length])


def test_a_longer_file_is_refused(blob: bytes, refused: Callable[..., str]) -> None:
    refused(blob + b"\0")
    refused(blob + os.urandom(64))
    refused(blob + blob)


def test_no_single_bit_can_flip_unseen(blob: bytes, tmp_path: Path) -> None:
    path, model = tmp_path / "w", Tiny()
    before = _state(model)
    for place in range(len(blob)):
        for bit in range(8):
            flipped = bytearray(blob)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            with pytest.raises(CheckpointError):
                load_weights(path, model)
    assert _state(model) == before


def test_a_missing_or_empty_file_is_refused(refused: Callable[..., str]) -> None:
    assert "missing" in refused(None)
    assert "cut short" in refused(b"")
    refused(b"\0" * 8)
    refused(b"\0" * 1000)
    refused(os.urandom(1000))
    refused(b"<html>not found</html>")


def test_a_link_is_not_followed(blob: bytes, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(blob)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(CheckpointError, match="'link' is missing"):
        load_weights(tmp_path / "link", Tiny())


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**31, 2**20 + 1, 0, 1])
def test_a_header_of_another_length_is_refused(length: int, blob: bytes, refused: Callable[..., str]) -> None:
    refused(struct.pack("<Q", length) + blob[8:])


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "w"
    with path.open("wb") as file:
        file.truncate(2**34)  # sparse: takes no room
    with pytest.raises(CheckpointError, match="larger than"):
        load_weights(path, Tiny())


def _arrays() -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in Tiny().state_dict().items()}


def test_another_set_of_tensors_is_refused(refused: Callable[..., str]) -> None:
    arrays = _arrays()
    assert "c.weight" in refused(_signed({**arrays, "c.weight": np.zeros(1, "f4")}))
    assert "a.bias" in refused(_signed({k: v for k, v in arrays.items() if k != "a.bias"}))
    assert "A.bias" in refused(_signed({k.replace("a.b", "A.b"): v for k, v in arrays.items()}))
    refused(_signed({}))


@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 1), (2, 3), (2, 2, 1), ()])
def test_another_shape_is_refused(shape: tuple[int, ...], refused: Callable[..., str]) -> None:
    assert "a.weight" in refused(_signed({**_arrays(), "a.weight": np.zeros(shape, "f4")}))


@pytest.mark.parametrize("kind, dtype", [("f2", "F16"), ("f8", "F64"), ("i4", "I32"), ("u2", "BF16")])
def test_another_type_is_refused(kind: str, dtype: str, refused: Callable[..., str]) -> None:
    arrays = {name: array.astype(kind) for name, array in _arrays().items()}
    assert "fp32" in refused(_signed(arrays, dtype))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(number: float, refused: Callable[..., str]) -> None:
    arrays = {name: array.copy() for name, array in _arrays().items()}
    arrays["b.bias"][1] = number
    assert "not finite" in refused(_signed(arrays))


def test_two_infinities_do_not_cancel(refused: Callable[..., str]) -> None:
    arrays = {name: array.copy() for name, array in _arrays().items()}
    arrays["b.bias"][:] = (np.inf, -np.inf)
    assert "not finite" in refused(_signed(arrays))


def test_a_wrong_or_missing_checksum_is_refused(blob: bytes, refused: Callable[..., str]) -> None:
    header, payload = _split(blob)
    for metadata in ({"sha256": "0" * 64}, {}, {"sha256": None}, [], "text", None, {"SHA256": "x"}):
        assert "SHA-256" in refused(_join({**header, "__metadata__": metadata}, payload))
    refused(_join({key: value for key, value in header.items() if key != "__metadata__"}, payload))


def test_a_name_that_stands_twice_is_refused(blob: bytes, refused: Callable[..., str]) -> None:
    header, payload = _split(blob)
    text = json.dumps(header)
    entry = f'"a.bias": {json.dumps(header["a.bias"])}'
    assert entry in text
    assert "twice" in refused(_join(text.replace(entry, f"{entry}, {entry}"), payload))
    doubled = text.replace('"dtype": "F32"', '"dtype": "F32", "dtype": "F32"', 1)
    assert "twice" in refused(_join(doubled, payload))


@pytest.mark.parametrize(
    "header", ["[]", "null", "{", '{"a": ' * 5000, "\ud7ff\0", '{"a.weight": 3}', '{"a.weight": NaN}']
)
def test_a_header_that_is_no_header_is_refused(header: str, blob: bytes, refused: Callable[..., str]) -> None:
    refused(_join(header, _split(blob)[1]))


@pytest.mark.parametrize(
    "entry",
    [
        7,
        None,
        {},
        {"dtype": "F32", "shape": [2, 2]},
        {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 10**18]},
        {"dtype": "F32", "shape": [2, 2], "data_offsets": [16, 0]},
        {"dtype": "F32", "shape": [2, 2], "data_offsets": [-16, 0]},
        {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2, 2], "data_offsets": "all"},
        {"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": "2x2", "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [2.0, 2], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": list(range(9000)), "data_offsets": [0, 16]},
    ],
)
def test_an_entry_that_does_not_fit_is_refused(entry: Any, blob: bytes, refused: Callable[..., str]) -> None:
    header, payload = _split(blob)
    assert len(refused(_join({**header, "a.weight": entry}, payload))) < 500


def test_tensors_that_overlap_are_refused(blob: bytes, refused: Callable[..., str]) -> None:
    header, payload = _split(blob)
    header["a.weight"]["data_offsets"] = header["b.weight"]["data_offsets"]
    refused(_join(header, payload))


def test_an_unknown_tensor_with_a_huge_name_is_one_short_sentence(refused: Callable[..., str]) -> None:
    assert len(refused(_signed({**_arrays(), "x" * 100_000: np.zeros(1, "f4")}))) < 500
