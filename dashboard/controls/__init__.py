"""Pickers, guards and frames used by more than one page."""

from dashboard.controls.choices import (
    coordinate,
    coordinate_value,
    number,
    pick_show,
    pick_splits,
    segmented,
    select,
    step_slider,
    toggle,
)
from dashboard.controls.frames import csv_bytes, download_csv, figure, picture
from dashboard.controls.needs import Bar, need_data, need_latents, sprites
from dashboard.controls.runs import (
    DEFAULT_RUN,
    default_run,
    empty_store,
    pick_run,
    pick_runs,
    run_titles,
    usable_runs,
)
from dashboard.controls.words import go, guarded, how_to_read, is_dark, plain, show_number

__all__ = [
    "DEFAULT_RUN",
    "Bar",
    "coordinate",
    "coordinate_value",
    "csv_bytes",
    "default_run",
    "download_csv",
    "empty_store",
    "figure",
    "go",
    "guarded",
    "how_to_read",
    "is_dark",
    "need_data",
    "need_latents",
    "number",
    "pick_run",
    "pick_runs",
    "pick_show",
    "pick_splits",
    "picture",
    "plain",
    "run_titles",
    "segmented",
    "select",
    "show_number",
    "sprites",
    "step_slider",
    "toggle",
    "usable_runs",
]
