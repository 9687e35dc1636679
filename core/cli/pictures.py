"""Pictures and films that commands write: a traversal, a path through images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.analysis.attributes import analogy
from core.analysis.pvalues import centre_and_spread
from core.cli.terminal import number, table
from core.errors import ConfigError, DataError
from core.files import atomic_write
from core.generation import film_gif, path, ranked, sheet_png, traversal
from core.runs import Run

SIDE = 64
"""Pixels; images are enlarged by a whole factor to about this side"""


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


def latents_of_rows(run: Run, rows: Sequence[int], *, split: str) -> np.ndarray:
    """Encode images, by their rows in the source: means or codes, (N, L) float32.

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
    return run.encode(images.pixels[np.searchsorted(images.ids, rows)])[0]


def traverse(
    run: Run, out: Path, *, row: int | None, split: str, steps: int, most: int | None, scale: int | None
) -> list[str]:
    """Decode a traversal into a PNG; return what to print of it.

    Raises:
        DataMissing: the images are needed (a row, or codes without a prior) and not on this machine.
        CheckpointError: the weights are damaged, or the file cannot be written.
    """
    base = None if row is None else latents_of_rows(run, [row], split=split)[0]
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
    images = run.decode(z.reshape(-1, run.latent)).reshape(len(order), steps, *run.shape)
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
        f"{len(order)} rows of {steps} images from {start}, most informative dimension first, are in {out}."
    )
    return [said, "", *lines]


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
) -> list[str]:
    """Decode a path through images into a GIF or a PNG; return what to print of it.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: the split has no such row.
        CheckpointError: the weights are damaged, or the file cannot be written.
    """
    stops = latents_of_rows(run, rows, split=split)
    centre = spread = None
    if spherical and not run.has_posterior:
        centre, spread = centre_and_spread(run.latents(split).means)
    z = path(stops, steps=steps, spherical=spherical, centre=centre, spread=spread)
    frames = run.decode(z)
    factor = scale or _scale(run)
    if out.suffix.lower() == ".gif":
        atomic_write(out, film_gif(frames, milliseconds=milliseconds, scale=factor))
    else:
        parts = [frames[k * steps : (k + 1) * steps + 1] for k in range(len(rows) - 1)]
        atomic_write(out, sheet_png(np.stack(parts), scale=factor))
    way = "spherical" if spherical else "straight"
    return [f"{len(frames)} images on a {way} path through {len(rows)} {split} images are in {out}."]


def arithmetic(run: Run, out: Path, *, rows: Sequence[int], split: str, scale: int | None) -> list[str]:
    """Decode a, b, c and a - b + c of three images into a row of a PNG; return what to print of it.

    Raises:
        ConfigError: other than three rows.
        DataMissing: the data set is not on this machine.
        DataError: the split has no such row.
        CheckpointError: the weights are damaged, or the file cannot be written.
    """
    if len(rows) != 3:
        raise ConfigError(f"a - b + c is of three images, not {len(rows)}: give --rows three numbers.")
    a, b, c = latents_of_rows(run, rows, split=split)
    result = analogy(a, b, c)
    images = run.decode(np.stack([a, b, c, result]).astype(np.float32))
    atomic_write(out, sheet_png(images[None], scale=scale or _scale(run)))
    words = ", ".join(number(float(value), decimals=3) for value in result)
    return [
        f"{split} images {rows[0]}, {rows[1]} and {rows[2]} as a, b and c, decoded, and a - b + c, are in {out}.",
        f"a - b + c stands at {words}.",
    ]


def _scale(run: Run) -> int:
    return max(1, round(SIDE / run.shape[-1]))
