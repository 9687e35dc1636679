"""Tensors in files: safetensors only, checked before a byte of them is used. No other module reads or writes them."""

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
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
TYPES = {"F32": ("fp32", 4), "F64": ("fp64", 8), "I64": ("int64", 8), "U8": ("uint8", 1)}
"""Types as safetensors names them, as people do, and their bytes"""


@dataclass(frozen=True)
class Slot:
    """What a tensor of a file must be."""

    shape: tuple[int, ...]
    type: str = "F32"

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * TYPES[self.type][1]


def _payload_sha256(blob: bytes) -> str:
    (length,) = struct.unpack("<Q", blob[:8])
    return hashlib.sha256(memoryview(blob)[8 + length :]).hexdigest()


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors, with the SHA-256 of their bytes in the header; whole or not at all.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    blob = safetensors.torch.save(plain)
    # the checksum goes into the header of the very bytes that it is of: to serialise twice costs as much again
    (length,) = struct.unpack("<Q", blob[:8])
    header = {"__metadata__": {"sha256": _payload_sha256(blob)}, **json.loads(blob[8 : 8 + length])}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors begin where the format wants them
    atomic_write(path, b"".join((struct.pack("<Q", len(text)), text, memoryview(blob)[8 + length :])))


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


def load_tensors(
    path: Path, wanted: Mapping[str, Slot], optional: Mapping[str, Slot] | None = None
) -> dict[str, Tensor]:
    """Read a file of tensors, after size, names, shapes, types, checksum and finiteness were all checked.

    The file is read into memory, never mapped: a mapped file that is cut short later kills the process.

    Args:
        path: of the file.
        wanted: the tensors that must be there.
        optional: those that may be there besides; any other is refused.

    Raises:
        CheckpointError: anything about the file is not as it should be.
    """
    name, slots = path.name, {**(optional or {}), **wanted}
    blob = read_bytes(path, limit=sum(slot.size for slot in slots.values()) + SLACK)
    header, _ = _header(blob, name)
    metadata = header.pop("__metadata__", {})
    if odd := (set(header) - set(slots)) | (set(wanted) - set(header)):
        named = ", ".join(one_line(key, limit=80) for key in sorted(odd)[:3])
        raise CheckpointError(f"'{name}' does not fit its run's settings: tensors {named} differ.")
    for key, entry in header.items():
        slot, shape = slots[key], entry.get("shape") if isinstance(entry, dict) else None
        if shape != list(slot.shape) or entry.get("dtype") != slot.type:
            raise CheckpointError(
                f"'{name}' does not fit its run's settings: '{key}' is {one_line(shape, limit=80)}, "
                f"not {list(slot.shape)} in {TYPES[slot.type][0]}."
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
    if not all(is_finite(tensor) for tensor in tensors.values()):
        raise CheckpointError(f"'{name}' holds numbers that are not finite: train the run again.")
    return tensors


def is_finite(tensor: Tensor) -> bool:
    """Whether all numbers of a tensor are finite."""
    return math.isfinite(float(tensor.sum(dtype=torch.float64)))


def model_slots(model: nn.Module) -> dict[str, Slot]:
    """What the tensors of a model's file must be."""
    return {name: Slot(tuple(tensor.shape)) for name, tensor in model.state_dict().items()}


def load_weights(path: Path, model: nn.Module) -> None:
    """Read weights into `model`.

    Raises:
        CheckpointError: as `load_tensors`; the model is then unchanged.
    """
    model.load_state_dict(load_tensors(path, model_slots(model)), assign=True)
