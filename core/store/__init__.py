"""The store: run folders, listed, described, annotated, moved to the trash and back. No torch, no arrays.

`run.json` is the commit point of a run: replaced whole, and last. What a person sets later (name, note, tags, hidden)
lives in `annotations.json`, so that a tracked, bundled run is never changed by looking at it.
"""

from core.store.documents import FORMAT, NAME_LIMIT, DataDocument, NewerFormat, RunDocument
from core.store.editing import annotate, change_tags
from core.store.folder import (
    HISTORY_LIMIT,
    append_history,
    create_folder,
    default_store,
    disk_use,
    is_locked,
    now,
    read_history,
    run_lock,
    size_text,
    store_folder,
    write_document,
)
from core.store.names import ID_PATTERN, NOTE_LIMIT, TAG_LIMIT, TAGS_LIMIT, clean_name, clean_tag, new_id
from core.store.records import (
    LOOKS,
    UNREADABLE,
    RunRecord,
    find,
    first_of,
    list_runs,
    read_record,
    scores_remedy,
    scoring_command,
    sound_scores,
    why_no_scores,
)
from core.store.trash import (
    TRASH,
    TrashEntry,
    delete_run,
    list_trash,
    purge,
    restore_run,
    why_not_deleted,
)

__all__ = [
    "FORMAT",
    "HISTORY_LIMIT",
    "ID_PATTERN",
    "LOOKS",
    "NAME_LIMIT",
    "NOTE_LIMIT",
    "TAGS_LIMIT",
    "TAG_LIMIT",
    "TRASH",
    "UNREADABLE",
    "DataDocument",
    "NewerFormat",
    "RunDocument",
    "RunRecord",
    "TrashEntry",
    "annotate",
    "append_history",
    "change_tags",
    "clean_name",
    "clean_tag",
    "create_folder",
    "default_store",
    "delete_run",
    "disk_use",
    "find",
    "first_of",
    "is_locked",
    "list_runs",
    "list_trash",
    "new_id",
    "now",
    "purge",
    "read_history",
    "read_record",
    "restore_run",
    "run_lock",
    "scores_remedy",
    "scoring_command",
    "size_text",
    "sound_scores",
    "store_folder",
    "why_no_scores",
    "why_not_deleted",
    "write_document",
]
