"""Pictures and films that commands write: samples, a traversal, a path through images, arithmetic."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.analysis.attributes import analogy
from core.analysis.pvalues import centre_and_spread
from core.cli.attributes import label_of
from core.cli.terminal import number, table
from core.errors import ConfigError, DataError
from core.files import atomic_write
from core.generation import (
    film_gif,
    film_positions,
    impossible_code,
    path,
    prior_draws,
    ranked,
    sheet_png,
    traversal,
    under_every_label,
)
from core.runs import Run

SIDE = 64
"""Pixels; images are enlarged by a whole factor to about this side"""
COLUMNS = 10
"""Samples in a row"""


def target(text: str, *, endings: Sequence[str], force: bool) -> Path:
    """Check a file's name before the work that would fill it.

    Raises:
        ConfigError: another ending, no such folder, or a file that is there and may not be replaced.
    """
    out = Path(text).expanduser()
    if out.suffix.lower() not in endings:
        raise ConfigError(f"'{out.name}' does not end in {' or '.join(endings)}: give --out such a name.")
    if not out.parent.is_dir():
        raise ConfigError(f"There is no folder '{out.parent}': make it first, or give --out another name.")
    if out.is_dir() or (out.exists() and not force):
        raise ConfigError(
            f"'{out}' is there already: give --out another name, or add --force to replace a file."
        )
    return out


def rows_of_text(text: str, *, least: int = 2) -> list[int]:
    """Read '3,17,40'.

    Raises:
        ConfigError: not whole numbers with commas between, or fewer than `least`, one or two.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < least or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        few = "two rows" if least == 2 else "one row"
        raise ConfigError(
            f"--rows cannot be '{text}': give {few} or more with commas between, such as 3,17,40."
        )
    return [int(part) for part in parts]


def told_of_text(run: Run, text: str | None) -> int | None:
    """Read --label, the name of a class; None where none was given.

    Raises:
        ConfigError: the run is told no label, or has no such class.
    """
    if text is None:
        return None
    if not run.needs_labels:
        raise ConfigError(
            f"Run '{run.name}' of family '{run.family.name}' is told no label: leave out --label."
        )
    return label_of(run, text)


def as_words(run: Run, labels: np.ndarray) -> str:
    """' as 3' or ' as 3, 5 and 3'; nothing for a run that is told no label."""
    if not run.needs_labels:
        return ""
    names = [run.class_names[label] for label in dict.fromkeys(labels.tolist())]
    return f" as {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else f" as {names[0]}"


def latents_of_rows(
    run: Run, rows: Sequence[int], *, split: str, told: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Encode images, by their rows in the source: means or codes, (N, L) float32, and labels to decode them as, (N,).

    These are the images' own, unless all are `told` to be of one class.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: the split has no such row.
    """
    images = run.images(split)
    unknown = [row for row in rows if row not in images.ids]
    if unknown:
        some = ", ".join(str(one) for one in images.ids[:3])
        raise DataError(
            f"The {split} images of '{run.config.dataset}' have no row {unknown[0]}: "
            + (f"their rows are {some}, ... {images.ids[-1]}." if some else "the run held none out.")
        )
    chosen = images.select(np.searchsorted(images.ids, rows))
    means = run.encode(chosen.pixels, chosen.labels)[0]
    return means, chosen.labels if told is None else np.full(len(chosen), told)


def traverse(
    run: Run,
    out: Path,
    *,
    row: int | None,
    split: str,
    steps: int,
    most: int | None,
    scale: int | None,
    label: str | None = None,
) -> list[str]:
    """Decode a traversal into a PNG; return what to print of it.

    Raises:
        DataMissing: the images are needed (a row, or codes without a prior) and not on this machine.
        CheckpointError: the weights are damaged, or the file cannot be written.
    """
    base, told = None, told_of_text(run, label)
    labels = np.array([told or 0])
    if row is not None:
        places, labels = latents_of_rows(run, [row], split=split, told=told)
        base = places[0]
    centre = spread = None
    stored = ((run.scores or {}).get("test") or {}).get("rate_per_dimension")
    worth, of = np.zeros(run.latent), "-"
    if run.has_posterior and stored is not None and len(stored) == run.latent:
        worth, of = np.asarray(stored, np.float64), "nats per image"
    elif not run.has_posterior:
        # nothing but the codes themselves says where they lie
        codes = run.latents(split).means
        centre, spread = centre_and_spread(codes)
        worth, of = codes.var(0, dtype=np.float64), "variance"
    order = ranked(worth)[:most]
    z = traversal(
        steps, latent=run.latent, dimensions=order.tolist(), base=base, centre=centre, spread=spread
    )
    images = run.decode(z.reshape(-1, run.latent), labels[0]).reshape(len(order), steps, *run.shape)
    atomic_write(out, sheet_png(images, scale=scale or _scale(run)))
    start = (
        f"{split} image {row}"
        if row is not None
        else "the origin"
        if run.has_posterior
        else "the average code"
    )
    lines = table(
        ("row", "dimension", of),
        [(number(k + 1), number(int(j) + 1), number(float(worth[j]))) for k, j in enumerate(order)],
        right=("row", "dimension", of),
    )
    said = (
        f"{len(order)} rows of {steps} images from {start}, most informative dimension first, are in {out}"
        f"{', decoded' if run.needs_labels else ''}{as_words(run, labels)}."
    )
    return [said, *filter(None, [impossible_code(run.family, z)]), "", *lines]


def interpolate(
    run: Run,
    out: Path,
    *,
    rows: Sequence[int],
    split: str,
    steps: int,
    spherical: bool,
    milliseconds: int,
    scale: int | None,
    label: str | None = None,
) -> list[str]:
    """Decode a path through images into a GIF or a PNG; return what to print of it.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: the split has no such row.
        CheckpointError: the weights are damaged, or the file cannot be written.
    """
    stops, labels = latents_of_rows(run, rows, split=split, told=told_of_text(run, label))
    centre = spread = None
    if spherical and not run.has_posterior:
        centre, spread = centre_and_spread(run.latents(split).means)
    z = path(stops, steps=steps, spherical=spherical, centre=centre, spread=spread)
    # a frame has the class of the nearer image, of two equally near ones the later
    nearer = np.floor(film_positions(len(rows), steps=steps) + 0.5).astype(int)
    frames = run.decode(z, labels[nearer])
    factor = scale or _scale(run)
    if out.suffix.lower() == ".gif":
        atomic_write(out, film_gif(frames, milliseconds=milliseconds, scale=factor))
    else:
        parts = [frames[k * steps : (k + 1) * steps + 1] for k in range(len(rows) - 1)]
        atomic_write(out, sheet_png(np.stack(parts), scale=factor))
    way = "spherical" if spherical else "straight"
    return [
        f"{len(frames)} images on a {way} path through {len(rows)} {split} images are in {out}"
        f"{', decoded' if run.needs_labels else ''}{as_words(run, labels)}.",
        *filter(None, [impossible_code(run.family, z)]),
    ]


def arithmetic(
    run: Run,
    out: Path,
    *,
    rows: Sequence[int],
    split: str,
    scale: int | None,
    label: str | None = None,
) -> list[str]:
    """Decode a, b, c and a - b + c of three images into a row of a PNG; return what to print of it.

    A run that is told labels decodes the result as the label of c.

    Raises:
        ConfigError: other than three rows.
        DataMissing: the data set is not on this machine.
        DataError: the split has no such row.
        CheckpointError: the weights are damaged, or the file cannot be written.
    """
    if len(rows) != 3:
        raise ConfigError(f"a - b + c is of three images, not {len(rows)}: give --rows three numbers.")
    (a, b, c), labels = latents_of_rows(run, rows, split=split, told=told_of_text(run, label))
    result = analogy(a, b, c)
    images = run.decode(np.stack([a, b, c, result]).astype(np.float32), labels[[0, 1, 2, 2]])
    atomic_write(out, sheet_png(images[None], scale=scale or _scale(run)))
    words = ", ".join(number(float(value), decimals=3) for value in result)
    return [
        f"{split} images {rows[0]}, {rows[1]} and {rows[2]} as a, b and c, decoded, and a - b + c, are in {out}.",
        f"a - b + c stands at {words}.",
        *([f"It is decoded{as_words(run, labels[2:])}."] if run.needs_labels else []),
        *filter(None, [impossible_code(run.family, result)]),
    ]


def sample(run: Run, out: Path, *, count: int, seed: int, label: str | None, scale: int | None) -> list[str]:
    """Decode draws from the prior into a PNG; return what to print of it.

    A run that is told labels decodes every draw as `label`, or, where none is given, as every class: one row a draw,
    one column a class.

    Raises:
        NotApplicable: the run has no prior.
        ConfigError: a label that the run is not told or does not have.
        CheckpointError: the weights are damaged, or the file cannot be written.
    """
    told = told_of_text(run, label)
    if run.needs_labels and told is None:
        classes = len(run.class_names)
        z, labels = under_every_label(prior_draws(count, latent=run.latent, seed=seed), classes=classes)
        images = run.decode(z, labels).reshape(count, classes, *run.shape)
        said = f"one row a draw, one column a class ({', '.join(run.class_names)}), are in {out}."
    else:
        made = run.sample(count, seed, told)
        columns = min(count, COLUMNS)
        blank = np.ones((-count % columns, *run.shape), made.dtype)
        images = np.concatenate([made, blank]).reshape(-1, columns, *run.shape)
        named = "" if told is None else f", decoded as {run.class_names[told]},"
        said = f"row by row{named} are in {out}."
    atomic_write(out, sheet_png(images, scale=scale or _scale(run)))
    return [f"{count} draws z ~ N(0, I) with seed {seed}, {said}"]


def _scale(run: Run) -> int:
    return max(1, round(SIDE / run.shape[-1]))
