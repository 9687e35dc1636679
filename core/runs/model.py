"""The model of a run as functions on arrays. Torch is imported when the weights are first needed."""

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.images import crop
from core.data.intake import as_model_images, as_model_labels, as_model_latents, whole_number
from core.errors import CheckpointError, DataError, NotApplicable
from core.families import family
from core.generation import prior_draws
from core.store import LOOKS, RunRecord, read_history, read_record

if TYPE_CHECKING:
    from torch import Tensor, nn


class RunModel:
    """One trained run, opened: what it is, what it scored, and its model; no images but those it is given.

    Images are (N, C, H, W) in data size unless said otherwise; latents are (N, latent); all floats are float32.
    """

    def __init__(self, record: RunRecord, *, device: str = "auto") -> None:
        """Open a readable record; the weights are read when first needed."""
        if record.document is None or record.state == "damaged":
            raise CheckpointError(f"Run '{record.id}' cannot be opened: {record.reason}")
        self.record = record
        self.document = record.document
        self.config = record.document.config
        self.family = family(self.config.family)
        self._device = device
        self._lock = threading.Lock()

    @property
    def id(self) -> str:
        """The id: the folder's name."""
        return self.record.id

    @property
    def name(self) -> str:
        """The display name."""
        return self.record.name

    @property
    def state(self) -> str:
        """State at the time of opening."""
        return self.record.state

    @property
    def has_posterior(self) -> bool:
        """Whether the encoder gives a Gaussian, so that a rate and samples exist."""
        return self.family.has_posterior

    @property
    def needs_labels(self) -> bool:
        """Whether encode and decode want labels."""
        return self.family.needs_labels

    @property
    def data_kind(self) -> str:
        """What the data are: 'image'."""
        return "image"

    @property
    def latent(self) -> int:
        """Latent dimensions."""
        return self.config.latent

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the data."""
        return self.document.data.shape

    @property
    def padded_shape(self) -> tuple[int, int, int]:
        """(C, H, W) that the model sees; the pixel count n is theirs."""
        return self.document.data.padded

    @property
    def pixels(self) -> int:
        """Values per padded image, C * H * W: the n of scores and of the reconstruction weight."""
        channels, height, width = self.padded_shape
        return channels * height * width

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, by label."""
        return self.document.data.class_names

    @property
    def scores(self) -> dict[str, Any] | None:
        """Stored scores by split, with units and directions; None before the first are written."""
        return self.record.scores

    def history(self) -> list[dict[str, Any]]:
        """Read one row an epoch, up to this one: D, R, R per dimension, objective, seconds.

        Raises:
            CheckpointError: the file is damaged.
        """
        rows, at = read_history(self.record.folder), self.record.at
        return rows if at is None else [row for row in rows if row["epoch"] <= at]

    @functools.cached_property
    def _opened(self) -> "tuple[nn.Module, Any]":
        import torch

        from core.device import choose_device, placed
        from core.encoding import build_model
        from core.weights import load_weights

        if self.document.weights is None:
            raise CheckpointError(f"Run '{self.name}' has no weights yet: wait for its first epoch to end.")
        device = choose_device(self._device)
        for attempts_left in range(LOOKS - 1, -1, -1):
            # without memory until the file has shown that it holds such a network, however large run.json says it is
            with torch.device("meta"):
                model = build_model(self.config, self.padded_shape, classes=len(self.class_names))
            try:
                load_weights(self.record.folder / self.document.weights, model)
                break
            except CheckpointError:
                # training replaces the weights after each epoch, perhaps between the listing and now: look again
                fresh = read_record(self.record.folder)
                if not attempts_left or fresh.document is None or fresh.document.weights is None:
                    raise
                if self.record.at is not None:
                    raise  # other weights would be another epoch's
                if fresh.document.weights == self.document.weights:
                    raise
                self.record, self.document = fresh, fresh.document
        return placed(model, device).eval(), device

    @property
    def model(self) -> "nn.Module":
        """The network, in evaluation mode, on its device.

        Raises:
            CheckpointError: the weights are missing or damaged.
        """
        with self._lock:
            return self._opened[0]

    def prepare(self, images: np.ndarray) -> "Tensor":
        """Check images and bring them to the model: see `core.data.intake.as_model_images`.

        Raises:
            DataError: a shape, type or range that does not fit.
        """
        import torch

        return torch.from_numpy(
            as_model_images(images, shape=self.shape, padded=self.padded_shape, run=self.name)
        )

    def _labels(self, labels: np.ndarray | int | None, rows: int) -> "Tensor | None":
        """Check labels where the family needs them; where it does not, any are left aside."""
        if not self.needs_labels:
            return None
        import torch

        return torch.from_numpy(
            as_model_labels(labels, rows=rows, classes=len(self.class_names), run=self.name)
        )

    def _through(
        self,
        function: "Callable[[Tensor, Tensor | None], Tensor]",
        rows: "Tensor",
        labels: "Tensor | None",
        keep: tuple[int, ...],
    ) -> np.ndarray:
        """Apply a function of rows and labels in batches, on the device; `keep` is the shape of a row of no rows."""
        import torch

        from core.encoding import EVALUATION_BATCH, batches

        with self._lock:
            device = self._opened[1]
        with torch.no_grad():
            parts = [
                function(rows[part].to(device), None if labels is None else labels[part].to(device))
                .float()
                .cpu()
                for part in batches(len(rows), EVALUATION_BATCH)
            ]
        return torch.cat(parts).numpy() if parts else np.zeros((0, *keep), np.float32)

    def encode(
        self, images: np.ndarray, labels: np.ndarray | int | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Encode images (see `prepare`) -> means, log-variances of q(z given x), each (N, latent).

        Without a posterior the first is the code and the second None. `labels` (N,), or one for all, are for families
        that need them.

        Raises:
            DataError: images that do not fit, or labels that are needed and missing or no classes of the run.
            CheckpointError: the weights are missing or damaged.
        """
        import torch

        def both(x: "Tensor", told: "Tensor | None") -> "Tensor":
            means, log_variances = self.model.encode(x, told)  # type: ignore[operator]
            return means if log_variances is None else torch.cat([means, log_variances], 1)

        width = self.latent * (1 + self.has_posterior)
        x = self.prepare(images)
        out = self._through(both, x, self._labels(labels, len(x)), (width,))
        if not self.has_posterior:
            return out, None
        return out[:, : self.latent], out[:, self.latent :]

    def decode(
        self, z: np.ndarray, labels: np.ndarray | int | None = None, *, padded: bool = False
    ) -> np.ndarray:
        """Decode latents (N, latent) -> expected pixels in [0, 1], (N, C, H, W), cropped to data size unless `padded`.

        `labels` (N,), or one for all, are for families that need them.

        Raises:
            DataError: z is not (N, latent), not finite, or so large that the decoder overflows; or labels that are
                needed and missing or no classes of the run.
            CheckpointError: the weights are missing or damaged.
        """
        import torch

        from core.models.nets import output_to_pixels

        array = as_model_latents(z, latent=self.latent)

        def pixels(part: "Tensor", told: "Tensor | None") -> "Tensor":
            return output_to_pixels(self.model.decode(part, told), self.config.likelihood)  # type: ignore[operator]

        told = self._labels(labels, len(array))
        images = self._through(pixels, torch.from_numpy(array), told, self.padded_shape)
        if not np.isfinite(images).all():
            raise DataError(
                "These latents overflow the decoder: give numbers nearer to 0, where the prior has its mass."
            )
        return images if padded else crop(images, self.shape[1:])

    def reconstruct(
        self, images: np.ndarray, labels: np.ndarray | int | None = None, *, draw: int | None = None
    ) -> np.ndarray:
        """Encode and decode -> (N, C, H, W): at the mean, or at one draw from q(z given x) seeded by `draw`.

        Raises:
            DataError: images that do not fit, or labels that are needed and missing or no classes of the run.
            NotApplicable: a draw is asked of a family without a posterior.
            ConfigError: `draw` is no whole number from 0.
        """
        if draw is not None and not self.has_posterior:
            raise NotApplicable(
                f"Family '{self.family.name}' has no posterior to draw from: leave out `draw`."
            )
        seed = None if draw is None else whole_number(draw, "draw")
        means, log_variances = self.encode(images, labels)
        if seed is None or log_variances is None:
            return self.decode(means, labels)
        from core.encoding import split_noise

        noise = split_noise(len(means), self.latent, seed=seed, split="given").numpy()
        return self.decode(means + np.exp(0.5 * log_variances) * noise, labels)

    def sample(self, n: int, seed: int, labels: np.ndarray | int | None = None) -> np.ndarray:
        """Decode n draws from the prior N(0, I) -> (n, C, H, W); the draws are `generation.prior_draws(n, ...)`.

        `labels` (n,), or one for all, say of which classes, for families that need them.

        Raises:
            DataError: labels that are needed and missing, or no classes of the run.
            NotApplicable: the family has no prior.
            ConfigError: n or the seed is no whole number from 0.
        """
        if not self.has_posterior:
            raise NotApplicable(f"Family '{self.family.name}' has no prior to sample from: choose a vae.")
        return self.decode(prior_draws(n, latent=self.latent, seed=seed), labels)
