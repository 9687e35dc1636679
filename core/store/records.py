"""The listing: each folder described, a broken one as broken, with the reason."""

import contextlib
import hashlib
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.data.images import SPLITS
from core.errors import CheckpointError, ConfigError
from core.files import JSON_LIMIT, one_line, parse_json, read_bytes, read_json
from core.store.documents import NAME_LIMIT, NewerFormat, RunDocument, read_document
from core.store.folder import default_store, is_locked, store_folder
from core.store.names import ID_PATTERN, NOTE_LIMIT, plain_note, stored_tags

LOOKS = 3
"""At a file that training may replace at the same moment, before it is believed to be missing."""
LISTED = 12
"""Runs that an error names."""
UNREADABLE = ("damaged", "foreign", "newer")
"""States of folders that cannot be opened; `RunRecord.reason` says why."""
_BEFORE = re.compile(r"lock|\.run\.json\.[0-9a-f]{8}\.tmp")
"""What lies in the folder of a run before its first run.json"""


@dataclass(frozen=True)
class RunRecord:
    """One row of the listing: a run, or a folder that is not a readable one (`reason` says why)."""

    id: str
    folder: Path
    name: str
    state: str
    """running, interrupted, finished, stopped, diverged, failed; or damaged, foreign, newer"""
    reason: str | None = None
    document: RunDocument | None = None
    scores: dict[str, Any] | None = None
    note: str = ""
    hidden: bool = False
    tags: tuple[str, ...] = ()
    """In the order of the alphabet"""
    stamp: str = ""
    """Changes whenever a file that the listing shows has changed: a key for caches."""
    problems: tuple[str, ...] = field(default=())
    """Side files that could not be read; the run itself opens."""
    at: int | None = None
    """The kept epoch that this is, opened as a run of its own; None for the run itself, which has its last weights"""

    @property
    def readable(self) -> bool:
        """Whether run.json could be read."""
        return self.document is not None

    @property
    def bundled(self) -> bool:
        """Whether the run came with the project: hidden, never deleted."""
        return self.document is not None and self.document.bundled

    @property
    def config(self) -> RunConfig:
        """Settings of a readable run.

        Raises:
            CheckpointError: the run is not readable.
        """
        if self.document is None:
            raise CheckpointError(f"Run '{self.id}' cannot be opened: {self.reason}")
        return self.document.config


def _stamp(folder: Path) -> str:
    parts = []
    for name in ("run.json", "scores.json", "annotations.json", "history.jsonl"):
        try:
            status = (folder / name).stat()
            parts.append(f"{status.st_mtime_ns}:{status.st_size}")
        except OSError:
            parts.append("-")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def read_annotations(folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read what a person set of a run, and what kept it from being read; a damaged file counts as empty."""
    path = folder / "annotations.json"
    if not path.exists():
        return {}, ()
    try:
        return read_json(path), ()
    except CheckpointError as error:
        return {}, (str(error),)


def _named(folder: Path, at: int | None = None) -> str:
    """What a command calls a run, or one of its epochs."""
    epoch = "" if at is None else f"@{at}"
    if folder.parent == default_store():
        return f"{folder.name}{epoch}"
    return one_line(shlex.quote(f"{folder}{epoch}"), limit=1000)


def scoring_command(folder: Path, *, at: int | None = None) -> str:
    """Write out the command that scores a run, or one of its epochs, from the weights and stores the scores."""
    return f"python -m core evaluate {_named(folder, at)} --save"


def resuming_command(folder: Path) -> str:
    """Write out the command that trains a run further."""
    return f"python -m core resume {_named(folder)}"


def scores_path(folder: Path, *, at: int | None = None) -> Path:
    """Where the scores of a run are stored; those of another epoch than its last lie in its cache."""
    return folder / "scores.json" if at is None else folder / "cache" / f"scores-{at}.json"


def scores_remedy(folder: Path, *, bundled: bool, running: bool) -> str:
    """Say what brings the scores of a run (back): a clause for the end of a sentence."""
    if bundled:
        return f"`git -C {one_line(shlex.quote(str(folder)), limit=1000)} restore scores.json` brings it back"
    if running:
        return "training writes it anew at its end"
    return f"`{scoring_command(folder)}` writes it anew"


def why_no_scores(record: RunRecord) -> str:
    """Say in a sentence why a run has no scores, or not those of some split, and what brings them."""
    for problem in record.problems:
        if "scores" in problem:
            return problem
    if record.bundled:
        return f"No scores: {scores_remedy(record.folder, bundled=True, running=False)}."
    if record.state == "running" and record.at is None:
        return "No scores yet: training stores them at its end."
    command = scoring_command(record.folder, at=record.at)
    return f"No scores yet: `{command}` computes them from the weights and stores them."


def _odd_score(values: Any, latent: int) -> str | None:
    """Name the first of a split's scores that would trip a reader: each is a number, null, or a number a dimension."""
    if not isinstance(values, dict):
        return ""
    for name, value in values.items():
        listed = isinstance(value, list) and len(value) == latent
        if not all(one is None or type(one) in (int, float) for one in (value if listed else [value])):
            return str(name)
    return None


def read_scores(path: Path, *, latent: int, remedy: str) -> dict[str, Any]:
    """Read a file of scores; `remedy` is what an error tells people to do.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        payload = read_bytes(path, limit=JSON_LIMIT)
    except CheckpointError as error:
        raise CheckpointError(f"{str(error).rstrip('.')}; {remedy}.") from error
    scores = parse_json(payload, path.name, remedy=remedy)
    for split in SPLITS:
        odd = _odd_score(scores[split], latent) if split in scores else None
        if odd is not None:
            raise CheckpointError(
                f"'{path.name}' is damaged: '{one_line(f'{split} {odd}', limit=60)}' is no score; {remedy}."
            )
    return scores


def sound_scores(path: Path, *, latent: int) -> dict[str, dict[str, Any]]:
    """Read the splits of a file of scores that are what they should be; none where it cannot be read."""
    try:
        scores = read_json(path)
    except CheckpointError:
        return {}
    return {
        split: scores[split]
        for split in SPLITS
        if split in scores and _odd_score(scores[split], latent) is None
    }


def read_record(folder: Path, *, looks: int = LOOKS) -> RunRecord:
    """Describe one folder; a broken one is described as broken, with the reason, never raised.

    Args:
        folder: of the run.
        looks: how often it is looked at before its weights are said to be missing.
    """
    # a folder's name may hold anything, bytes that are no text too: shown, it is one line of plain characters
    shown = one_line(folder.name, limit=NAME_LIMIT) or "(no visible name)"
    if folder.is_symlink():
        return RunRecord(shown, folder, shown, "foreign", "It is a link, and links are not followed.")
    if not ID_PATTERN.fullmatch(folder.name):
        reason = "Its folder's name has other characters than a-z, 0-9 and '-': rename the folder to open it."
        return RunRecord(shown, folder, shown, "foreign", reason)
    if not (folder / "run.json").exists():
        reason = "It has no run.json, so it is not a run of VAEScope: move it elsewhere."
        return RunRecord(folder.name, folder, folder.name, "foreign", reason)
    annotations, problems = read_annotations(folder)
    name = one_line(annotations.get("name") or "", limit=NAME_LIMIT)
    note = plain_note(str(annotations.get("note") or ""))[:NOTE_LIMIT]
    hidden, tags = annotations.get("hidden") is True, stored_tags(annotations.get("tags"))
    stamp = _stamp(folder)
    try:
        document = read_document(folder)
    except CheckpointError as error:
        state = "newer" if isinstance(error, NewerFormat) else "damaged"
        return RunRecord(
            id=folder.name,
            folder=folder,
            name=name or folder.name,
            state=state,
            reason=str(error),
            note=note,
            hidden=hidden,
            tags=tags,
            stamp=stamp,
        )
    state, why = document.state, document.reason
    if state == "running" and not is_locked(folder):
        state = "interrupted"
        further = f", and `{resuming_command(folder)}` goes on" if document.resume else ""
        why = f"Training ended without a word after epoch {document.epoch}; the weights of that epoch open{further}."
    elif document.weights and not (folder / document.weights).is_file():
        if looks > 1:  # training replaces the weights after each epoch, perhaps between our two looks
            return read_record(folder, looks=looks - 1)
        state = "damaged"
        why = f"{document.weights} is missing: restore it from a copy, or delete the run."
    scores = None
    if (folder / "scores.json").exists():
        remedy = scores_remedy(folder, bundled=document.bundled, running=state == "running")
        try:
            scores = read_scores(folder / "scores.json", latent=document.config.latent, remedy=remedy)
        except CheckpointError as error:
            problems = (*problems, str(error))
    return RunRecord(
        id=folder.name,
        folder=folder,
        name=name or one_line(document.name, limit=NAME_LIMIT) or folder.name,
        state=state,
        reason=why,
        document=document,
        scores=scores,
        note=note,
        hidden=hidden,
        tags=tags,
        stamp=stamp,
        problems=problems,
    )


def list_runs(store: str | Path | None = None) -> list[RunRecord]:
    """Describe every folder of a store, newest first; broken ones last. A store that is not there is empty.

    Raises:
        CheckpointError: the store may not be read.
        ConfigError: it is no path.
    """
    root = store_folder(store)
    if not root.is_dir():
        return []
    try:
        folders = list(root.iterdir())
    except OSError as error:
        raise CheckpointError(
            f"The store {root} cannot be read: {error.strerror or error}; choose another one with --store or "
            "VAESCOPE_STORE."
        ) from error
    records = []
    for folder in folders:
        if folder.name.startswith((".", "_")) or not folder.is_dir():
            continue
        try:
            if not folder.is_symlink() and all(_BEFORE.fullmatch(item.name) for item in folder.iterdir()):
                continue  # about to become a run: its first run.json is not there yet, or never came
            records.append(read_record(folder))
        except OSError as error:
            shown = one_line(folder.name, limit=NAME_LIMIT)
            reason = f"It cannot be read: {one_line(error.strerror or error)}."
            records.append(RunRecord(shown, folder, shown, "damaged", reason))
    records.sort(key=lambda record: record.id)
    records.sort(key=lambda record: record.document.created if record.document else "", reverse=True)
    return records


def first_of(ids: list[str], command: str) -> str:
    """Name ids in an error: the first few, how many more there are, and the command that lists all."""
    more = len(ids) - LISTED
    return ", ".join(ids[:LISTED]) + (f" and {more} more: see `python -m core {command}`" if more > 0 else "")


def find(run: str | Path, store: str | Path | None = None) -> Path:
    """Find a run's folder from its id in the store, or from a path.

    Raises:
        CheckpointError: there is no such run; the sentence lists some that are.
        ConfigError: neither an id nor a path.
    """
    root = store_folder(store)
    if not isinstance(run, str | Path):
        raise ConfigError(
            "A run is opened by its id, a text such as record.id, or by the path of its folder: give one of these, "
            f"not an object of type {type(run).__name__}."
        )
    if isinstance(run, str) and ID_PATTERN.fullmatch(run) and (root / run).is_dir():
        return root / run
    with contextlib.suppress(OSError, ValueError):  # a name too long, or with a zero byte, is no path
        if (Path(run) / "run.json").is_file():
            return Path(run).resolve()
    known = [record.id for record in list_runs(root) if record.readable]
    listing = f"the store holds {first_of(known, 'list')}" if known else "it is empty"
    raise CheckpointError(f"There is no run '{one_line(run, limit=NAME_LIMIT)}' in {root}: {listing}.")
