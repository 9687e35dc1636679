"""GPU or CPU, precision and threads: the choice, and a sentence about it."""

import contextlib
import ctypes
import functools
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager

import torch
from torch import nn

from core.errors import ConfigError
from core.files import one_line

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The options' numbers in glibc's malloc.h"""
LARGE_BYTES = 2**22
"""From here on a block is the system's own, and goes back to it when it is freed."""
STEP_BYTES = 2**26
"""The same while steps of training follow one another: a step frees and takes the same blocks again and again."""
TRIMMED_BYTES = 2**17, 2**27
"""Free bytes at the heap's end that go back to the system: glibc's own border, and the one between steps"""

_within: list[None] = []
"""One for each block of `reusing_memory` that is open"""


@functools.cache
def give_memory_back() -> None:
    """Have freed tensors of `LARGE_BYTES` and more returned to the system, where the C library is glibc.

    Left alone, glibc raises that border to 32 MiB as blocks are freed, and keeps what it takes from its heap; torch's
    are aligned, and before 2.38 freed aligned blocks are often not used again (sourceware.org, bug 14581): a run on
    300,000 images of 32 x 32 RGB grew to between 1 and 16 GB that way, and to 0.6 GB with this.
    """
    _set_borders(LARGE_BYTES, TRIMMED_BYTES[0])


@contextlib.contextmanager
def reusing_memory() -> Iterator[None]:
    """Have the blocks that a step of training frees used again by the next, where the C library is glibc.

    Taken from the system anew, each page of them is cleared first: a step of the Fashion recipe met 24,000 pages, and a
    quarter of its time went there on two cores. Inside of another such block the outer one decides when it ends.
    """
    _within.append(None)
    _set_borders(STEP_BYTES, TRIMMED_BYTES[1])
    try:
        yield
    finally:
        _within.pop()
        if not _within:
            _set_borders(LARGE_BYTES, TRIMMED_BYTES[0])


def trim_memory() -> None:
    """Return what `reusing_memory` held for the next step to the system; milliseconds, so once and not every epoch."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _set_borders(large: int, trimmed: int) -> None:
    with contextlib.suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, large)
        libc.mallopt(M_TRIM_THRESHOLD, trimmed)


def choose_device(name: str) -> torch.device:
    """Turn 'auto', 'cpu', 'cuda' or 'cuda:1' into a device; from then on memory that is freed goes back.

    Raises:
        ConfigError: no such device, or a GPU is asked for that this machine or this build of torch does not have.
    """
    give_memory_back()
    # of a GPU: the same digits each time, and those of the CPU to rounding; torch's own choice is neither
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = True, False
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


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """A model on its device, the weights of its convolutions in the order that the kernels like best.

    Channels last: a step of the Fashion recipe takes 1.6 times as long on a CPU in torch's own order, where the kernels
    turn every image around and back. Values and shapes are the same.
    """
    return model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextlib.contextmanager
def using_threads(threads: int) -> Iterator[None]:
    """Use that many CPU threads in here, and then as many as before; 0 leaves torch's own choice."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which forward passes run in bf16, or nothing at all for fp32."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


@contextlib.contextmanager
def quick_convolutions() -> Iterator[None]:
    """Have a GPU round what convolutions multiply to TF32, 10 bits of 23, as torch does unless told otherwise.

    A step of the Fashion recipe takes three times as long on an H200 without it. For training: scores do without.
    """
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def describe(device: torch.device, precision: str) -> str:
    """One sentence on where the arithmetic ran, e.g. 'CPU x86_64, 2 of 2 threads, fp32'."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {precision}"
    return f"CPU {platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} threads, {precision}"


def processor(device: torch.device) -> str:
    """What does the sums, so far as their rounding depends on it: 'CPU x86_64 AVX2', or the name of a GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
