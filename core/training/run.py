"""From a config to a stored run: load, train, save after every epoch, score."""

import contextlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core.config import RunConfig
from core.data.images import ImageSet, pad
from core.device import choose_device, describe, placed, set_threads
from core.encoding import (
    build_model,
    check_labels,
    encode_images,
    pixel_tensor,
    split_labels,
    split_tensors,
)
from core.errors import ConfigError, Diverged, VAEScopeError
from core.families import family
from core.files import one_line
from core.latents import save_latents
from core.models.nets import parameter_count
from core.runs import Run, load_images, open_run, to_latents
from core.scoring import STORED, split_scores, write_scores
from core.store import (
    FORMAT,
    DataDocument,
    RunDocument,
    append_history,
    clean_name,
    create_folder,
    new_id,
    now,
    run_lock,
    store_folder,
    write_document,
)
from core.training.loop import HeldOut, StepHook, epochs
from core.weights import save_weights

Stage = Callable[[str], None]
"""Called with a short sentence when the work enters another stage."""


@dataclass(frozen=True)
class Hooks:
    """What a caller wants to hear while a run trains; each may be None."""

    on_start: Callable[[str, RunConfig], None] | None = None
    """(id, config), once the folder is there"""
    on_step: StepHook | None = None
    on_epoch: Callable[[dict[str, Any]], None] | None = None
    """The epoch's row of history"""
    on_stage: Stage | None = None


def _versions() -> dict[str, str]:
    names = ("torch", "numpy", "safetensors", "scikit-learn")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def _check_arguments(config: object, hooks: object, **names: object) -> None:
    """Refuse what is of another type before a folder is made."""
    if not isinstance(config, RunConfig):
        raise ConfigError(
            "A run is trained from a RunConfig: give core.recipe('digits-vae').config, or one made with "
            f"core.RunConfig.make, not an object of type {type(config).__name__}."
        )
    if hooks is not None and not isinstance(hooks, Hooks):
        raise ConfigError(
            f"'hooks' is a core.training.run.Hooks: give one, not an object of type {type(hooks).__name__}."
        )
    for name, value in names.items():
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"'{name}' is a text, not {one_line(repr(value), limit=60)}: put it in quotes.")


def train(
    config: RunConfig,
    *,
    name: str | None = None,
    store: str | Path | None = None,
    recipe: str | None = None,
    sweep: str | None = None,
    hooks: Hooks | None = None,
    run_id: str | None = None,
    bundled: bool = False,
    keep_latents: bool = True,
) -> Run:
    """Train a run and store it; every epoch that ended is kept, whatever happens next.

    Args:
        config: every setting.
        name: display name; the recipe's or the family's if None.
        store: folder of runs; `core.default_store()` if None.
        recipe: name of the recipe that the config came from, kept as a note.
        sweep: name shared by the runs of one sweep.
        hooks: what to call on the way.
        run_id: a fixed id, for bundled runs; made from the name if None.
        bundled: whether the run ships with the project.
        keep_latents: whether the posteriors of train and test are stored with the run.

    Returns:
        The finished run, opened.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: it is damaged, or has images without labels and the family needs them.
        ConfigError: an argument is not what it should be, or the settings do not fit the data or the machine.
        Diverged: a loss was not finite; the run is stored with the last good weights.
        CheckpointError: the store cannot be written.
        KeyboardInterrupt: passed on; the run is stored as stopped.
    """
    _check_arguments(config, hooks, recipe=recipe, sweep=sweep)
    hooks, root = hooks or Hooks(), store_folder(store)
    title = clean_name(name if name is not None else recipe or config.family)
    say = hooks.on_stage or (lambda sentence: None)
    say("Loading data")
    device = choose_device(config.device)
    train_set, held_set, test_set = (load_images(config, split) for split in ("train", "validation", "test"))
    for images in (train_set, held_set, test_set):
        check_labels(images, config)
    _check_kind(train_set, config)
    padded = pad(train_set.pixels[:1], config.pad).shape[1:]
    if config.batch_size > len(train_set):
        raise ConfigError(
            f"batch_size {config.batch_size} is more than the {len(train_set)} training images: choose a smaller one."
        )
    most = min(len(train_set), int(np.prod(padded)))
    if family(config.family).closed_form and config.latent > most:
        raise ConfigError(
            f"latent {config.latent} is more than the {most} components that these training images have: choose a "
            "smaller one."
        )

    torch.manual_seed(config.seed)
    model = placed(build_model(config, padded, classes=len(train_set.class_names)), device)
    folder = create_folder(root, run_id or new_id(title))
    document = RunDocument(
        format=FORMAT,
        id=folder.name,
        name=title,
        created=now(),
        updated=now(),
        state="running",
        bundled=bundled,
        recipe=recipe,
        sweep=sweep,
        config=config,
        data=DataDocument(
            dataset=config.dataset,
            fingerprint=train_set.fingerprint,
            shape=train_set.shape,
            padded=padded,
            class_names=train_set.class_names,
            train=len(train_set),
            validation=len(held_set),
            test=len(test_set),
            kind=train_set.kind,
        ),
        epoch=0,
        parameters=parameter_count(model),
        versions=_versions(),
        machine=describe(device, config.precision),
    )
    threads = torch.get_num_threads()
    with run_lock(folder).acquire(timeout=5):
        writer = _Writer(folder, document)
        # the initial weights are the last good ones of a run that diverges in its first epoch
        writer.checkpoint(model, epoch=0)
        try:
            set_threads(config.threads)
            if hooks.on_start:
                hooks.on_start(folder.name, config)
            watched = held_set if len(held_set) else test_set
            held_out = HeldOut(
                watched.split,
                *split_tensors(watched, config, device=device),
                labels=split_labels(watched, config, device=device),
            )
            shown = load_images(config, "train", drawn=False).pixels
            pixels = pixel_tensor(shown, config, device)
            labels = split_labels(train_set, config, device=device)
            for row in epochs(model, pixels, config, labels=labels, held_out=held_out, on_step=hooks.on_step):
                append_history(folder, row)
                writer.checkpoint(model, epoch=row["epoch"])
                if hooks.on_epoch:
                    hooks.on_epoch(row)
            say("Scoring")
            scores, sets = {}, {images.split: images for images in (train_set, held_set, test_set)}
            for split in STORED:
                images = sets[split]
                if len(images):
                    encoded = encode_images(model, images, config, device=device)
                    scores[split] = split_scores(encoded, config, pixels=int(np.prod(padded)))
                    if keep_latents and split != "validation":
                        save_latents(folder / f"latents-{split}.npz", to_latents(images, encoded))
            write_scores(folder, scores)
            writer.finish("finished")
        except Diverged as error:
            writer.finish("diverged", reason=str(error))
            raise
        except KeyboardInterrupt:
            writer.finish("stopped", reason=f"Stopped by hand after epoch {writer.document.epoch}.")
            raise
        except BaseException as error:
            reason = (
                str(error) if isinstance(error, VAEScopeError) else f"{type(error).__name__} in training."
            )
            with contextlib.suppress(VAEScopeError):
                writer.finish("failed", reason=reason)
            raise
        finally:
            set_threads(threads)
    (folder / "lock").unlink(missing_ok=True)
    return open_run(folder, device=config.device)


def _check_kind(images: ImageSet, config: RunConfig) -> None:
    """Refuse settings that only images have where the data are vectors.

    Raises:
        ConfigError: the first of them.
    """
    if images.kind == "image":
        return
    for key, wanted in (("network", "mlp"), ("pad", None)):
        if getattr(config, key) != wanted:
            raise ConfigError(
                f"'{key}' cannot be {getattr(config, key)} for '{images.dataset}', whose items are vectors and no "
                f"images: set {key}={'none' if wanted is None else wanted}."
            )


class _Writer:
    """Keeps run.json and the weights of one run in step: weights first, then the document that names them."""

    def __init__(self, folder: Path, document: RunDocument) -> None:
        self.folder = folder
        self.document = document
        write_document(folder, document)

    def _replace(self, **changes: Any) -> None:
        self.document = self.document.model_copy(update={**changes, "updated": now()})
        write_document(self.folder, self.document)

    def checkpoint(self, model: nn.Module, *, epoch: int) -> None:
        before = self.document.weights
        name = f"model-{epoch}.safetensors"
        save_weights(self.folder / name, model.state_dict())
        self._replace(weights=name, epoch=epoch)
        # the weights before stay for one more epoch: a reader may have met the run.json that names them
        self._keep({name, before})

    def finish(self, state: str, *, reason: str | None = None) -> None:
        self._replace(state=state, reason=reason)
        self._keep({self.document.weights})

    def _keep(self, names: set[str | None]) -> None:
        for path in self.folder.glob("model-*.safetensors"):
            if path.name not in names:
                path.unlink(missing_ok=True)
