"""Scoring many images takes no more memory than scoring few, but for what is kept of each."""

import subprocess
import sys

import pytest

PROBE = """
import torch
from core.config import RunConfig
from core.device import choose_device
from core.encoding import build_model, encode_split

def told(key):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1e3

choose_device("cpu")
torch.set_num_threads(1)
config = RunConfig.make({"hidden": (16,), "latent": 20})
pixels = torch.zeros((30_000, 1, 28, 28), dtype=torch.uint8) + 9
noise = torch.zeros((30_000, 20))
model = build_model(config, (1, 28, 28))
encode_split(model, pixels[:2000], config, noise=noise[:2000])
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew: proc(5)
before = told("VmRSS")
encode_split(model, pixels, config, noise=noise)
print(told("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_grows_by_what_is_kept_of_each_image() -> None:
    told = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True).stdout
    # 30,000 images keep 30,000 x (4 x 20 + 6) float32 = 8 MB with the noise; an array of pixels of them is 94 MB
    assert float(told) < 60
