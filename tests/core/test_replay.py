"""Work on a CPU that is recorded and done again: results bit for bit, what is left out, and the memory it takes"""

import gc
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.training import replay
from core.training.replay import POINT_BY_POINT, Replay, record_cpu


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def drawn(*shapes: tuple[int, ...], seed: int = 0) -> list[Tensor]:
    """Tensors of such shapes, standard normal."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def held_to_account(work: Callable[..., Tensor], *shapes: tuple[int, ...]) -> Replay:
    """Record work on some numbers, and find its result with others to be what it gives when it is done as it is."""
    given = drawn(*shapes)
    found = torch.zeros(work(*given).shape)
    graph = record_cpu(lambda: found.copy_(work(*given).detach()))
    assert torch.equal(found, work(*given))
    for seed in (1, 2):
        for tensor, value in zip(given, drawn(*shapes, seed=seed), strict=True):
            tensor.copy_(value)
        graph.replay()
        assert torch.equal(found, work(*given))
    return graph


def gradients(work: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """What autograd gives of a sum of it, all in one row."""

    def both(*given: Tensor) -> Tensor:
        leaves = [tensor.detach().requires_grad_() for tensor in given]
        found = torch.autograd.grad((work(*leaves) ** 2).sum(), leaves)
        return torch.cat([one.flatten() for one in found])

    return both


def views(x: Tensor, y: Tensor) -> Tensor:
    return (x.T.reshape(-1)[::2] * y[:, 1, None].expand(-1, 3).flatten()).view(3, 4)


def over_itself(x: Tensor, y: Tensor) -> Tensor:
    """Numbers that are read through two views at once, and again later: they must not be written over."""
    square = x[:, :4] @ y
    turned = square * square.T
    twice = turned + turned
    return turned - twice.exp().sigmoid() + twice


def in_place(x: Tensor, y: Tensor) -> Tensor:
    """Zeros that are written to; ones that are not; and numbers that were the same each time until they were not."""
    zeros = torch.zeros(4, 6)
    before = zeros * 2 + 1
    zeros += x.reshape(4, 6)
    zeros[1:3] *= y[0, 0]
    filled = torch.empty_like(zeros).copy_(zeros * 3)
    return before + zeros * 2 + torch.ones_like(x).reshape(4, 6) / 3 + filled


def several(x: Tensor, y: Tensor) -> Tensor:
    top, where = x.topk(2, 1)
    low, high = x.softmax(1).split([1, 5], 1)
    return top + low + high.gather(1, where.clamp(max=3)) + functional.gelu(y[:, :2])


def norms(x: Tensor, y: Tensor) -> Tensor:
    """A kernel that makes something and writes to what it is given."""
    mean, variance = torch.zeros(6), torch.ones(6)
    norm = torch.ops.aten._native_batch_norm_legit
    made, _, _ = norm(x, y[0, 0].expand(6), None, mean, variance, True, 0.1, 1e-5)
    return made + mean + variance


def images(x: Tensor, y: Tensor) -> Tensor:
    made = functional.conv2d(x.view(1, 1, 4, 6), y.view(1, 1, 4, 4), padding=2).to(
        memory_format=torch.channels_last
    )
    return functional.leaky_relu(functional.relu(made[:, :, 1:]) - made[:, :, :-1]).bfloat16().float()


@pytest.mark.parametrize("work", [views, over_itself, in_place, several, norms, images])
@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_done_again_is_the_same_bit_for_bit(work: Callable[..., Tensor], backwards: bool) -> None:
    held_to_account(gradients(work) if backwards else work, (4, 6), (4, 4))


KERNELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "abs.default": lambda x, y: x.abs(),
    "clamp_min.default": lambda x, y: x.clamp_min(0.5),
    "add.Tensor": lambda x, y: torch.add(x, y, alpha=3),
    "div.Tensor": lambda x, y: x / y,
    "exp.default": lambda x, y: x.exp(),
    "expm1.default": lambda x, y: x.expm1(),
    "mul.Tensor": lambda x, y: x * y,
    "pow.Tensor_Scalar": lambda x, y: x**3,
    "relu.default": lambda x, y: x.relu(),
    "sigmoid.default": lambda x, y: x.sigmoid(),
    "sub.Tensor": lambda x, y: x - y,
    "threshold_backward.default": lambda x, y: torch.ops.aten.threshold_backward(x, y, 0),
    "addmm.default": lambda x, y: torch.addmm(y, x, y.T, beta=0.5),
    "cat.default": lambda x, y: torch.cat([x, y], 1),
    "index_select.default": lambda x, y: x.index_select(0, torch.tensor([1, 0, 1, 2])),
    "mm.default": lambda x, y: x.T @ y,
    "sum.dim_IntList": lambda x, y: x.sum(0, keepdim=True),
}


@pytest.mark.parametrize("kernel", replay.INTO, ids=str)
def test_each_kernel_that_writes_where_it_is_told_to_gives_what_it_gives(kernel: Any) -> None:
    name = str(kernel).removeprefix("aten.")
    graph = held_to_account(lambda x, y: KERNELS[name](x, y) - 1, (4, 4), (4, 4))
    first, *_ = graph.calls
    assert isinstance(first, partial)
    assert first.func is replay.INTO[kernel]
    # what the subtraction reads nobody reads again
    if kernel in POINT_BY_POINT:
        (second,) = [call for call in graph.calls if isinstance(call, partial) and call.func is torch.sub][
            -1:
        ]
        assert second.args[0].data_ptr() == second.keywords["out"].data_ptr()


def test_views_results_that_stay_and_what_nobody_reads_are_left_out() -> None:
    x, found = torch.ones(3, 4), torch.zeros(4, 3)

    def work() -> None:
        third = torch.ones(4, 3) / torch.ones_like(x.T).mul(3)
        x.sum()
        found.copy_(x.T.view(4, 3) * third.T.T)

    graph = record_cpu(work)
    assert len(graph.calls) == 2  # the product and the copy
    x.fill_(6)
    graph.replay()
    assert torch.equal(found, torch.full((4, 3), 6 * torch.tensor(1 / 3).item()))


def beside(x: Tensor) -> Tensor:
    """The same in another place."""
    return torch.cat([x[:500], x[500:]])


def bytes_of(graph: Replay) -> int:
    """Of all storages that the calls of a record hold, each once."""
    held: dict[int, int] = {}
    for call in graph.calls:
        if isinstance(call, partial):
            parts = [*call.args, *call.keywords.values()]
        else:
            parts = [cell.cell_contents for cell in call.__closure__ or ()]
        for one in gc.get_referents(*parts) + parts:
            if isinstance(one, Tensor):
                held[one.untyped_storage()._cdata] = one.untyped_storage().nbytes()
    return sum(held.values())


@pytest.mark.parametrize(
    "grown, places",
    [
        (lambda x: x * 1.5, 1),
        (lambda x: beside(x), 2),
        (lambda x: beside(torch.cat([torch.cat([x[::4], x[1::4]])] * 2)), 2.5),
        (lambda x: x.cos(), 0),
    ],
    ids=["over what is read", "beside it", "free but too small", "taken anew"],
)
def test_memory_of_what_nobody_reads_again_is_used_again(
    grown: Callable[[Tensor], Tensor], places: float
) -> None:
    x, found = torch.ones(1000, 250), torch.zeros(1000, 250)  # a megabyte each

    def work() -> None:
        made = x
        for _ in range(12):
            made = grown(made)
        found.copy_(made)

    graph = record_cpu(work)
    assert bytes_of(graph) == (2 + places) * 1_000_000
    found.zero_()
    graph.replay()
    assert torch.count_nonzero(found) == found.numel()
    assert bytes_of(graph) == (2 + places) * 1_000_000


def test_large_memory_is_kept_for_what_is_large() -> None:
    """What is small and stays would hold it, and the next large one would need new."""
    x, found, kept = torch.ones(1000, 250), torch.zeros(1000, 250), torch.zeros(250, 250)

    def work() -> None:
        made = beside(beside(x))
        small = torch.cat([made[::8], made[1::8]])
        found.copy_(beside(made))
        kept.copy_(small)

    assert bytes_of(record_cpu(work)) == (2.25 + 2.25) * 1_000_000


def test_what_is_recorded_is_given_back_while_it_is_recorded() -> None:
    """As without a record: the peak would be that of all that is ever made, or as high as memory goes."""
    freed = []

    def work() -> None:
        for _ in range(3):
            made = torch.ones(10) * x
            storage = made.untyped_storage()
            weak = replay.StorageWeakRef(storage)
            del made, storage
            freed.append(weak.expired())

    x = torch.ones(10)
    record_cpu(work)
    assert freed == [True] * 3


def test_recording_does_not_load_the_compiler() -> None:
    words = """
import sys, torch
from core.training.replay import record_cpu
x = torch.ones(3)
record_cpu(lambda: x.add_(x.exp())).replay()
print(torch.allclose(x, torch.ones(3) + torch.e + (torch.ones(3) + torch.e).exp()), "torch._dynamo" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    assert told == "True False\n"


@pytest.mark.parametrize(
    "work, says",
    [
        (lambda x: x * float(x.sum()), "a number is read back"),
        (lambda x: x + torch.randn(3), "random numbers are drawn"),
    ],
)
def test_what_would_be_another_the_next_time_is_refused(work: Callable[[Tensor], Tensor], says: str) -> None:
    with pytest.raises(RuntimeError, match=says):
        record_cpu(lambda: work(torch.ones(3)))


def test_work_that_is_done_is_not_done_again_for_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise RuntimeError("can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(Replay, "_taken", full)
    x, weight = torch.ones(3), nn.Parameter(torch.ones(3))
    with pytest.raises(MemoryError, match="can't allocate memory"):
        record_cpu(lambda: weight.data.add_(x.exp()))
