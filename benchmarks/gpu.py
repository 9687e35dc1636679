"""Training on a CUDA device: seconds of the reference runs after warm-up, in fp32 and bf16.

`python -m benchmarks.gpu` writes its section of RESULTS.md; `--device cuda:1` takes another device. All images lie on
the device as uint8 before the clock starts; it stops when the device has done what it was asked. Each time is that of a
run's epochs after the first, and after as many again: the median of `REPEATS`. D and R of the run's last epoch stand
beside it, and those of the CPU's first epoch beside the device's first: a fast run that learns something else is no
run. Needs MNIST and Fashion-MNIST in VAESCOPE_DATA.
"""

import argparse
import os
import statistics
import time
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from benchmarks import bench
from core.data import catalog
from core.data.images import pad
from core.device import choose_device, placed
from core.encoding import build_model
from core.errors import VAEScopeError
from core.recipes import recipe
from core.training.loop import epochs

TITLE = "## Training on a GPU"
WARM = 1
"""Epochs before the clock starts: kernels are loaded and memory is taken"""
REPEATS = 5


@dataclass(frozen=True)
class Aim:
    """A reference run."""

    recipe: str
    epochs: int
    seconds: float
    """Wanted on one NVIDIA H200, after warm-up"""


AIMS = (Aim("mnist-mlp-vae", 10, 1.0), Aim("fashion-conv-vae", 5, 2.0))


@dataclass(frozen=True)
class Figure:
    """What was measured of a run."""

    seconds: float
    """Of so many epochs after warm-up, the median"""
    spread: tuple[float, float]
    """The least and the most"""
    first: float
    """D + R of the first epoch, nats per image, while the weights moved"""
    last: float
    """The same of the last epoch of the first of these"""
    peak: float
    """GB of the device's memory at most; NaN where the device does not count"""


def images(name: str) -> np.ndarray:
    """The training images of a recipe, padded as it wants: uint8 (N, C, H, W)."""
    config = recipe(name).config
    return np.ascontiguousarray(pad(catalog.load(config.dataset, "train").pixels, config.pad))


def measured(name: str, pixels: np.ndarray, *, count: int, device: str, precision: str) -> Figure:
    """Train `WARM` epochs, then `count` on the clock.

    Raises:
        ConfigError: the device is not here, or cannot compute in that precision.
    """
    config = recipe(name).config.with_settings({"epochs": 1_000, "precision": precision})
    torch.manual_seed(0)
    place = choose_device(device)
    on_gpu = place.type == "cuda"
    model = placed(build_model(config, pixels.shape[1:]), place)  # type: ignore[arg-type]
    there = torch.tensor(pixels, device=place)
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(place)
    rows = epochs(model, there, config)
    losses = [row["train"]["distortion"] + row["train"]["rate"] for row in islice(rows, WARM)]
    taken = []
    for _ in range(REPEATS if count else 0):
        _done(place)
        start = time.perf_counter()
        losses += [row["train"]["distortion"] + row["train"]["rate"] for row in islice(rows, count)]
        _done(place)
        taken.append(time.perf_counter() - start)
    seconds, spread = (statistics.median(taken), (min(taken), max(taken))) if taken else (0.0, (0.0, 0.0))
    peak = torch.cuda.max_memory_allocated(place) / 1e9 if on_gpu else float("nan")
    return Figure(seconds, spread, losses[0], losses[WARM + count - 1], peak)


def _done(place: torch.device) -> None:
    """Wait until the device has done what it was asked."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def main(arguments: list[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    device = parser.parse_args(arguments).device
    try:
        choose_device(device)
    except VAEScopeError as error:
        raise SystemExit(f"{error} Nothing was measured.") from error
    load, lines = os.getloadavg()[0], []
    for aim in AIMS:
        pixels = images(aim.recipe)
        cpu = measured(aim.recipe, pixels, count=0, device="cpu", precision="fp32")
        for precision in ("fp32", "bf16"):
            one = measured(aim.recipe, pixels, count=aim.epochs, device=device, precision=precision)
            lines.append(
                f"| `{aim.recipe}`, {precision} | {aim.epochs} | {one.seconds:.2f} "
                f"({one.spread[0]:.2f} to {one.spread[1]:.2f}) | {aim.seconds:.0f} "
                f"| {len(pixels) * aim.epochs / one.seconds:,.0f} | {one.peak:.2f} "
                f"| {one.first:.2f} ({cpu.first:.2f}) | {one.last:.2f} |"
            )
            print(lines[-1], flush=True)
    bench.write(
        TITLE,
        [
            f"`python -m benchmarks.gpu`: epochs after {WARM} to warm up, without held-out scores or files; the median "
            f"of {REPEATS} (the least to the most).",
            bench.host(load, "torch", "numpy", card=bench.card(device)),
            "",
            "| recipe | epochs | seconds, lower is better | wanted on one H200 | images/s | GB at most "
            "| D + R of the first epoch (CPU, fp32), nats per image | of the last epoch |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
            *lines,
        ],
    )


if __name__ == "__main__":
    main()
