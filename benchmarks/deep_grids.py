"""Sheets of 10 x 10 images: test images, draws of a VAE, draws of a conditional VAE, a column a class.

`python -m benchmarks.deep_grids VAE CVAE` makes deep-raw.png, deep-vae.png and deep-cvae.png, which RESULTS.md shows,
from two runs of the store, of `mnist-deep-vae` and of `mnist-deep-cvae`, 50 epochs each. Needs their data set.
"""

import argparse
from pathlib import Path

import numpy as np

from core.generation import prior_draws, sheet_png, under_every_label
from core.runs import Run, open_run

HERE = Path(__file__).resolve().parent
SIDE = 10
"""Images in a row, and rows"""
SEED = 0


def first_of_each(run: Run) -> np.ndarray:
    """The first ten test images of each of the run's classes, a row a class: (classes, 10, C, H, W) uint8."""
    test = run.images("test")
    rows = [np.flatnonzero(test.labels == label)[:SIDE] for label in range(len(run.class_names))]
    return test.pixels[np.stack(rows)]


def drawn(run: Run) -> np.ndarray:
    """Draws from the prior, decoded: (10, 10, C, H, W); of a run that is told labels row by row as every class."""
    if not run.needs_labels:
        return run.sample(SIDE * SIDE, SEED).reshape(SIDE, SIDE, *run.shape)
    classes = len(run.class_names)
    z, labels = under_every_label(prior_draws(SIDE, latent=run.latent, seed=SEED), classes=classes)
    return run.decode(z, labels).reshape(SIDE, classes, *run.shape)


def main(arguments: list[str] | None = None) -> None:
    """Make the three pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deep_grids", description=__doc__)
    parser.add_argument("vae", help="id of a run that is told no label")
    parser.add_argument("cvae", help="id of a run that is told the label")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to put them; benchmarks/")
    args = parser.parse_args(arguments)
    vae, cvae = open_run(args.vae), open_run(args.cvae)
    for name, images in (("raw", first_of_each(vae)), ("vae", drawn(vae)), ("cvae", drawn(cvae))):
        (args.folder / f"deep-{name}.png").write_bytes(sheet_png(images, gap=1))


if __name__ == "__main__":
    main()
