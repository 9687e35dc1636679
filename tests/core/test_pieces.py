"""Lists of tensors cut up for a GPU, and weights that become bf16 all at once: the same numbers"""

from functools import partial

import pytest
import torch
from torch import Tensor

from core.data import catalog
from core.encoding import build_model, noise_width, split_tensors
from core.families import build, family
from core.objectives import prior_width
from core.training import pieces, updates
from core.training.pieces import Rounded, in_pieces, piece_size
from core.training.step import Step
from core.training.updates import Adam
from tests.core.shared import Small
from tests.core.stepping import CPU, LEARNED
from tests.core.test_updates import SETTINGS, made, moved, reference


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut up on the CPU too."""
    for module in (pieces, updates):
        monkeypatch.setattr(module, "is_cut", lambda _: True)


@pytest.mark.parametrize(
    "shapes",
    [
        [(3,)],
        [(784, 400), (400,), (400, 20), (20,), (400, 784), (784,)],
        [(7, 5)] * 50,
        [(1,), (2, 36)],
        [()],
    ],
    ids=str,
)
def test_pieces_are_all_there_is(shapes: list[tuple[int, ...]]) -> None:
    tensors = [torch.rand(shape) for shape in shapes]
    size = piece_size(tensors)
    parts = in_pieces(tensors, size)
    assert torch.equal(torch.cat(parts), torch.cat([tensor.flatten() for tensor in tensors]))
    parts[0].fill_(5.0)
    assert tensors[0].flatten()[0] == 5.0


@pytest.mark.parametrize(
    "sizes, wanted",
    [
        ([2048 * 36], 2048),  # one launch, one round
        ([2048 * 72], 4096),  # one launch of two rounds rather than two of one
        ([100] * 30, 2048),  # nothing to cut
        ([2**22], 2**22),  # 64 blocks as it is: pieces would be blocks of as many rounds
        ([147_456, 73_728, 73_728], 8192),  # 18 + 9 + 9 pieces are one launch of four rounds
    ],
)
def test_the_size_of_pieces_has_the_least_rounds(sizes: list[int], wanted: int) -> None:
    assert piece_size([torch.empty(size, device="meta") for size in sizes]) == wanted


def test_pieces_lie_one_after_the_other_in_memory() -> None:
    tensor = torch.arange(24.0).view(2, 3, 2, 2).to(memory_format=torch.channels_last)
    assert torch.cat(in_pieces([tensor], 5)).tolist() == tensor.permute(0, 2, 3, 1).flatten().tolist()


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_adam_in_pieces_is_adam(settings: dict[str, object], small: Small) -> None:
    ours, theirs = made(), made()
    adam = Adam(ours, small(learning_rate=1e-2, **settings))
    other = reference(theirs, settings, 0.9)
    # a CPU's vectors begin anew with each piece, and what is left over at its end is rounded otherwise
    close = partial(torch.testing.assert_close, rtol=1e-6, atol=1e-7)
    close(moved(ours, adam.step, range(6)), moved(theirs, other.step, range(6)))
    # what a file gave back lies in other places in memory
    again = Adam(ours, small(learning_rate=1e-2, **settings))
    for k in range(len(ours)):
        again.restore(k, adam.state(k))
    close(moved(ours, again.step, range(6, 8)), moved(theirs, other.step, range(6, 8)))


def test_rounded_weights_are_those_of_autocast_and_so_are_their_gradients() -> None:
    a = torch.randn((3, 4), requires_grad=True)
    b = torch.randn((2, 4, 3, 3)).to(memory_format=torch.channels_last).requires_grad_()
    unused = torch.randn(5, requires_grad=True)
    low = Rounded.apply(a, b, unused)
    for one, weight in zip(low, (a, b, unused), strict=True):
        assert one.dtype == torch.bfloat16
        assert one.stride() == weight.stride()
        assert torch.equal(one, weight.to(torch.bfloat16))
    found = torch.autograd.grad(
        (low[0] * 0.1).sum() + low[1].square().sum(), (a, b, unused), allow_unused=True
    )
    wanted = torch.autograd.grad(
        (a.to(torch.bfloat16) * 0.1).sum() + b.to(torch.bfloat16).square().sum(), (a, b)
    )
    assert found[2] is None
    assert all(torch.equal(one, other) for one, other in zip(found[:2], wanted, strict=True))
    assert all(one.dtype == torch.float32 for one in found[:2])


def stepped(small: Small, name: str, network: str, *, by_autocast: bool = False) -> dict[str, Tensor]:
    """Weights after four steps in bf16."""
    config = small(family=name, network=network, precision="bf16", batch_size=32, epochs=1)
    torch.manual_seed(0)
    images = catalog.load("digits", "train").select(range(128))
    pixels, _ = split_tensors(images, config, device=CPU)
    model = build_model(config, (1, 8, 8), classes=10).to(memory_format=torch.channels_last)
    labels = torch.tensor(images.labels) if family(name).needs_labels else None
    step = Step(model, build(family(name).training)(model, config), config, pixels, labels)
    if by_autocast:
        step._low = []
    generator, width = torch.Generator().manual_seed(1), noise_width(config, (1, 8, 8)) + prior_width(config)
    for k in range(0, 128, 32):
        step(torch.arange(k, k + 32), torch.randn((32, width), generator=generator))
    return model.state_dict()


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("name, network", LEARNED)
def test_training_in_bf16_is_what_autocast_makes_of_it(name: str, network: str, small: Small) -> None:
    ours, theirs = stepped(small, name, network), stepped(small, name, network, by_autocast=True)
    assert {key for key, value in ours.items() if not torch.equal(value, theirs[key])} == set()
