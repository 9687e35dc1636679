"""What a run in training keeps on disk, and in which order it is written.

A checkpoint is the weights (after whole epochs), the file to go on from, the row of history, and last run.json, which
names them: what it does not name is a leftover, and swept. So a process that is killed between any two of these leaves
the checkpoint before, whole.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.config import RunConfig
from core.errors import CheckpointError
from core.families import build, family
from core.store import (
    RunDocument,
    append_history,
    now,
    read_history,
    remove_unnamed,
    write_document,
)
from core.training.loop import Standing
from core.training.step import sum_shapes
from core.training.updates import MEMORY, Updates
from core.weights import Slot, load_tensors, model_slots, save_tensors

NOISE = {"cpu": len(torch.Generator().get_state()), "cuda": 16}
"""Bytes of a generator's state by the kind of its device; CUDA's is a seed and a place, 8 bytes each"""


def save_standing(path: Path, standing: Standing, *, device: torch.device) -> None:
    """Write all that training needs to go on, whole or not at all.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    tensors = {
        "at": torch.tensor([standing.epoch, standing.step]),
        "seconds": torch.tensor(standing.seconds, dtype=torch.float64),
        **{f"model.{name}": tensor for name, tensor in standing.model.items()},
        **{f"updates.{name}": tensor for name, tensor in standing.updates.items()},
        **{f"sums.{name}": tensor for name, tensor in standing.sums.items()},
    }
    if standing.noise is not None:
        tensors[f"noise.{device.type}"] = standing.noise
    save_tensors(path, tensors)


def load_standing(path: Path, model: nn.Module, config: RunConfig, *, device: torch.device) -> Standing:
    """Read where training stands, for a model of this config, checked like weights are.

    The noise of an epoch under way is left out where another kind of device drew it.

    Raises:
        CheckpointError: anything about the file is not as it should be.
    """
    updates: Updates = build(family(config.family).training)(model, config)
    sums = {f"sums.{name}": Slot(shape, "F64") for name, shape in sum_shapes(config).items()}
    memory = {f"updates.{name}": Slot(shape) for name, shape in updates.shapes().items()}
    noise = {f"noise.{kind}": Slot((size,), "U8") for kind, size in NOISE.items()}
    weights = {f"model.{name}": slot for name, slot in model_slots(model).items()}
    wanted = {"at": Slot((2,), "I64"), "seconds": Slot((), "F64"), **weights}
    found = load_tensors(path, wanted, {**sums, **memory, **noise})
    epoch, step = (int(number) for number in found["at"])
    of_weights = {name.rpartition(".")[0] for name in memory if name in found}
    whole = {f"{name}.{key}" for name in of_weights for key in MEMORY} <= set(found)
    under_way = {len(set(sums) & set(found)) == len(sums), any(name in found for name in noise)}
    if path.name != f"resume-{epoch}-{step}.safetensors" or not whole or under_way != {step > 0}:
        raise CheckpointError(
            f"'{path.name}' does not hold what training goes on from: restore it from a copy, or train the run anew."
        )

    def part(name: str) -> dict[str, torch.Tensor]:
        return {key.removeprefix(name): value for key, value in found.items() if key.startswith(name)}

    return Standing(
        epoch=epoch,
        step=step,
        seconds=float(found["seconds"]),
        model=part("model."),
        updates=part("updates."),
        sums=part("sums."),
        noise=found.get(f"noise.{device.type}"),
    )


class Keeper:
    """Keeps run.json, weights, history and the file to go on from in step while a run trains; `ask` is the loop's."""

    def __init__(
        self, folder: Path, document: RunDocument, *, device: torch.device, stops: Callable[[], bool]
    ) -> None:
        """Write run.json; `stops` says whether training is to end at the next step."""
        self.folder = folder
        self.document = document
        self.stopped = False
        self._device = device
        self._stops = stops
        self._saved = time.monotonic()
        self._lowest = math.inf
        if document.best is not None:
            rows = {row["epoch"]: row for row in read_history(folder)}
            self._lowest = rows.get(document.best, {}).get("validation", {}).get("objective", math.inf)
        write_document(folder, document)

    def ask(self, stand: Callable[[], Standing], row: dict[str, Any] | None) -> bool:
        """Write a checkpoint where one is due, or a row of history alone; say whether training is to end here."""
        config = self.document.config
        self.stopped = self.stops()
        minutes = config.checkpoint_minutes
        late = bool(minutes) and time.monotonic() - self._saved >= 60 * minutes
        due = row is not None and (
            row["epoch"] == config.epochs
            or config.comes_due(config.checkpoint_epochs, row["epoch"])
            or config.comes_due(config.keep_every, row["epoch"])
        )
        if due or late or self.stopped:
            self.checkpoint(stand(), row, due=due)
        elif row is not None:
            append_history(self.folder, row)
        return self.stopped

    def stops(self) -> bool:
        """Whether training is to end; once it is, it stays so."""
        return self.stopped or self._stops()

    def checkpoint(self, standing: Standing, row: dict[str, Any] | None = None, *, due: bool = True) -> None:
        """Write a checkpoint: see the head of this file.

        Args:
            standing: where training stands.
            row: of history, of the epoch that has just ended.
            due: whether it is one that an uninterrupted training has too; no other is chosen as the best.

        Raises:
            CheckpointError: the disk is full or the folder cannot be written; the checkpoint before is as it was.
        """
        before, changes = self.document.weights, dict[str, Any]()
        if not standing.step:
            name = f"model-{standing.epoch}.safetensors"
            save_tensors(self.folder / name, standing.model)
            changes = {"weights": name, "epoch": standing.epoch, **self._kept(name, standing.epoch, row, due)}
        resume = f"resume-{standing.epoch}-{standing.step}.safetensors"
        save_standing(self.folder / resume, standing, device=self._device)
        if row is not None:
            append_history(self.folder, row)
        if changes:
            self._forget_scores()
        self._replace(resume=resume, **changes)
        # the weights before stay for one more checkpoint: a reader may have met the run.json that names them
        remove_unnamed(self.folder, self.document, besides=before)
        self._saved = time.monotonic()

    def _kept(self, name: str, epoch: int, row: dict[str, Any] | None, due: bool) -> dict[str, Any]:
        """Which epochs stay, and which is the best: nothing is chosen on the test split."""
        config, best = self.document.config, self.document.best
        held_out = (row or {}).get("validation")
        if due and held_out and family(config.family).keeps_best and held_out["objective"] < self._lowest:
            self._lowest, best = held_out["objective"], epoch
        kept = {**self.document.kept, epoch: name}
        stay = {one: file for one, file in kept.items() if config.comes_due(config.keep_every, one)}
        last_and_best = {one: file for one, file in kept.items() if one in (epoch, best)}
        return {"kept": dict(sorted({**stay, **last_and_best}.items())), "best": best}

    def _forget_scores(self) -> None:
        """Remove scores and latents of other weights: a run that is trained further has those of its earlier end."""
        for path in (self.folder / "scores.json", *self.folder.glob("latents-*.npz")):
            path.unlink(missing_ok=True)

    def finish(self, state: str, *, reason: str | None = None) -> None:
        """Say how it ended; what training cannot go on from keeps no file for it, and a bundled run only its end.

        Raises:
            CheckpointError: as `checkpoint`.
        """
        document, changes = self.document, dict[str, Any]()
        if state == "diverged" or (state == "finished" and document.bundled):
            changes["resume"] = None
        if document.bundled:
            changes |= {"kept": {document.epoch: document.weights}, "best": None}
        self._replace(state=state, reason=reason, **changes)
        remove_unnamed(self.folder, self.document)

    def where(self) -> str:
        """Say where training stands: the end of a sentence."""
        epoch, step = self.document.stands
        return f"in epoch {epoch + 1}, after step {step}" if step else f"after epoch {epoch}"

    def _replace(self, **changes: Any) -> None:
        self.document = self.document.model_copy(update={**changes, "updated": now()})
        write_document(self.folder, self.document)
