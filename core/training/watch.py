"""What others can see of a run while it trains: its status, and its probe set after each reported epoch."""

import contextlib
import time
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.data.images import crop
from core.encoding import EVALUATION_BATCH, batches, pixel_tensor, split_labels
from core.errors import CheckpointError
from core.families import family
from core.models.nets import output_to_pixels, to_unit
from core.training.loop import StepHook
from core.training.material import Material
from core.training.probe import SHOWN_IMAGES, ProbeWriter, Shown, choose, write_shown
from core.training.status import StatusWriter

PAUSE = 1.0
"""Seconds between two pictures: nobody sees more of them, and each waits for the disk"""


class Watch:
    """Tells how far a run is, and keeps its probe set. It draws no random number and changes no weight.

    What cannot be written here stops no training. The probe set took 0.6 % of the time of `mnist-mlp-vae` and 1.9 % of
    that of `digits-vae`, on one thread of a CPU.
    """

    def __init__(
        self,
        folder: Path,
        config: RunConfig,
        model: nn.Module,
        material: Material,
        *,
        after: int | None = None,
        probes: bool = True,
    ) -> None:
        """Begin at the initial weights, or go on.

        Args:
            folder: of the run.
            config: of the run.
            model: on its device.
            material: what the run is trained on.
            after: epochs done before, of a run that goes on, whatever weights the model has now; None of a new one.
            probes: whether a probe set is kept.
        """
        images = len(material.train)
        batch = config.step_size(images)
        self.status = StatusWriter(folder, epochs=config.epochs, images=images, batch=batch, epoch=after or 0)
        self._folder, self._config, self._model = folder, config, model
        self._writer: ProbeWriter | None = None
        self._shown = 0.0
        self._held: Shown | None = None
        if not probes:
            return
        watched = material.validation if len(material.validation) else material.test
        chosen = watched.select(choose(len(watched), seed=config.seed))
        self._images = chosen
        self._pixels = pixel_tensor(chosen.pixels, config, material.device)
        self._labels = split_labels(chosen, config, device=material.device)
        with contextlib.suppress(CheckpointError):
            self._writer = ProbeWriter(
                folder, chosen, latent=config.latent, report_every=config.report_every, after=after
            )
        if after is None and not family(config.family).closed_form:
            self.epoch(0)

    def __enter__(self) -> Self:
        """Watch while it trains and is scored."""
        return self

    def __exit__(self, *error: object) -> None:
        """Write what was held back, and take the status away: from here on run.json alone says how it is."""
        self._write(self._held)
        self.status.close()

    def steps(self, hook: StepHook | None) -> StepHook:
        """Make the hook of a step: the status is told, and then whoever else wants to hear it."""

        def step(epoch: int, done: int, steps: int) -> None:
            self.status.step(epoch, done, steps)
            if hook:
                hook(epoch, done, steps)

        return step

    @torch.no_grad()
    def epoch(self, epoch: int) -> None:
        """Keep the probe set's means after an epoch, and some reconstructions: these once the last are a second old."""
        if self._writer is None:
            return
        was_training = self._model.training
        self._model.eval()
        codes = torch.cat([self._means(rows) for rows in batches(len(self._images), EVALUATION_BATCH)])
        with contextlib.suppress(CheckpointError):
            self._writer.add(epoch, codes.float().cpu().numpy())
        if self._images.kind == "image":
            self._held = self._pictures(epoch, codes[:SHOWN_IMAGES])
            if epoch >= self._config.epochs or time.monotonic() - self._shown >= PAUSE:
                self._write(self._held)
        self._model.train(was_training)

    def _write(self, shown: Shown | None) -> None:
        if shown is not None:
            with contextlib.suppress(CheckpointError):
                write_shown(self._folder, shown)
            self._shown, self._held = time.monotonic(), None

    def _means(self, rows: slice) -> Tensor:
        told = None if self._labels is None else self._labels[rows]
        means: Tensor = self._model.encode(to_unit(self._pixels[rows]), told)[0]  # type: ignore[operator]
        return means

    def _pictures(self, epoch: int, codes: Tensor) -> Shown:
        told = None if self._labels is None else self._labels[: len(codes)]
        output = self._model.decode(codes, told)  # type: ignore[operator]
        images = output_to_pixels(output.float(), self._config.likelihood).cpu().numpy()
        originals = self._images.pixels[: len(codes)]
        return Shown(
            epoch=epoch,
            ids=np.array(self._images.ids[: len(codes)]),
            originals=np.array(originals),
            reconstructions=np.rint(np.nan_to_num(crop(images, originals.shape[2:])) * 255).astype(np.uint8),
        )
