"""From a path to a source, by what lies there."""

import os
import stat
from pathlib import Path

from core.data.own.arrays import open_arrays
from core.data.own.folders import open_folder, open_zip
from core.data.own.items import Source
from core.data.own.options import Limits, Options
from core.data.own.tables import open_vectors
from core.errors import DataError
from core.files import one_line

TABLES = (".csv", ".parquet")
FILES = (".npz", ".zip", *TABLES)


def open_source(path: Path, options: Options, limits: Limits, *, called: str = "") -> Source:
    """Look at what lies at a path: a folder of images, a zip of one, an npz, or a CSV or Parquet table.

    Args:
        path: where it lies.
        options: how to read it.
        limits: what it may hold.
        called: what a sentence calls it, where that is not the path's own name.

    Raises:
        DataError: nothing lies there, it is none of these, or it is not what its name says.
    """
    shown = one_line(called or path.name, limit=60) or one_line(path, limit=60)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise DataError(
            f"'{one_line(called or path)}' cannot be opened ({error.strerror}): check the path."
        ) from None
    if stat.S_ISDIR(mode):
        return open_folder(path, shown, options, limits)
    suffix = path.suffix.lower()
    if not stat.S_ISREG(mode) or suffix not in FILES:
        raise DataError(
            f"'{shown}' is nothing that can be added: give a folder of images, or a file that ends in "
            f"{', '.join(FILES)}."
        )
    if suffix == ".zip":
        return open_zip(path, shown, options, limits)
    if suffix == ".npz":
        if options.label is not None:
            raise DataError("An npz has its labels in the array 'labels': leave the label out.")
        return open_arrays(path, shown, limits)
    return open_vectors(path, shown, options, limits)
