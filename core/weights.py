"""Weights: safetensors only, checked before a byte of them is used. No other module reads or writes them."""

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from core.errors import CheckpointError
from core.files import atomic_write, one_line, read_bytes

HEADER_LIMIT = 2**20
SLACK = 2**20
"""Bytes allowed above the tensors themselves: the header and its padding."""


def _payload_sha256(blob: bytes) -> str:
    (length,) = struct.unpack("<Q", blob[:8])
    return hashlib.sha256(memoryview(blob)[8 + length :]).hexdigest()


def save_weights(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors, with the SHA-256 of their bytes in the header; whole or not at all.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    digest = _payload_sha256(safetensors.torch.save(plain))
    atomic_write(path, safetensors.torch.save(plain, metadata={"sha256": digest}))


def _header(blob: bytes, name: str) -> tuple[dict[str, Any], int]:
    if len(blob) < 8:
        raise CheckpointError(f"'{name}' is cut short: it has {len(blob)} bytes and no header.")
    (length,) = struct.unpack("<Q", blob[:8])
    if length > min(HEADER_LIMIT, len(blob) - 8):
        raise CheckpointError(
            f"'{name}' is cut short or not a safetensors file: its header claims {length} bytes."
        )

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError("a name stands twice in its header")
        return dict(pairs)

    try:
        header = json.loads(blob[8 : 8 + length].decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"'{name}' has a damaged header: {one_line(error)}.") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"'{name}' has a damaged header: it is not an object.")
    return header, length


def load_weights(path: Path, model: nn.Module) -> None:
    """Read weights into `model`, after size, names, shapes, types, checksum and finiteness were all checked.

    The file is read into memory, never mapped: a mapped file that is cut short later kills the process.

    Raises:
        CheckpointError: anything about the file does not fit the model; the model is then unchanged.
    """
    name = path.name
    expected = model.state_dict()
    size = sum(tensor.numel() * tensor.element_size() for tensor in expected.values())
    blob = read_bytes(path, limit=size + SLACK)
    header, _ = _header(blob, name)
    metadata = header.pop("__metadata__", {})
    if set(header) != set(expected):
        odd = [one_line(key, limit=80) for key in sorted(set(header) ^ set(expected))[:3]]
        raise CheckpointError(f"'{name}' does not fit its run's settings: tensors {', '.join(odd)} differ.")
    for key, tensor in expected.items():
        shape = header[key].get("shape") if isinstance(header[key], dict) else None
        if shape != list(tensor.shape) or header[key].get("dtype") != "F32":
            raise CheckpointError(
                f"'{name}' does not fit its run's settings: '{key}' is {one_line(shape, limit=80)}, "
                f"not {list(tensor.shape)} in fp32."
            )
    digest = metadata.get("sha256") if isinstance(metadata, dict) else None
    if digest != _payload_sha256(blob):
        raise CheckpointError(
            f"'{name}' is damaged: its bytes do not match their SHA-256; restore it from a copy."
        )
    try:
        tensors = safetensors.torch.load(blob)
    except (safetensors.SafetensorError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"'{name}' is damaged: {one_line(error)}.") from error
    if not all(math.isfinite(float(tensor.sum(dtype=torch.float64))) for tensor in tensors.values()):
        raise CheckpointError(f"'{name}' holds numbers that are not finite: train the run again.")
    model.load_state_dict(tensors, assign=True)
