"""An opened run: its model, the images that it saw, and what is kept of them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.data.images import ImageSet
from core.data.intake import whole_number
from core.errors import CheckpointError, DataError, VAEScopeError
from core.latents import Latents, load_latents, of_split, save_latents
from core.pixel_errors import errors_at_means, in_order_of, load_errors, save_errors
from core.runs.model import RunModel
from core.runs.seen import known, load_images
from core.store import find_record

if TYPE_CHECKING:
    from core.encoding import Encoded

Progress = Callable[[int, int], None]


class Run(RunModel):
    """One trained run, opened: what it is and scored, its model on arrays, its images, their latents and errors.

    Images are (N, C, H, W) in data size unless said otherwise; latents are (N, latent); all floats are float32.
    """

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
        # those stored with the run are of its last weights
        stored = [self.record.folder / f"latents-{split}.npz"] if self.record.at is None else []
        return next((path for path in (*stored, self._cache_path(split)) if path.is_file()), None)

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
        if path := self.latents_path(known(split)):
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
        path = self._cache_path(known(split), "errors")
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
        """Write a cache of a split and take away those of weights that are gone; a read-only store goes without."""
        path = self._cache_path(split, what)
        there = {f"{what}-{split}-{epoch}.npz" for epoch in (self.document.epoch, *self.document.kept)}
        try:
            path.parent.mkdir(exist_ok=True)
            write(path)
            for old in path.parent.glob(f"{what}-{split}-*.npz"):
                if old.name not in there:
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
    """Open a run by its id in the store or by the path of its folder; one of its kept epochs by that and `@EPOCH`.

    Raises:
        CheckpointError: no such run or epoch, or it is broken; the sentence says why.
        ConfigError: neither an id nor a path; or, when the weights are first needed, a device that is not here.
    """
    return Run(find_record(run, store), device=device)
