"""A split through a model, with all default scores: images a second, and memory that does not grow with their number.

`python -m benchmarks.encoding` writes its section of RESULTS.md; `--device cuda` one of a GPU. Needs MNIST in
VAESCOPE_DATA. Each figure is of a process of its own.
"""

import argparse
import os
import statistics
import subprocess
import sys

from benchmarks import bench
from core.device import choose_device

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
name, times, where = sys.argv[1], int(sys.argv[2]), sys.argv[3]
config = recipe(name).config
device = choose_device(where)
parts = [catalog.load("mnist", split).pixels for split in ("train", "test")]
pixels = torch.from_numpy(np.tile(np.concatenate(parts), (times, 1, 1, 1))).to(device)
del parts
torch.manual_seed(0)
model = placed(build_model(config, tuple(pixels.shape[1:])), device)
noise = split_noise(len(pixels), config.latent, seed=0, split="train")

def told(key):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1e6

on_gpu = device.type == "cuda"
encode_split(model, pixels[:2000], config, noise=noise[:2000])
if on_gpu:
    torch.cuda.reset_peak_memory_stats(device)
    held = torch.cuda.memory_allocated(device)
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew: proc(5)
before, start = told("VmRSS"), time.perf_counter()
encoded = encode_split(model, pixels, config, noise=noise)
split_scores(encoded, config, pixels=784)
print(len(pixels) / (time.perf_counter() - start), told("VmHWM") - before)
print((torch.cuda.max_memory_allocated(device) - held) / 1e9 if on_gpu else 0.0)
"""
NAMES = ("mnist-mlp-vae", "mnist-conv-vae")


def measured(name: str, times: int, device: str) -> tuple[float, ...]:
    """Images a second, encoded, decoded twice and scored; GB beyond what holds images, noise and model; of a GPU."""
    words = [sys.executable, "-c", RUN, name, str(times), device]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return tuple(map(float, told))


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.encoding", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    on_gpu = choose_device(device).type == "cuda"
    load, lines = os.getloadavg()[0], []
    for name in NAMES:
        few, many = ([measured(name, times, device) for _ in range(REPEATS)] for times in TIMES)
        speed = statistics.median(one[0] for one in few)
        peaks = [max(one[k] for one in some) for k in ((1, 2) if on_gpu else (1,)) for some in (few, many)]
        lines.append(f"| `{name}` | {speed:,.0f} | {' | '.join(f'{peak:.2f}' for peak in peaks)} |")
        print(lines[-1], flush=True)
    more = " the GPU's GB for 70,000 | for 280,000 |" if on_gpu else ""
    bench.write(
        TITLE + " on a GPU" if on_gpu else TITLE,
        [
            f"`python -m benchmarks.encoding{' --device cuda' if on_gpu else ''}`: the 70,000 images of MNIST through "
            "an untrained model, D, R, reconstruction at the mean, entropy and every default score. Memory is what a "
            "process grows by at most while it does so, GB, the results of each image among it.",
            bench.host(load, "torch", "numpy", **({"card": bench.card(device)} if on_gpu else {})),
            "",
            f"| recipe | images/s, higher is better | GB for 70,000 | GB for 280,000 |{more}",
            f"|---|--:|--:|--:|{'--:|--:|' if on_gpu else ''}",
            *lines,
        ],
    )


if __name__ == "__main__":
    main()
