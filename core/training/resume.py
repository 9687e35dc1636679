"""The rest of a run: whether it will be exactly what it would have been, and its training."""

import contextlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from filelock import Timeout

from core.config import RunConfig
from core.data.intake import whole_number
from core.device import choose_device, describe, processor, using_threads
from core.errors import CheckpointError, DataError
from core.runs import Run, open_run
from core.store import (
    RunDocument,
    find_record,
    in_training,
    now,
    run_lock,
    sweep_leftovers,
    why_not_further,
    why_not_resumed,
)
from core.store.documents import read_document
from core.training.checkpoints import Keeper, load_standing
from core.training.material import load_material
from core.training.run import REVISION, Hooks, arithmetic, carry_on, check_hooks, made_model, versions

PATIENCE = 1.0
"""Seconds to wait for a lock: whoever asks how a run is holds it for a moment."""


@dataclass(frozen=True)
class Exactness:
    """Whether a run that goes on here ends as it would have without the pause, bit for bit."""

    exact: bool
    reasons: tuple[str, ...] = ()
    """Why not, each a clause"""

    @property
    def sentence(self) -> str:
        """The word, and why."""
        if self.exact:
            return "Exact: the run goes on as if it had not paused, bit for bit."
        return f"Not exact: {'; '.join(self.reasons)}."


def exactness(document: RunDocument, *, epochs: int | None = None) -> Exactness:
    """Compare what computed a run so far with what computes here.

    Raises:
        ConfigError: the run's device is not here.
    """
    config, before = document.config, document.arithmetic
    device, done = choose_device(config.device), document.stands[0]
    reasons = []
    if before is None:
        reasons.append("what computed it so far was not recorded")
    else:
        threads = config.threads or torch.get_num_threads()
        pairs = (
            ("the device was", before.device, processor(device)),
            ("torch was", before.torch, metadata.version("torch")),
            ("the CPU threads were", before.threads, threads),
            ("the precision was", before.precision, config.precision),
            ("the revision of VAEScope's steps was", before.revision, REVISION),
        )
        reasons += [f"{what} {then}, now {now}" for what, then, now in pairs if then != now]
    if device.type == "cuda":
        reasons.append("a GPU may round the first steps after a start otherwise than later ones")
    if epochs is not None and epochs != config.epochs and config.schedule == "cosine" and done:
        reasons.append(
            f"the cosine schedule was one of {config.epochs} epochs and is one of {epochs} from here on, so the "
            "learning rate jumps"
        )
    return Exactness(not reasons, tuple(reasons))


def resume(
    run: str | Path, *, store: str | Path | None = None, epochs: int | None = None, hooks: Hooks | None = None
) -> Run:
    """Train a run further from its last checkpoint: one that was stopped, interrupted or failed, or a finished one.

    On the same machine's CPU the run ends as it would have without the pause, bit for bit: see `exactness`. Rows of
    history after the checkpoint come anew. A schedule is that of the new number of epochs.

    Args:
        run: its id in the store, or the path of its folder.
        store: folder of runs; the default one if None.
        epochs: in all, in place of those of its settings; a finished run needs more.
        hooks: what to call on the way, as for `train`.

    Returns:
        The run, opened: finished, or stopped where the hooks asked for it.

    Raises:
        LockedRun: a process is training it.
        CheckpointError: there is no such run, it is bundled or diverged, or its file to go on from is not there or not
            as it should be.
        ConfigError: the epochs are no more than it has, or its device is not here.
        DataError: its data set is missing, or not what it was trained on.
        VAEScopeError, KeyboardInterrupt: as `train`.
    """
    hooks = check_hooks(hooks)
    more = None if epochs is None else whole_number(epochs, "epochs", least=1)
    record = find_record(run, store)
    if refusal := why_not_resumed(record, epochs=more):
        raise refusal
    folder, lock = record.folder, run_lock(record.folder)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise in_training(record.name) from None
    except OSError as error:
        raise CheckpointError(
            f"'lock' could not be written to {folder}: {error.strerror or error}."
        ) from error
    with lock:
        try:
            # as it is now that nobody else can change it
            document = read_document(folder)
            if refusal := why_not_further(document, epochs=more):
                raise refusal
            _go_on(folder, document, epochs=more, hooks=hooks)
        finally:
            # before it is free, or one who took it at once would lose it to the next
            with contextlib.suppress(OSError):
                (folder / "lock").unlink()
    return open_run(folder, device=document.config.device)


def _go_on(folder: Path, document: RunDocument, *, epochs: int | None, hooks: Hooks) -> None:
    config: RunConfig = document.config
    if epochs is not None and epochs != config.epochs:
        config = config.with_settings({"epochs": epochs})
    material = load_material(config, hooks.say)
    if material.train.fingerprint != document.data.fingerprint:
        raise DataError(
            f"Data set '{config.dataset}' is not what run '{document.name}' was trained on: their fingerprints differ; "
            "put the original files back, or train a new run."
        )
    with using_threads(config.threads):
        torch.manual_seed(config.seed)
        model = made_model(config, material, kept="its last checkpoint is as it was")
        assert document.resume is not None
        standing = load_standing(folder / document.resume, model, config, device=material.device)
        sweep_leftovers(folder, document)
        changes = {
            "state": "running",
            "reason": None,
            "config": config,
            "updated": now(),
            "versions": versions(),
            "machine": describe(material.device, config.precision),
            "arithmetic": arithmetic(material.device, config.precision),
        }
        keeper = Keeper(
            folder, document.model_copy(update=changes), device=material.device, stops=hooks.stops
        )
        carry_on(keeper, model, material, hooks, standing=standing)
