"""Epochs of training beside what a user would run instead: the tutorial's loop, pythae, Keras, and the bare arithmetic.

`python -m benchmarks.training` writes its section of RESULTS.md; `--only mnist-mlp-vae` measures one recipe and prints.
The contenders of a recipe run in one process and take turns, so that a slow moment meets all of them: a turn is an
epoch of a part of the images, as a shared machine's speed may change by half within seconds. Medians are over the
rounds after the first, which holds what is done once; a ratio is the median of those of the rounds. Where the CPU
multiplies in bf16, VAEScope takes a turn with that too. Pythae and TensorFlow are no packages of the project: where
they are not installed, their rows say so. Needs MNIST and Fashion-MNIST in VAESCOPE_DATA.
"""

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks import bench, rivals
from core.data import catalog
from core.data.images import pad
from core.device import choose_device, placed, reusing_memory
from core.encoding import build_model
from core.recipes import recipe
from core.training.loop import epochs
from core.training.run import train

TITLE = "## Training"
OURS, BF16, FLOOR, TUTORIAL, PYTHAE, KERAS = (
    "VAEScope",
    "VAEScope in bf16",
    "bare arithmetic",
    "tutorial loop",
    "pythae",
    "Keras",
)
OPTIONAL = (PYTHAE, KERAS)
KERAS_OVER_BF16 = 1.4
"""Wanted at least, of the Fashion recipe"""
TEN = 10
"""Epochs of a whole run that is timed, of recipes that have as many"""
Epoch = Callable[[], object]
Maker = Callable[[np.ndarray], Epoch]


@dataclass(frozen=True)
class Case:
    """A recipe and what it is held against."""

    recipe: str
    makers: dict[str, Maker]
    """Contender -> from uint8 images (N, C, H, W), padded, to what runs one epoch"""
    wanted: dict[str, float]
    """Contender -> how many times its epoch may be longer (above 1) or must be (the tutorial's: at least so many)"""
    part: int = 4
    """Turns that make an epoch"""
    rounds: int = 5
    """Epochs that count, after a turn that does not"""


DEEP = (784, 784, 784)
DENSE = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)]
DEEP_DENSE = [(784, 784)] * 2 + [(784, 64)] * 2 + [(64, 784)] + [(784, 784)] * 2
CHANNELS = (32, 64, 128)

CASES = (
    Case(
        "mnist-mlp-vae",
        {
            FLOOR: lambda pixels: rivals.matrix_products(len(pixels), 128, DENSE),
            TUTORIAL: lambda pixels: rivals.tutorial(pixels, widths=(784, 400), latent=20, batch=128),
            PYTHAE: lambda pixels: rivals.pythae(pixels, hidden=400, latent=20, batch=128),
        },
        {TUTORIAL: 3.0, FLOOR: 1 / 1.8},
    ),
    Case(
        "mnist-deep-vae",
        {
            FLOOR: lambda pixels: rivals.matrix_products(len(pixels), 1024, DEEP_DENSE),
            TUTORIAL: lambda pixels: rivals.tutorial(
                pixels, widths=DEEP, latent=64, batch=1024, activation=nn.LeakyReLU, squared=True
            ),
        },
        {TUTORIAL: 2.0},
    ),
    Case(
        "fashion-conv-vae",
        {
            FLOOR: lambda pixels: rivals.convolutions(len(pixels), 100, 32, CHANNELS),
            KERAS: lambda pixels: rivals.keras(pixels, channels=CHANNELS, latent=2, weight=500.0, batch=100),
        },
        {KERAS: 1.0},
        part=6,
        rounds=2,  # each takes minutes
    ),
)


def has_bf16() -> bool:
    """Whether this CPU multiplies in bf16, by the flags that Linux tells of it."""
    with contextlib.suppress(OSError):
        return not {"avx512_bf16", "amx_bf16"}.isdisjoint(Path("/proc/cpuinfo").read_text().split())
    return False


def ours(name: str, pixels: np.ndarray, *, precision: str = "fp32") -> Epoch:
    """Epochs of the project's own loop."""
    config = recipe(name).config.with_settings({"precision": precision})
    torch.manual_seed(0)
    device = choose_device("cpu")
    model = placed(build_model(config, pixels.shape[1:]), device)  # type: ignore[arg-type]
    rows = epochs(model, torch.tensor(pixels), config.with_settings({"epochs": 1_000}))
    return lambda: next(rows)


def turns(contenders: dict[str, Epoch], rounds: int) -> dict[str, list[float]]:
    """Seconds of each turn of each contender, one more than `rounds`."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    # the project's own setting of the C library would slow the others down outside of its training
    with reusing_memory():
        for k in range(rounds + 1):
            for name, epoch in contenders.items():
                start = time.perf_counter()
                epoch()
                seconds[name].append(time.perf_counter() - start)
            newest = ", ".join(f"{name} {each[-1]:.2f} s" for name, each in seconds.items())
            print(f"  {k + 1} of {rounds + 1}: {newest}", flush=True)
    return seconds


def measured(case: Case) -> list[str]:
    """Rows of the table for a recipe."""
    config = recipe(case.recipe).config
    everything = pad(catalog.load(config.dataset, "train").pixels, config.pad)
    pixels = np.ascontiguousarray(everything[: len(everything) // case.part])
    contenders, missing = {OURS: ours(case.recipe, pixels)}, []
    if has_bf16():
        contenders[BF16] = ours(case.recipe, pixels, precision="bf16")
    for name, make in case.makers.items():
        try:
            contenders[name] = make(pixels)
        except ImportError:
            if name not in OPTIONAL:
                raise
            missing.append(name)
    print(case.recipe, flush=True)
    seconds = {
        name: np.array(times) * len(everything) / len(pixels)
        for name, times in turns(contenders, case.rounds * case.part).items()
    }
    lines = []
    for name, times in seconds.items():
        later = times[1:]
        low, each, high = np.percentile(later, [10, 50, 90])
        want = case.wanted.get(name)
        goal = (
            "-"
            if want is None
            else f"{want:.1f}"
            if want >= 1
            else f"at least {want:.2f} ({1 / want:.1f} times)"
        )
        ratio = "" if name == OURS else f"{np.median(later / seconds[OURS][1:]):.2f}"
        lines.append(
            f"| `{case.recipe}`, {name} | {times[0]:.2f} | {each:.2f} | {low:.2f} to {high:.2f} | {ratio} | {goal} |"
        )
    if BF16 in seconds and KERAS in seconds:
        ratio = f"{np.median(seconds[KERAS][1:] / seconds[BF16][1:]):.2f}"
        lines.append(f"| `{case.recipe}`, {KERAS} over {BF16} | | | | {ratio} | {KERAS_OVER_BF16} |")
    return lines + [f"| `{case.recipe}`, {name} | not installed here | | | | |" for name in missing]


def whole(name: str) -> float:
    """Seconds of a whole run of ten epochs as `train` makes it: data, epochs, weights, scores, latents."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="vaescope-training-") as folder:
        train(recipe(name).config.with_settings({"epochs": TEN}), store=folder)
    return time.perf_counter() - start


def main() -> None:
    """Measure and write, or measure one and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [case.recipe for case in CASES]
    parser.add_argument("--only", choices=names)
    only = parser.parse_args().only
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    load = os.getloadavg()[0]
    lines = [line for case in CASES if only in (None, case.recipe) for line in measured(case)]
    print("\n".join(lines))
    if only:
        return
    runs = {name: whole(name) for name in names if recipe(name).config.epochs >= TEN}
    bench.write(
        TITLE,
        [
            "`python -m benchmarks.training`: seconds of an epoch of 60,000 images, lower is better. Contenders "
            "take turns in one process, scaled to an epoch: "
            + ", ".join(f"`{one.recipe}` {one.rounds * one.part} of 1/{one.part}" for one in CASES)
            + " of an epoch, after the first one. Medians, and what 80 % of them took; a ratio is the median of those "
            "of the turns.",
            bench.host(load, "torch", "numpy", *_installed()),
            "Bare arithmetic: the matrix products (or convolutions) of forward and backward passes and nothing else.",
            "",
            "| recipe, contender | first turn | median | 80 % | its time over VAEScope's | wanted at least |",
            "|---|--:|--:|--:|--:|--:|",
            *lines,
            "",
            f"Whole runs of {TEN} epochs as `train` makes them, with reading the data, held-out scores after each "
            "epoch, weights, all scores and stored latents: "
            + ", ".join(f"`{name}` {seconds:.1f} s" for name, seconds in runs.items())
            + ".",
        ],
    )


def _installed() -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("pythae", "keras", "tensorflow-cpu", "tensorflow"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        found.append(name)
    return found


if __name__ == "__main__":
    main()
