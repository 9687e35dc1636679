"""An opened run: arrays in, arrays out. Torch is imported when the weights are first needed."""

import dataclasses
import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.config import RunConfig
from core.data import catalog
from core.data.images import SPLITS, ImageSet, crop, split_validation
from core.data.intake import as_model_images, as_model_labels, as_model_latents, whole_number
from core.errors import CheckpointError, DataError, NotApplicable, VAEScopeError
from core.families import family
from core.files import one_line
from core.generation import prior_draws
from core.latents import Latents, load_latents, of_split, save_latents
from core.pixel_errors import errors_at_means, in_order_of, load_errors, save_errors
from core.store import LOOKS, RunRecord, find, read_history, read_record

if TYPE_CHECKING:
    from torch import Tensor, nn

    from core.encoding import Encoded

Progress = Callable[[int, int], None]


def _known(split: str) -> str:
    if not isinstance(split, str) or split not in SPLITS:
        raise DataError(
            f"There is no split '{one_line(split, limit=60)}': choose one of {', '.join(SPLITS)}."
        )
    return split


def load_images(config: RunConfig, split: str, *, drawn: bool = True) -> ImageSet:
    """Load the images of a split as a run with this config sees it: training images without those held out.

    Pixels are binary, 0 or 255, where the config says so.

    Args:
        config: of the run.
        split: its name.
        drawn: whether pixels of binarise=sampled have their one seeded draw: scores want that, training does not.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: it is damaged, or there is no such split.
    """
    if _known(split) == "test":
        found = catalog.load(config.dataset, "test")
    else:
        train, held_out = split_validation(
            catalog.load(config.dataset, "train"), share=config.validation, seed=config.seed
        )
        found = train if split == "train" else held_out
    return found if config.binarise == "sampled" and not drawn else as_seen(found, config)


def as_seen(images: ImageSet, config: RunConfig) -> ImageSet:
    """Images of a data set as a run with this config is shown them: grey, or binary as `binarise` says."""
    if config.binarise == "fixed":
        return images.thresholded()
    return images.drawn() if config.binarise == "sampled" else images


class Run:
    """One trained run, opened: what it is, what it scored, and its model as functions on arrays.

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
        """Read one row an epoch: D, R, R per dimension, objective, seconds.

        Raises:
            CheckpointError: the file is damaged.
        """
        return read_history(self.record.folder)

    @functools.cached_property
    def _opened(self) -> "tuple[nn.Module, Any]":
        import torch

        from core.device import choose_device
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
                if fresh.document.weights == self.document.weights:
                    raise
                self.record, self.document = fresh, fresh.document
        return model.to(device).eval(), device

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

    def images(self, split: str) -> ImageSet:
        """Load the images of a split, as this run saw them.

        Raises:
            DataMissing: the data set is not on this machine.
            DataError: it is damaged, or not the data that the run was trained on.
        """
        images = load_images(self.config, split)
        if images.fingerprint != self.document.data.fingerprint:
            raise DataError(
                f"Data set '{self.config.dataset}' is not what run '{self.name}' was trained on: their fingerprints "
                "differ; put the original files back, or train a new run."
            )
        return images

    def encode_split(
        self,
        split: str,
        *,
        seed: int = 0,
        draws: int = 1,
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> "tuple[ImageSet, Encoded]":
        """Send a whole split through the model, with the noise that the contracts fix: see core/encoding.py.

        Raises:
            DataMissing: the data set is not on this machine.
            DataError: it is not what the run was trained on, or the run has no images of this split.
            CheckpointError: the weights are missing or damaged.
            ConfigError: as `encode_images`.
        """
        images = self.images(split)
        if not len(images):
            raise DataError(f"Run '{self.name}' held no {split} images out: choose another split.")
        return images, self.encode_images(
            images, seed=seed, draws=draws, batch_size=batch_size, progress=progress
        )

    def encode_images(
        self,
        images: ImageSet,
        *,
        seed: int = 0,
        draws: int = 1,
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> "Encoded":
        """Send images of the run's data set through the model; each image's noise is its row's, whatever the order.

        Raises:
            CheckpointError: the weights are missing or damaged.
            ConfigError: the seed is no whole number from 0, or `draws` or `batch_size` none from 1.
        """
        seed, draws = whole_number(seed, "seed"), whole_number(draws, "draws", least=1)
        if batch_size is not None:
            batch_size = whole_number(batch_size, "batch_size", least=1)
        from core.encoding import EVALUATION_BATCH, encode_images

        model = self.model
        return encode_images(
            model,
            images,
            self.config,
            device=self._opened[1],
            seed=seed,
            draws=draws,
            batch_size=batch_size or EVALUATION_BATCH,
            progress=progress,
        )

    def latents_path(self, split: str) -> Path | None:
        """Where the latents of a split are stored or cached; None where they must be encoded first."""
        for path in (self.record.folder / f"latents-{split}.npz", self._cache_path(split)):
            if path.is_file():
                return path
        return None

    def _cache_path(self, split: str, what: str = "latents") -> Path:
        # named by the weights too, so that a run trained further is encoded again
        return self.record.folder / "cache" / f"{what}-{split}-{self.document.epoch}.npz"

    def _load_latents(self, path: Path, split: str) -> Latents:
        stored = load_latents(path)
        if stored.means.shape[1] != self.latent:
            raise CheckpointError(
                f"'{path.name}' has {stored.means.shape[1]} latent dimensions, and the run has {self.latent}: "
                "delete the file and open the run again."
            )
        return dataclasses.replace(stored, splits=of_split(split, len(stored)))

    def latents(self, split: str, *, progress: Progress | None = None) -> Latents:
        """Load the posteriors of a split: stored with the run, or cached, or else encoded now and cached.

        Raises:
            DataMissing: they must be encoded and the data set is not on this machine.
            DataError: there is no such split, or the run has no images of it.
            CheckpointError: a file is damaged.
        """
        if path := self.latents_path(_known(split)):
            try:
                return self._load_latents(path, split)
            except CheckpointError:
                if path != self._cache_path(split):
                    raise
                # a damaged cache is made again
        images, encoded = self.encode_split(split, progress=progress)
        latents = to_latents(images, encoded)
        self._keep_cached(split, "latents", lambda path: save_latents(path, latents))
        return latents

    def errors_path(self, split: str) -> Path | None:
        """Where the errors of a split are cached; None where they must be computed first."""
        path = self._cache_path(_known(split), "errors")
        return path if path.is_file() else None

    def errors(
        self, split: str, *, batch_size: int | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """Mean squared error per pixel of each image's reconstruction at the mean: cached, or computed now and cached.

        Pixels are in [0, 1] and in data size, so padding does not count.

        Returns:
            (N,) float32 in the order of `latents(split)`, read-only; lower is better.

        Raises:
            DataMissing: they must be computed and the data set is not on this machine.
            DataError: there is no such split, or the run has no images of it.
            CheckpointError: the weights are missing or damaged.
            ConfigError: `batch_size` is no whole number from 1.
        """
        size = None if batch_size is None else whole_number(batch_size, "batch_size", least=1)
        latents = self.latents(split, progress=progress)
        if path := self.errors_path(split):
            try:
                return load_errors(path, latents.ids)
            except CheckpointError:
                pass  # a damaged cache is made again
        images = self.images(split)
        rows = in_order_of(images.ids, latents.ids)
        found = errors_at_means(
            self.decode,
            latents.means,
            latents.labels,
            images.pixels[rows],
            **({} if size is None else {"batch_size": size}),
            progress=progress,
        )
        self._keep_cached(split, "errors", lambda path: save_errors(path, latents.ids, found))
        found.setflags(write=False)
        return found

    def _keep_cached(self, split: str, what: str, write: Callable[[Path], None]) -> None:
        """Write a cache of a split and take away those of other weights; a read-only store goes without."""
        path = self._cache_path(split, what)
        try:
            path.parent.mkdir(exist_ok=True)
            write(path)
            for old in path.parent.glob(f"{what}-{split}-*.npz"):
                if old != path:
                    old.unlink(missing_ok=True)
        except (OSError, VAEScopeError):
            pass  # a read-only store: slower next time, right all the same


def to_latents(images: ImageSet, encoded: "Encoded") -> Latents:
    """Keep what pages need of an encoded split."""
    return Latents(
        ids=images.ids,
        labels=images.labels,
        means=encoded.means,
        log_variances=encoded.log_variances,
        distortion=encoded.distortion,
        rate=encoded.rate,
        splits=of_split(images.split, len(images)),
    )


def open_run(run: str | Path, *, store: str | Path | None = None, device: str = "auto") -> Run:
    """Open a run by its id in the store, or by the path of its folder.

    Raises:
        CheckpointError: no such run, or it is broken; the sentence says why.
        ConfigError: neither an id nor a path; or, when the weights are first needed, a device that is not here.
    """
    return Run(read_record(find(run, store)), device=device)
