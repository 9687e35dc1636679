"""The store: run folders, listed, described, annotated, deleted. No torch, no arrays.

`run.json` is the commit point of a run: replaced whole, and last. What a person sets later (name, note, hidden)
lives in `annotations.json`, so that a tracked, bundled run is never changed by looking at it.
"""

from core.store.documents import FORMAT, NAME_LIMIT, DataDocument, NewerFormat, RunDocument
from core.store.editing import annotate, delete_run
from core.store.folder import (
    HISTORY_LIMIT,
    append_history,
    create_folder,
    default_store,
    is_locked,
    now,
    read_history,
    run_lock,
    store_folder,
    write_document,
)
from core.store.names import ID_PATTERN, NOTE_LIMIT, clean_name, new_id
from core.store.records import (
    UNREADABLE,
    RunRecord,
    find,
    list_runs,
    read_record,
    scores_remedy,
    scoring_command,
    sound_scores,
)

__all__ = [
    "FORMAT",
    "HISTORY_LIMIT",
    "ID_PATTERN",
    "NAME_LIMIT",
    "NOTE_LIMIT",
    "UNREADABLE",
    "DataDocument",
    "NewerFormat",
    "RunDocument",
    "RunRecord",
    "annotate",
    "append_history",
    "clean_name",
    "create_folder",
    "default_store",
    "delete_run",
    "find",
    "is_locked",
    "list_runs",
    "new_id",
    "now",
    "read_history",
    "read_record",
    "run_lock",
    "scores_remedy",
    "scoring_command",
    "sound_scores",
    "store_folder",
    "write_document",
]
