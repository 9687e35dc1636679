"""What a person does to a run: names it, notes it, hides it, deletes it."""

import secrets
import shutil
from pathlib import Path

from core.errors import CheckpointError, ConfigError, LockedRun
from core.files import write_json
from core.store.folder import is_locked
from core.store.names import NOTE_LIMIT, clean_name, plain_note
from core.store.records import RunRecord, read_annotations, read_record


def annotate(
    folder: Path, *, name: str | None = None, note: str | None = None, hidden: bool | None = None
) -> RunRecord:
    """Set a run's display name, note, or whether listings hide it; None leaves a value alone.

    Raises:
        ConfigError: the name is empty or too long, or the note too long.
        CheckpointError: the folder cannot be written.
    """
    values, _ = read_annotations(folder)
    if name is not None:
        values["name"] = clean_name(name)
    if note is not None:
        if len(note) > NOTE_LIMIT:
            raise ConfigError(
                f"A note has at most {NOTE_LIMIT} characters, this one has {len(note)}: shorten it."
            )
        values["note"] = plain_note(note)
    if hidden is not None:
        values["hidden"] = hidden
    write_json(folder / "annotations.json", values)
    return read_record(folder)


def delete_run(record: RunRecord) -> None:
    """Delete a run folder for good; it leaves the listing at once, whole.

    Raises:
        LockedRun: a process is training it.
        CheckpointError: it is bundled, or not a run folder of ours.
    """
    if record.bundled:
        raise CheckpointError(f"'{record.name}' came with VAEScope and is read-only: hide it instead.")
    folder = record.folder
    if record.state == "foreign" or folder.is_symlink() or not (folder / "run.json").is_file():
        raise CheckpointError(
            f"'{record.id}' is not a run of VAEScope: delete it by hand if it is not needed."
        )
    if is_locked(folder):
        raise LockedRun(
            f"'{record.name}' is being trained by another process: stop that first, then delete it."
        )
    trash = folder.with_name(f".deleted-{folder.name}-{secrets.token_hex(3)}")
    try:
        folder.rename(trash)
        shutil.rmtree(trash)
    except OSError as error:
        raise CheckpointError(f"'{record.id}' could not be deleted: {error.strerror or error}.") from error
