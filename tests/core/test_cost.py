"""What a run would cost: held against what it then has, and against itself"""

import pytest
import torch

from core.families import FAMILIES
from core.recipes import recipe
from core.training.cost import Cost, estimate
from core.training.run import train
from tests.core.cli.shell import Shell
from tests.core.fitting import fitting
from tests.core.shared import Small, Trained

BRIEF = 0.05


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_are_those_of_the_run(family: str, small: Small, trained: Trained) -> None:
    settings = {"family": family, "network": FAMILIES[family].networks[0]}
    cost = estimate(small(**settings), seconds=BRIEF)
    assert cost.parameters == trained(**settings).document.parameters
    assert min(cost.loading, cost.epoch, cost.scoring, cost.seconds, cost.measured) > 0
    assert cost.bytes > 0


def test_time_is_that_of_its_parts(small: Small) -> None:
    cost = estimate(small(epochs=1000), seconds=BRIEF)
    assert cost.steps == 11  # 1,293 images, 128 a step
    assert cost.seconds == pytest.approx(cost.loading + 1000 * cost.epoch + cost.scoring)
    assert cost.measured >= 2


def test_the_memory_of_images_and_weights_is_counted_by_hand(small: Small) -> None:
    cost = estimate(small(), seconds=BRIEF)
    # 1,293 + 144 + 360 images of 64 bytes, and two float32 of noise for each of the 144
    assert cost.data_bytes == 1797 * 64 + 144 * 2 * 4
    assert cost.model_bytes == cost.optimiser_bytes == 8 * cost.parameters


def test_what_a_step_keeps_is_counted_by_hand(small: Small) -> None:
    """Torch's own account: each layer keeps its input, ReLU its output, which is the next one's input."""
    settings = fitting("ae", hidden=(32,), latent=2, batch_size=100, device="cpu", threads=1)
    cost = estimate(small(**settings), seconds=BRIEF)
    x, hidden, code, out = 100 * 64, 100 * 32, 100 * 2, 100 * 64
    kept = 4 * (x + hidden + code + hidden + out)
    assert kept <= cost.step_bytes <= kept + 4 * 2 * out  # what the loss keeps beside
    twice = estimate(small(**{**settings, "batch_size": 200}), seconds=BRIEF)
    assert twice.step_bytes == pytest.approx(2 * cost.step_bytes, rel=0.01)


def test_it_leaves_the_random_state_and_the_threads_alone(small: Small) -> None:
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    estimate(small(threads=1), seconds=BRIEF)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_one_that_diverges_has_a_time_all_the_same(small: Small) -> None:
    cost = estimate(small(beta=1e6, learning_rate=10), seconds=0.3)
    assert cost.seconds > 0


def test_all_images_at_once_are_one_step(small: Small) -> None:
    assert estimate(small(batch_size=0), seconds=BRIEF).steps == 1


def test_a_dry_run_says_what_it_costs_and_keeps_nothing(shell: Shell) -> None:
    words = ("train", "digits-vae", "--set", "threads=1", "--device", "cpu", "--dry-run")
    told = shell.json(*words)
    assert set(Cost.__dataclass_fields__) < set(told)
    assert told["bytes"] == sum(told[f"{name}_bytes"] for name in ("data", "model", "optimiser", "step"))
    assert shell.json("list") == []
    run = train(recipe("digits-vae").config.with_settings({"epochs": 1, "threads": 1, "device": "cpu"}))
    assert run.document.parameters == told["parameters"]
    assert shell(*words, "--detach") == 2
    assert "give one of them" in shell.err
