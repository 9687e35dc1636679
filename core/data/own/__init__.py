"""A person's own data: images of a folder, zip or npz, and vectors of a table, added once and loaded like any data set.

`stage` makes a place, `start` begins to read in a process of its own, `wait` ends with a data set that is ready.
"""

from core.data.own.building import work
from core.data.own.importing import Sample, again, forget_look, read_sample, start, wait
from core.data.own.library import (
    Document,
    OwnSet,
    arrays,
    clean_data_name,
    delete_own,
    find_own,
    left_out,
    list_own,
    own_folder,
    stage,
)
from core.data.own.options import Limits, Options

__all__ = [
    "Document",
    "Limits",
    "Options",
    "OwnSet",
    "Sample",
    "again",
    "arrays",
    "clean_data_name",
    "delete_own",
    "find_own",
    "forget_look",
    "left_out",
    "list_own",
    "own_folder",
    "read_sample",
    "stage",
    "start",
    "wait",
    "work",
]
