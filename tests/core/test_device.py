"""What a process keeps of memory that is freed; the choice of a device is tested with the settings."""

import platform
import subprocess
import sys

import pytest

PROBE = """
import torch
from core.device import choose_device

def anonymous():
    told = open("/proc/self/status").read().splitlines()
    return int(next(line for line in told if line.startswith("RssAnon")).split()[1]) / 1e3

if {chosen}:
    choose_device("cpu")
torch.zeros(7_500_000)  # 30 MB: freed, it raises the border of glibc
before, held, large = anonymous(), [], []
for _ in range(40):
    large.append(torch.ones(3_000_000))
    held.append(torch.ones(20_000))  # lies between them, and stays
del large
print(anonymous() - before)
"""

STEPS = """
import ctypes, resource
import torch
from core.device import choose_device, reusing_memory, trim_memory

PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)  # a large page would be counted as one
choose_device("cpu")

def met(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(4_000_000)  # 16 MB, which is 3,900 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def kept():
    told = open("/proc/self/status").read().splitlines()
    return int(next(line for line in told if line.startswith("RssAnon")).split()[1]) / 1e3

outside, free = met(10), kept()
with reusing_memory():
    with reusing_memory():
        met(2)
    inside = met(10)
trim_memory()
before = kept()
held = [torch.ones(3_000_000) for _ in range(10)]  # more than gaps in the heap hold, less than is kept between steps
del held
print(outside, inside, before - free, kept() - before)
"""


def kept(*, chosen: bool) -> float:
    """MB that a process of its own still has of 480 MB that it freed."""
    words = [sys.executable, "-c", PROBE.format(chosen=chosen)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has this setting")
def test_freed_tensors_go_back_to_the_system_once_a_device_is_chosen() -> None:
    assert kept(chosen=True) < 50
    assert kept(chosen=False) > 400  # else the setting would be needless


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has this setting")
def test_steps_of_training_use_their_memory_again_and_nothing_else_does() -> None:
    words = [sys.executable, "-c", STEPS]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    outside, inside, back, left = map(float, told)
    assert outside > 35_000  # else it would be needless
    assert inside < 10_000
    assert back < 8  # MB: what the last step left went back
    assert left < 50  # MB: and so does what is freed from now on
