"""From a config to a stored run: load, train, checkpoint on the way, score; and the same for the rest of a run."""

import contextlib
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core.config import RunConfig
from core.device import describe, placed, processor, trim_memory, using_threads
from core.encoding import (
    build_model,
    encode_images,
    pixel_tensor,
    split_labels,
    split_tensors,
)
from core.errors import ConfigError, Diverged, OutOfMemory, VAEScopeError
from core.files import one_line
from core.latents import save_latents
from core.models.nets import parameter_count
from core.runs import Run, load_images, open_run, to_latents
from core.scoring import STORED, split_scores, write_scores
from core.store import (
    FORMAT,
    ArithmeticDocument,
    DataDocument,
    RunDocument,
    clean_name,
    create_folder,
    new_id,
    now,
    run_lock,
    store_folder,
)
from core.training.checkpoints import Keeper
from core.training.loop import HeldOut, Standing, StepHook, epochs
from core.training.material import Material, load_material
from core.training.watch import Watch

GPU = "the GPU"
Stage = Callable[[str], None]
"""Called with a short sentence when the work enters another stage."""


@dataclass(frozen=True)
class Hooks:
    """What a caller wants to hear while a run trains, and may ask of it; each may be None."""

    on_start: Callable[[str, RunConfig], None] | None = None
    """(id, config), once the folder is there"""
    on_step: StepHook | None = None
    on_epoch: Callable[[dict[str, Any]], None] | None = None
    """The epoch's row of history"""
    on_stage: Stage | None = None
    should_stop: Callable[[], bool] | None = None
    """Whether to end at the next step, with a checkpoint there: the run is handed back in state 'stopped'"""

    def say(self, stage: str) -> None:
        """Tell a stage to whoever wants to hear it."""
        if self.on_stage:
            self.on_stage(stage)

    def stops(self) -> bool:
        """Whether a stop was asked for."""
        return self.should_stop is not None and self.should_stop()


REVISION = 2
"""Of the steps of training: raised with each change after which they round otherwise on the same machine"""


def versions() -> dict[str, str]:
    """Of what training stands on."""
    names = ("torch", "numpy", "safetensors", "scikit-learn")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def arithmetic(device: torch.device, precision: str) -> ArithmeticDocument:
    """What computes here, for run.json; the threads are those of now."""
    return ArithmeticDocument(
        device=processor(device),
        threads=torch.get_num_threads(),
        torch=metadata.version("torch"),
        precision=precision,
        revision=REVISION,
    )


def check_hooks(hooks: object) -> Hooks:
    """Hooks as they must be given; none where there are none.

    Raises:
        ConfigError: they are something else.
    """
    if hooks is None:
        return Hooks()
    if not isinstance(hooks, Hooks):
        raise ConfigError(
            f"'hooks' is a core.training.run.Hooks: give one, not an object of type {type(hooks).__name__}."
        )
    return hooks


def _check_arguments(config: object, **names: object) -> None:
    """Refuse what is of another type before a folder is made."""
    if not isinstance(config, RunConfig):
        raise ConfigError(
            "A run is trained from a RunConfig: give core.recipe('digits-vae').config, or one made with "
            f"core.RunConfig.make, not an object of type {type(config).__name__}."
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
    """Train a run and store it; its last checkpoint is kept, whatever happens next, and `resume` goes on from it.

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
        The run, opened: finished, or stopped where the hooks asked for it.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: it is damaged, or has images without labels and the family needs them.
        ConfigError: an argument is not what it should be, or the settings do not fit the data or the machine.
        Diverged: a loss was not finite; the run is stored with the last good weights.
        OutOfMemory: the memory was not enough; the run is stored with the last checkpoint, or the model itself does not
            fit and there is none.
        CheckpointError: the store cannot be written; the last checkpoint is as it was.
        KeyboardInterrupt: passed on; the run is stored as stopped, with the last checkpoint.
    """
    _check_arguments(config, recipe=recipe, sweep=sweep)
    hooks, root = check_hooks(hooks), store_folder(store)
    title = clean_name(name if name is not None else recipe or config.family)
    material = load_material(config, hooks.say)
    images = material.train
    with using_threads(config.threads):
        torch.manual_seed(config.seed)
        model = made_model(config, material, kept="no run was made")
        folder = create_folder(root, run_id or new_id(title, taken=lambda one: (root / one).exists()))
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
                fingerprint=images.fingerprint,
                shape=images.shape,
                padded=material.padded,
                class_names=images.class_names,
                train=len(images),
                validation=len(material.validation),
                test=len(material.test),
                kind=images.kind,
            ),
            epoch=0,
            parameters=parameter_count(model),
            versions=versions(),
            machine=describe(material.device, config.precision),
            arithmetic=arithmetic(material.device, config.precision),
        )
        with run_lock(folder).acquire(timeout=5):
            keeper = Keeper(folder, document, device=material.device, stops=hooks.stops)
            standing = Standing(epoch=0, step=0, seconds=0.0, model=model.state_dict(), updates={})
            carry_on(keeper, model, material, hooks, standing=standing, keep_latents=keep_latents)
            # before it is free, or one who took it at once would lose it to the next
            with contextlib.suppress(OSError):
                (folder / "lock").unlink()
    return open_run(folder, device=config.device)


def made_model(config: RunConfig, material: Material, *, kept: str) -> nn.Module:
    """A new model, on the device.

    Raises:
        OutOfMemory: it does not fit there; `kept` says of what is stored how it stands.
    """
    try:
        return placed(
            build_model(config, material.padded, classes=len(material.train.class_names)), material.device
        )
    except BaseException as error:
        if memory := _short_of(error):
            other = ", or with device=cpu" if material.device.type == "cuda" else ""
            raise OutOfMemory(
                f"The memory of {memory} was not enough for the model: train with smaller hidden{other}; {kept}."
            ) from error
        raise


def carry_on(
    keeper: Keeper,
    model: nn.Module,
    material: Material,
    hooks: Hooks,
    *,
    standing: Standing,
    keep_latents: bool = True,
) -> None:
    """Train from where it stands to the end, and score; run.json says how it ended.

    Raises:
        VAEScopeError, KeyboardInterrupt: as `train`.
    """
    config, device = keeper.document.config, material.device
    began = keeper.document.resume is not None
    after, probes = (standing.epoch if began else None), not keeper.document.bundled
    with (
        _told(keeper),
        Watch(keeper.folder, config, model, material, after=after, probes=probes) as watch,
    ):
        if not began:
            # the initial weights are the last good ones of a run that diverges in its first epoch
            keeper.checkpoint(standing)
        if hooks.on_start:
            hooks.on_start(keeper.folder.name, config)
        watched = material.validation if len(material.validation) else material.test
        held_out = HeldOut(
            watched.split,
            *split_tensors(watched, config, device=device),
            labels=split_labels(watched, config, device=device),
        )
        for row in epochs(
            model,
            pixel_tensor(load_images(config, "train", drawn=False).pixels, config, device),
            config,
            labels=split_labels(material.train, config, device=device),
            held_out=held_out,
            on_step=watch.steps(hooks.on_step),
            standing=standing,
            ask=keeper.ask,
        ):
            watch.epoch(row["epoch"])
            if hooks.on_epoch:
                hooks.on_epoch(row)
        trim_memory()
        if not keeper.stops() and _score(keeper, model, material, hooks, watch, keep_latents=keep_latents):
            keeper.finish("finished")
        else:
            keeper.finish("stopped", reason=f"Stopped by hand {keeper.where()}.")


def _score(
    keeper: Keeper, model: nn.Module, material: Material, hooks: Hooks, watch: Watch, *, keep_latents: bool
) -> bool:
    """Score all splits at the final weights, and store what was found; False where a stop came between."""
    hooks.say("Scoring")
    config, scores = keeper.document.config, {}
    for split in STORED:
        if keeper.stops():
            return False
        images = getattr(material, split)
        if len(images):
            encoded = encode_images(
                model, images, config, device=material.device, progress=watch.status.scoring
            )
            scores[split] = split_scores(encoded, config, pixels=int(np.prod(material.padded)))
            if keep_latents and split != "validation":
                save_latents(keeper.folder / f"latents-{split}.npz", to_latents(images, encoded))
    write_scores(keeper.folder, scores)
    return True


@contextlib.contextmanager
def _told(keeper: Keeper) -> Iterator[None]:
    """Have run.json say how training ended, where it does not end as hoped."""
    try:
        yield
    except Diverged as error:
        keeper.finish("diverged", reason=str(error))
        raise
    except KeyboardInterrupt:
        keeper.finish("stopped", reason=f"Stopped by hand {keeper.where()}.")
        raise
    except BaseException as error:
        told = _out_of_memory(error, keeper) or error
        reason = str(told) if isinstance(told, VAEScopeError) else f"{type(error).__name__} in training."
        # on a disk that is full: the run then reads interrupted, with the same checkpoint
        with contextlib.suppress(VAEScopeError):
            keeper.finish("failed", reason=reason)
        if told is not error:
            raise told from error
        raise


def _out_of_memory(error: BaseException, keeper: Keeper) -> OutOfMemory | None:
    """Say what helps where the memory was not enough."""
    memory = _short_of(error)
    if memory is None:
        return None
    other = "precision=bf16 or device=cpu" if memory == GPU else "smaller hidden"
    return OutOfMemory(
        f"The memory of {memory} was not enough: train again with a smaller batch_size, or with {other}; "
        f"the checkpoint {keeper.where()} is kept."
    )


def _short_of(error: BaseException) -> str | None:
    """Whose memory was not enough, or None where the error is another: torch says so in several ways."""
    if isinstance(error, torch.OutOfMemoryError):
        return GPU
    # torch's own words of the CPU's memory, in a RuntimeError
    return "this machine" if isinstance(error, MemoryError) or "can't allocate memory" in str(error) else None
