"""What is said of selections, as JSON and as text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.analysis.queries import UNLABELLED, extremes, per_image, worst_first_by
from core.analysis.scores import SCORES
from core.cli.terminal import number, shorten, table
from core.data.images import SPLITS
from core.latents import Latents, concatenated
from core.runs import Run
from core.store import Selection, selection_document

NAME_COLUMNS = 32
"""Columns of a name in the table."""


def images(count: int) -> str:
    """A number of images: '1 image', '2 images'."""
    return f"{count:,} image{'' if count == 1 else 's'}"


def splits(selection: Selection) -> str:
    """Images of each split: '30 test, 7 train'."""
    return ", ".join(f"{len(rows):,} {split}" for split, rows in selection.rows.items())


def document(selection: Selection) -> dict[str, Any]:
    """One object of `selections list --json`; of a broken one its id and the reason."""
    if selection.reason is not None:
        return {"id": selection.id, "reason": selection.reason}
    return {"id": selection.id, "images": len(selection), **selection_document(selection)}


def table_lines(found: Sequence[Selection]) -> list[str]:
    """The table of selections, and the reasons of broken ones."""
    rows = [
        (
            one.id,
            shorten(one.name, NAME_COLUMNS),
            one.dataset,
            f"{len(one):,}",
            splits(one),
            one.run or "-",
            one.created.removesuffix("+00:00").replace("T", " "),
        )
        for one in found
        if one.readable
    ]
    header = ("id", "name", "data", "images", "splits", "made on", "made (UTC)")
    broken = [f"'{one.id}' cannot be used: {one.reason}" for one in found if not one.readable]
    return [
        *(table(header, rows, right=("images",)) if rows else []),
        *([""] if rows and broken else []),
        *broken,
    ]


def describe(
    selection: Selection, run: Run | None, tables: Sequence[Latents], *, k: int = 5
) -> dict[str, Any]:
    """Describe a selection, and its images as a run has them: JSON, in nats per image.

    Args:
        selection: a readable one.
        run: of the same data; None: what the file says alone.
        tables: its images in that run, one table a split, with splits.
        k: images listed as worst and as best.
    """
    found: dict[str, Any] = {
        **document(selection),
        "classes": None,
        "scores": None,
        "worst": None,
        "best": None,
    }
    if run is None:
        return found
    found["run"], found["made_on"] = run.id, selection.run
    labels = np.concatenate([one.labels for one in tables]) if tables else np.zeros(0, np.int64)
    found["classes"] = [
        {"label": name, "images": count}
        for name, count in ((name, int((labels == label).sum())) for label, name in _names(run))
        if count
    ]
    found["images_in_run"] = len(labels)
    if not len(labels):
        return found
    by = worst_first_by(tables[0])
    scores = {name: np.concatenate([per_image(one, name) for one in tables]) for name in _scores(tables[0])}
    found["scores"] = {name: float(values.mean()) for name, values in scores.items()}
    found["ordered_by"] = by
    joined = concatenated(tables)
    for name, rows in zip(("worst", "best"), extremes(joined, by, k), strict=True):
        found[name] = [
            {
                "split": SPLITS[int(joined.splits[row])],  # type: ignore[index]
                "row": int(joined.ids[row]),
                "label": run.class_names[joined.labels[row]] if joined.labels[row] >= 0 else None,
                **{score: float(values[row]) for score, values in scores.items()},
            }
            for row in rows
        ]
    return found


def _names(run: Run) -> list[tuple[int, str | None]]:
    return [*enumerate(run.class_names), (-1, None)]


def _scores(latents: Latents) -> tuple[str, ...]:
    return ("distortion",) if latents.rate is None else ("distortion", "rate", "negative_elbo")


def lines(found: dict[str, Any]) -> list[str]:
    """Say what `describe` found, for people."""
    counts = ", ".join(f"{len(rows):,} {split}" for split, rows in found["rows"].items())
    said = [
        f"{found['name']} ({found['id']})",
        f"{images(found['images'])} of {found['dataset']}: {counts}. Made {found['created']} (UTC).",
        f"{found['origin']}",
    ]
    if found["classes"] is None:
        return [
            *said,
            "It was made on no run: name one of the same data with --run to see its classes and scores.",
        ]
    missing = found["images"] - found["images_in_run"]
    if missing:
        said.append(f"{images(missing)} of it are none of run '{found['run']}'.")
    rows = [(one["label"] or UNLABELLED, f"{one['images']:,}") for one in found["classes"]]
    said += ["", *table(("label", "images"), rows, right=("images",))]
    if found["scores"] is None:
        return said
    means = ", ".join(f"{SCORES[name].title} {value:.3f}" for name, value in found["scores"].items())
    said += ["", f"In run '{found['run']}', averages in nats per image: {means}."]
    for name in ("worst", "best"):
        said += ["", f"The {name} by {SCORES[found['ordered_by']].title} (lower is better), nats per image:"]
        said += _image_table(found[name], tuple(found["scores"]))
    return said


def _image_table(rows: Sequence[dict[str, Any]], scores: Sequence[str]) -> list[str]:
    titles = [SCORES[name].title for name in scores]
    cells = [
        (
            one["split"],
            f"{one['row']}",
            one["label"] or UNLABELLED,
            *(number(one[name], decimals=3) for name in scores),
        )
        for one in rows
    ]
    return table(("split", "row", "label", *titles), cells, right=("row", *titles))
