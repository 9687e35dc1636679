"""Adding a person's own data: 60,000 JPEGs beside a plain loop, and a run on images that memory does not allow.

`python -m benchmarks.own_data` writes its section of RESULTS.md. All in one process, one after another, but for the two
runs, whose memory is that of a process each.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import bench
from core.data import own
from core.data.own.building import build
from core.data.own.opening import open_source

TITLE = "## Own data"
JPEGS, CLASSES, SIDE = 60_000, 10, 32
LARGE = 300_000
"""Images of the two runs, 32 x 32 RGB: 0.92 GB"""
NARROW = 300_000_000
"""Bytes that an array may take in the second run"""
RUN = """
import sys
from core.config import RunConfig
from core.data import room
from core.training.run import train
if sys.argv[2] != "all":
    most = int(sys.argv[2])
    room.most_bytes = lambda: most
settings = {"dataset": "large", "epochs": 1, "hidden": (32,), "batch_size": 1000, "threads": 1, "device": "cpu"}
train(RunConfig.make(settings), store=sys.argv[1], keep_latents=False)
"""


def make_jpegs(folder: Path) -> None:
    """Write smooth random images, ten folders of them."""
    generator = np.random.default_rng(0)
    for k in range(CLASSES):
        (folder / f"class {k}").mkdir(parents=True)
    for k in range(JPEGS):
        small = Image.fromarray(generator.integers(0, 256, (8, 8, 3)).astype(np.uint8))
        picture = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"class {k % CLASSES}" / f"{k:05d}.jpg", quality=90)


def plain_loop(folder: Path, out: Path) -> float:
    """Seconds of what a person would write: walk, open, stack, save."""
    start = time.perf_counter()
    paths = sorted(folder.rglob("*.jpg"))
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    names = sorted({path.parent.name for path in paths})
    labels = np.array([names.index(path.parent.name) for path in paths])
    np.savez(out, images=pixels, labels=labels)
    return time.perf_counter() - start


def added(name: str, source: Path) -> float:
    """Seconds of an import in this process: reading, splitting, storing, its fingerprint."""
    start = time.perf_counter()
    made = own.stage(name, source, own.Options(), own.Limits(), look=False, builtin=())
    opened = open_source(source, made.request.options, made.request.limits)
    build(made.folder, made.request, opened, lambda *_: None)
    return time.perf_counter() - start


def run(store: Path, most: str) -> tuple[float, float]:
    """Seconds, and the most GB of memory not mapped from files, of a run in a process of its own."""
    return bench.watched([sys.executable, "-c", RUN, str(store), most])


def main() -> None:
    """Prepare, measure, write."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="vaescope-own-") as name:
        folder = Path(name)
        os.environ["VAESCOPE_DATA"] = str(folder / "data")
        make_jpegs(folder / "jpegs")
        loop = plain_loop(folder / "jpegs", folder / "loop.npz")
        ours = added("jpegs", folder / "jpegs")
        print(f"{JPEGS} JPEGs: plain loop {loop:.1f} s, added {ours:.1f} s", flush=True)
        pixels = np.random.default_rng(0).integers(0, 256, (LARGE, SIDE, SIDE, 3), dtype=np.uint8)
        np.savez(folder / "large.npz", images=pixels)
        size = pixels.nbytes / 1e9
        del pixels
        npz = added("large", folder / "large.npz")
        whole = run(folder / "checkpoints", "all")
        mapped = run(folder / "checkpoints", str(NARROW))
    bench.write(
        TITLE,
        [
            "`python -m benchmarks.own_data`, seconds, lower is better.",
            bench.host(load, "torch", "pillow", "numpy"),
            "",
            "| what | seconds | beside it | wanted |",
            "|---|--:|---|--:|",
            f"| {JPEGS:,} JPEG files of {SIDE} x {SIDE} RGB in {CLASSES} folders, added | {ours:.1f} | a plain loop of "
            f"Pillow and numpy {loop:.1f}: {ours / loop:.2f} times its time, with split, fingerprint and notes to go "
            "on from | 120 |",
            f"| {LARGE:,} images of {SIDE} x {SIDE} RGB ({size:.2f} GB) of an npz, added | {npz:.1f} | | - |",
            f"| one epoch on them and all scores, in memory | {whole[0]:.1f} | {whole[1]:.2f} GB of memory of its own "
            "at most | - |",
            f"| the same, where an array may take {NARROW / 1e9:.1f} GB and is mapped | {mapped[0]:.1f} | "
            f"{mapped[1]:.2f} GB | - |",
        ],
    )


if __name__ == "__main__":
    main()
