"""Lists of tensors cut up, so that all of a GPU works on them; and weights made bf16 all at once."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

PIECES = 36
"""Tensors that one launch of the fused optimiser takes: `depth_to_max_tensors` for its four lists, in
ATen/native/cuda/MultiTensorApply.cuh"""
ROUND, CHUNK = 2048, 65536
"""Values that a block does at a time (512 threads, four each), and how many it is given of a tensor; same file"""
LAUNCH = 0.5
"""What a launch costs besides, in rounds: on an H200 1.4 microseconds, and a round 3.3"""


def is_cut(device: torch.device) -> bool:
    """Whether lists of tensors are cut up there: everywhere but on a CPU.

    torch's kernels over lists of tensors give `CHUNK` values of a tensor to one block: the weights of a small network
    are a dozen blocks, on a GPU of over a hundred processors. A piece is a block of its own.
    """
    return device.type != "cpu"


def piece_size(tensors: Sequence[Tensor]) -> int:
    """The size of pieces with the least rounds one after another: smaller ones are fewer rounds in more launches."""
    sizes = [tensor.numel() for tensor in tensors]
    largest = max(sizes)

    def rounds(size: int) -> float:
        pieces = sum(math.ceil(one / size) for one in sizes)
        return math.ceil(pieces / PIECES) * (math.ceil(min(size, largest, CHUNK) / ROUND) + LAUNCH)

    # or none is cut
    return min([*range(ROUND, CHUNK, ROUND), max(CHUNK, largest)], key=rounds)


def in_pieces(tensors: Iterable[Tensor], size: int) -> list[Tensor]:
    """Views of at most `size` values, in the order in memory, of tensors that lie there without gaps."""
    return [
        piece
        for tensor in tensors
        for piece in tensor.detach().as_strided((tensor.numel(),), (1,)).split(size)
    ]


class Rounded(torch.autograd.Function):
    """Weights as bf16, and their gradients as float32: all at once, where autocast takes two launches for each.

    A weight that the loss does not depend on has no gradient, as ever.
    """

    @staticmethod
    def forward(ctx: Any, *weights: Tensor) -> tuple[Tensor, ...]:
        """Float32 weights -> the same in bf16, each laid out in memory as it was."""
        ctx.set_materialize_grads(False)
        return tuple(_converted(weights, torch.bfloat16))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients in bf16 -> in float32."""
        made = iter(_converted([one for one in gradients if one is not None], torch.float32))
        return tuple(None if one is None else next(made) for one in gradients)


def _converted(tensors: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    made = [torch.empty_like(tensor, dtype=dtype) for tensor in tensors]
    if not tensors or not is_cut(tensors[0].device):
        return [to.copy_(tensor) for to, tensor in zip(made, tensors, strict=True)]
    # what has gaps, as an expanded gradient, gets none
    given = [
        tensor if tensor.stride() == to.stride() else torch.empty_like(to, dtype=tensor.dtype).copy_(tensor)
        for to, tensor in zip(made, tensors, strict=True)
    ]
    size = piece_size(given)
    torch._foreach_copy_(in_pieces(made, size), in_pieces(given, size))
    return made
