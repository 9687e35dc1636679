"""The sheets of images that the results show, made from other runs: each tile against what it is of."""

from pathlib import Path

import numpy as np
from PIL import Image

import core
from benchmarks.deep_grids import main

VAE, CVAE = "bundled-digits-beta-1", "bundled-digits-cvae"


def test_the_sheets_are_of_the_runs_named(bundled_store: Path, tmp_path: Path) -> None:
    main([VAE, CVAE, "--folder", str(tmp_path)])
    raw, free, told = (
        np.asarray(Image.open(tmp_path / f"deep-{name}.png")).astype(int) for name in ("raw", "vae", "cvae")
    )
    assert raw.shape == free.shape == told.shape == (10 * 9 - 1, 10 * 9 - 1)

    def tile(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
        return sheet[row * 9 : row * 9 + 8, column * 9 : column * 9 + 8]

    vae, cvae = core.open_run(VAE), core.open_run(CVAE)
    test = vae.images("test")
    sevens = [k for k, label in enumerate(test.labels) if label == 7]
    np.testing.assert_array_equal(tile(raw, 7, 3), test.pixels[sevens[3], 0])
    np.testing.assert_allclose(tile(free, 2, 5), 255 * vae.sample(100, 0)[25, 0], atol=0.51)
    np.testing.assert_allclose(tile(told, 4, 6), 255 * cvae.sample(10, 0, 6)[4, 0], atol=0.51)
