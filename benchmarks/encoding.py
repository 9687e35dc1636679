"""A split through a model, with all default scores: images a second, and memory that does not grow with their number.

`python -m benchmarks.encoding` writes its section of RESULTS.md. Needs MNIST in VAESCOPE_DATA. Each figure is of a
process of its own.
"""

import os
import statistics
import subprocess
import sys

from benchmarks import bench

TITLE = "## Encoding and scores"
TIMES = (1, 4)
"""How often the 70,000 images are repeated"""
REPEATS = 3
RUN = """
import sys, time
import numpy as np
import torch
from core.data import catalog
from core.device import choose_device, placed
from core.encoding import build_model, encode_split, split_noise
from core.recipes import recipe
from core.scoring import split_scores
name, times = sys.argv[1], int(sys.argv[2])
config = recipe(name).config
device = choose_device("cpu")
parts = [catalog.load("mnist", split).pixels for split in ("train", "test")]
pixels = torch.from_numpy(np.tile(np.concatenate(parts), (times, 1, 1, 1)))
del parts
torch.manual_seed(0)
model = placed(build_model(config, tuple(pixels.shape[1:])), device)
noise = split_noise(len(pixels), config.latent, seed=0, split="train")

def told(key):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1e6

encode_split(model, pixels[:2000], config, noise=noise[:2000])
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew: proc(5)
before, start = told("VmRSS"), time.perf_counter()
encoded = encode_split(model, pixels, config, noise=noise)
split_scores(encoded, config, pixels=784)
print(len(pixels) / (time.perf_counter() - start), told("VmHWM") - before)
"""
NAMES = ("mnist-mlp-vae", "mnist-conv-vae")


def measured(name: str, times: int) -> tuple[float, float]:
    """Images a second, encoded, decoded twice and scored; and GB beyond what holds images, noise and model."""
    words = [sys.executable, "-c", RUN, name, str(times)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return float(told[0]), float(told[1])


def main() -> None:
    """Measure, write."""
    load = os.getloadavg()[0]
    lines = []
    for name in NAMES:
        few, many = ([measured(name, times) for _ in range(REPEATS)] for times in TIMES)
        speed = statistics.median(one[0] for one in few)
        peaks = [max(one[1] for one in some) for some in (few, many)]
        lines.append(f"| `{name}` | {speed:,.0f} | {peaks[0]:.2f} | {peaks[1]:.2f} |")
        print(lines[-1], flush=True)
    bench.write(
        TITLE,
        [
            "`python -m benchmarks.encoding`: the 70,000 images of MNIST through an untrained model, D, R, "
            "reconstruction at the mean, entropy and every default score. Memory is what a process grows by at most "
            "while it does so, GB, the results of each image among it.",
            bench.host(load, "torch", "numpy"),
            "",
            "| recipe | images/s, higher is better | GB for 70,000 | GB for 280,000 |",
            "|---|--:|--:|--:|",
            *lines,
        ],
    )


if __name__ == "__main__":
    main()
