"""The measurement of a GPU, as far as a machine without one can run it."""

import numpy as np
import pytest
import torch

from benchmarks import gpu
from core.recipes import recipe
from core.training.loop import epochs


def test_without_a_gpu_it_says_so_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu.bench, "write", lambda *_: pytest.fail("it wrote"))
    with pytest.raises(SystemExit, match=r"Device 'cuda' is not here: .* Nothing was measured"):
        gpu.main([])


@pytest.mark.parametrize("aim", gpu.AIMS, ids=lambda aim: aim.recipe)
def test_what_is_timed_is_the_training_of_the_recipe(aim: gpu.Aim) -> None:
    config = recipe(aim.recipe).config
    side = config.pad or 28
    pixels = np.random.default_rng(0).integers(0, 256, (config.batch_size * 2, 1, side, side), dtype=np.uint8)
    found = gpu.measured(aim.recipe, pixels, count=1, device="cpu", precision="fp32")
    assert found.seconds > 0
    torch.manual_seed(0)
    model = gpu.placed(gpu.build_model(config, (1, side, side)), torch.device("cpu"))
    rows = epochs(model, torch.tensor(pixels), config.with_settings({"epochs": 1_000}))
    wanted = [row["train"]["distortion"] + row["train"]["rate"] for row in (next(rows), next(rows))]
    assert [found.first, found.last] == pytest.approx(wanted, rel=1e-6)
    assert np.isnan(found.peak)
