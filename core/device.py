"""GPU or CPU, precision and threads: the choice, and a sentence about it."""

import contextlib
import os
import platform
from contextlib import AbstractContextManager

import torch

from core.errors import ConfigError
from core.files import one_line


def choose_device(name: str) -> torch.device:
    """Turn 'auto', 'cpu', 'cuda' or 'cuda:1' into a device.

    Raises:
        ConfigError: no such device, or a GPU is asked for that this machine or this build of torch does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = torch.device("meta")  # no device of ours
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(
            f"There is no device '{one_line(name, limit=60)}': choose auto, cpu, cuda, or cuda:1 and so on."
        )
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise ConfigError(
                f"Device '{name}' is not here: this torch sees {count} CUDA devices; use device=auto or device=cpu, "
                "or install a CUDA build of torch (README, 'CPU or CUDA')."
            )
    return device


def set_threads(threads: int) -> None:
    """Use that many CPU threads; 0 leaves torch's own choice."""
    if threads:
        torch.set_num_threads(threads)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which forward passes run in bf16, or nothing at all for fp32."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def describe(device: torch.device, precision: str) -> str:
    """One sentence on where the arithmetic ran, e.g. 'CPU x86_64, 2 of 2 threads, fp32'."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {precision}"
    return f"CPU {platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} threads, {precision}"
