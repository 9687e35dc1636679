"""Training and scoring on a CUDA device: run where there is one"""

import gc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.data import catalog
from core.encoding import encode_images
from core.errors import OutOfMemory
from core.runs import open_run
from core.store import read_record
from core.training.resume import exactness, resume
from core.training.run import train
from core.training.step import WARM_STEPS, Graph, Step
from core.training.updates import Adam
from tests.core.fitting import only_folder
from tests.core.pausing import all_of, stop_after
from tests.core.shared import ROWS, Small
from tests.core.stepping import LEARNED, WAYS, learned, settings
from tests.core.test_updates import SETTINGS, made, reference

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")
GPU = torch.device("cuda:0")


def refuse(work: Any) -> Graph:
    """Record nothing."""
    raise RuntimeError("not recorded")


@WAYS
def test_a_graph_learns_what_its_kernels_launched_one_by_one_do(
    chosen: dict[str, Any], small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*kernel by kernel.*")
        rows, weights, step = learned(small(**chosen), refuse, monkeypatch, GPU)
    assert step.graph is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replayed, same, step = learned(small(**chosen), None, monkeypatch, GPU)
    assert step.graph is not None
    for one, other in zip(rows, replayed, strict=True):
        assert one["train"]["objective"] == pytest.approx(other["train"]["objective"], rel=1e-4)
    for name, value in weights.items():
        assert torch.allclose(same[name], value, rtol=1e-3, atol=1e-4), name


@pytest.mark.parametrize("name, network", LEARNED)
def test_no_step_waits_for_the_gpu(
    name: str, network: str, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, taken = Step.__call__, []

    def watched(self: Step, *given: Any) -> None:
        # recording waits, once: before it and after it nothing does
        quiet = len(taken) != WARM_STEPS
        taken.append(None)
        torch.cuda.set_sync_debug_mode("error" if quiet else "default")
        try:
            call(self, *given)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(Step, "__call__", watched)
    learned(small(**settings(name, network)), None, monkeypatch, GPU)
    assert len(taken) == 10


@pytest.mark.parametrize("name, network", ROWS)
def test_scores_are_those_of_the_cpu(name: str, network: str, store: Path, small: Small) -> None:
    run = train(small(**settings(name, network, device="cuda")), store=store)
    there = open_run(run.record.folder, device="cuda")
    here = open_run(run.record.folder, device="cpu")
    images = catalog.load("digits", "test")
    on_gpu = encode_images(there.model, images, there.config, device=GPU)
    on_cpu = encode_images(here.model, images, here.config, device=torch.device("cpu"))
    for what in ("means", "distortion", "rate_per_dimension", "squared_error_at_mean"):
        one, other = getattr(on_gpu, what), getattr(on_cpu, what)
        assert (one is None) == (other is None)
        if one is not None:
            # as sums of float32 in another order differ
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * np.abs(other).max())


def test_the_same_settings_twice_are_the_same_run(store: Path, small: Small) -> None:
    chosen = settings("vae", "conv", batch_size=256, device="cuda")
    one, other = (train(small(**chosen), store=store) for _ in range(2))
    assert all_of(one) == all_of(other)


def test_a_run_that_paused_goes_on_and_promises_nothing(store: Path, small: Small) -> None:
    chosen = settings("vae", "conv", batch_size=256, device="cuda")
    whole, paused = (
        train(small(**chosen), store=store),
        train(small(**chosen), store=store, hooks=stop_after(8)),
    )
    assert paused.document.stands == (1, 2)
    told = exactness(paused.document)
    assert not told.exact
    assert "a GPU may round the first steps" in told.sentence
    rest = resume(paused.id, store=store)
    assert rest.state == "finished"
    for one, other in zip(whole.history(), rest.history(), strict=True):
        assert one["train"]["objective"] == pytest.approx(other["train"]["objective"], rel=1e-4)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_adam_is_that_of_torch_bit_for_bit(settings: dict[str, Any], small: Small) -> None:
    ours, theirs = ([nn.Parameter(one.detach().to(GPU)) for one in made()] for _ in range(2))
    adam, other = Adam(ours, small(learning_rate=1e-2, **settings)), reference(theirs, settings, 0.9)
    generator = torch.Generator(GPU).manual_seed(0)
    for _ in range(5):
        for one, two in zip(ours, theirs, strict=True):
            one.grad = torch.empty_like(one, requires_grad=False).normal_(generator=generator)
            two.grad = one.grad.clone()
        adam.step()
        other.step()
    assert all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    "bytes_more, says, state",
    [
        (5e7, "The memory of the GPU was not enough for the model: .* no run was made", None),
        (3e8, "The memory of the GPU was not enough: .* smaller batch_size", "failed"),
    ],
    ids=["model", "step"],
)
def test_too_little_memory_of_the_gpu_ends_in_advice(
    bytes_more: float, says: str, state: str | None, store: Path, small: Small
) -> None:
    gc.collect()
    torch.cuda.empty_cache()
    allowed = torch.cuda.memory_reserved(GPU) + bytes_more
    total = torch.cuda.get_device_properties(GPU).total_memory
    torch.cuda.set_per_process_memory_fraction(allowed / total, GPU)
    try:
        with pytest.raises(OutOfMemory, match=says):
            train(small(family="vae", hidden=(4096, 4096), batch_size=256, device="cuda"), store=store)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, GPU)
    if state:
        assert read_record(only_folder(store)).state == state
    else:
        assert not list(store.iterdir())
    assert train(small(**settings("vae", "mlp", device="cuda")), store=store).state == "finished"
