"""What tests of pauses share: a stop at a given step, and all that a run is, to be held against another's"""

import json
import struct
from pathlib import Path
from typing import Any

from core.runs import Run
from core.training.run import Hooks


def stop_after(steps: int) -> Hooks:
    """Hooks that ask for a stop once so many steps were taken."""
    taken: list[object] = []
    return Hooks(on_step=lambda *step: taken.append(step), should_stop=lambda: len(taken) >= steps)


def all_of(run: Run) -> dict[str, Any]:
    """All that training made of a run, its clock aside: weights, optimisers, noise, history, scores."""
    folder, document = run.record.folder, run.document
    assert document.resume
    assert document.weights
    standing = tensors(folder / document.resume)
    del standing["seconds"]
    return {
        "weights": tensors(folder / document.weights),
        "standing": standing,
        "history": [{**row, "seconds": None} for row in run.history()],
        "scores": {split: (run.scores or {}).get(split) for split in ("train", "validation", "test")},
        "kept": (document.epoch, document.kept, document.best, run.state),
        "latents": [run.latents(split).means.tobytes() for split in ("train", "test")],
    }


def tensors(path: Path) -> dict[str, tuple[str, bytes]]:
    """Type and bytes of each tensor of a file, read by the specification of its format."""
    blob = path.read_bytes()
    (length,) = struct.unpack("<Q", blob[:8])
    header, payload = json.loads(blob[8 : 8 + length]), blob[8 + length :]
    del header["__metadata__"]
    return {name: (one["dtype"], payload[slice(*one["data_offsets"])]) for name, one in header.items()}


def names(folder: Path) -> set[str]:
    """Names of all files of a run's folder."""
    return {path.name for path in folder.iterdir()}
