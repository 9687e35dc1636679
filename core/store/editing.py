"""What a person sets of a run: its display name, its note, its tags, and whether listings hide it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.errors import CheckpointError, ConfigError
from core.files import write_json
from core.store.names import NOTE_LIMIT, clean_name, clean_tag, clean_tags, plain_note
from core.store.records import RunRecord, read_annotations, read_record


def annotate(
    folder: Path,
    *,
    name: str | None = None,
    note: str | None = None,
    hidden: bool | None = None,
    tags: Iterable[str] | None = None,
) -> RunRecord:
    """Set a run's display name, note, tags, or whether listings hide it; None leaves a value alone.

    Raises:
        ConfigError: the name is empty or too long, the note too long, or a tag is none (`clean_tags`).
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
    if tags is not None:
        values["tags"] = list(clean_tags(tags))
    write_json(folder / "annotations.json", values)
    return read_record(folder)


def change_tags(
    records: Sequence[RunRecord], *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> list[RunRecord]:
    """Add tags to runs and remove others from them; what a run has or lacks already is left as it is.

    Everything is checked before the first run is written, so a refusal changes none.

    Returns:
        The runs as they are now, in the given order.

    Raises:
        ConfigError: a tag is none (`clean_tag`), is to be added and removed at once, or a run would have too many.
        CheckpointError: one is not a run of ours, or its folder cannot be written.
    """
    added, removed = ({clean_tag(tag) for tag in tags} for tags in (add, remove))
    if both := sorted(added & removed):
        raise ConfigError(f"Tag '{both[0]}' cannot be added and removed at once: choose one of the two.")
    for record in records:
        if record.state == "foreign":
            raise CheckpointError(f"'{record.id}' is not a run of VAEScope: only runs can be tagged.")
    # of the tags as they are now, which another process may have changed since the listing
    wanted = [clean_tags({*read_record(record.folder).tags, *added} - removed) for record in records]
    return [annotate(record.folder, tags=tags) for record, tags in zip(records, wanted, strict=True)]
