"""The tutorial loop's images, prepared one by one, beside torchvision's own, whose steps they are said to take.

`python -m benchmarks.pictures` writes its section of RESULTS.md, and stops where the two give other tensors. It wants
torchvision, torch, numpy and Pillow alone, of any versions that go together, and MNIST in VAESCOPE_DATA.
"""

import gzip
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks import bench
from benchmarks.rivals import Pictures

try:
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor
except (ImportError, RuntimeError) as error:  # the second where it was built for another torch
    raise SystemExit(
        f"torchvision does not load here ({error}): install it with a torch of its own."
    ) from None

TITLE = "## Images of the tutorial loop"

ROUNDS = 7
BATCH = 128


def _read(name: str, header: int) -> np.ndarray:
    """The bytes of an IDX file after its header."""
    path = Path(os.environ.get("VAESCOPE_DATA", "data")) / "mnist" / name
    try:
        return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)
    except FileNotFoundError:
        raise SystemExit(f"There is no {path}: set VAESCOPE_DATA to the folder of the data sets.") from None


def _theirs(pixels: np.ndarray, labels: np.ndarray) -> MNIST:
    """Torchvision's data set over arrays that are there already: it would look for files of its own."""
    made = MNIST.__new__(MNIST)
    made.data, made.targets = torch.from_numpy(pixels), torch.from_numpy(labels)
    made.transform, made.target_transform = ToTensor(), None
    return made


def main() -> None:
    """Compare and write."""
    load = os.getloadavg()[0]
    pixels = _read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28).copy()
    labels = _read("train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    sets: dict[str, Dataset] = {
        "benchmarks.rivals": Pictures(pixels, labels),
        "torchvision": _theirs(pixels, labels),
    }
    for row in range(0, len(pixels), 97):
        (ours, label), (theirs, target) = (one[row] for one in sets.values())
        if not torch.equal(ours, theirs) or (type(label), label) != (type(target), target):
            raise SystemExit(f"Image {row} is not the same in both.")
    seconds: dict[str, list[float]] = {name: [] for name in sets}
    for _ in range(ROUNDS):
        for name, images in sets.items():
            start = time.perf_counter()
            for _ in DataLoader(images, batch_size=BATCH, shuffle=True):
                pass
            seconds[name].append(time.perf_counter() - start)
    rows = [
        f"| {name} | {middle:.2f} | {low:.2f} to {high:.2f} |"
        for name, times in seconds.items()
        for low, middle, high in [np.percentile(times[1:], [0, 50, 100])]
    ]
    print("\n".join(rows))
    bench.write(
        TITLE,
        [
            f"`python -m benchmarks.pictures`: seconds in which a DataLoader hands out MNIST's {len(pixels):,} images "
            f"in batches of {BATCH}, lower is better; medians of {ROUNDS - 1} after the first. The loop of "
            "`benchmarks.training` has those of `benchmarks.rivals`, as torchvision of the package index does not load "
            "beside a CPU build of torch: the same tensors, bit for bit (every 97th was compared).",
            bench.host(load, "torch", "torchvision", "numpy", "pillow"),
            "",
            "| images of | seconds | least and most |",
            "|---|--:|--:|",
            *rows,
        ],
    )


if __name__ == "__main__":
    main()
