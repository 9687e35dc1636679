"""A step of training on a CPU, recorded once; then its kernels follow one another, with no autograd in between."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, UntypedStorage
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

_aten = torch.ops.aten


def _threshold_backward(gradient: Tensor, x: Tensor, threshold: float, *, out: Tensor) -> Tensor:
    return _aten.threshold_backward.grad_input(gradient, x, threshold, grad_input=out)


def _relu(x: Tensor, *, out: Tensor) -> Tensor:
    return torch.clamp_min(x, 0, out=out)  # what relu is in ATen, which has no `out` for it


POINT_BY_POINT: dict[object, Callable[..., object]] = {
    _aten.abs.default: torch.abs,
    _aten.add.Tensor: torch.add,
    _aten.clamp_min.default: torch.clamp_min,
    _aten.div.Tensor: torch.div,
    _aten.exp.default: torch.exp,
    _aten.expm1.default: torch.expm1,
    _aten.mul.Tensor: torch.mul,
    _aten.pow.Tensor_Scalar: torch.pow,
    _aten.relu.default: _relu,
    _aten.sigmoid.default: torch.sigmoid,
    _aten.sub.Tensor: torch.sub,
    _aten.threshold_backward.default: _threshold_backward,
}
"""Kernels that write where they are told to, number by number: into what they read, if nobody reads that again"""
INTO: dict[object, Callable[..., object]] = POINT_BY_POINT | {
    _aten.addmm.default: torch.addmm,
    _aten.cat.default: torch.cat,
    _aten.index_select.default: torch.index_select,
    _aten.mm.default: torch.mm,
    _aten.sum.dim_IntList: torch.sum,
}
"""Kernels that write where they are told to. What is in neither takes memory anew each time, and is as right."""
IN_PLACE: dict[object, Callable[..., object]] = {
    _aten._fused_adam_.default: torch._fused_adam_,
    _aten._fused_adam_.tensor_lr: torch._fused_adam_,
    _aten._fused_adamw_.default: torch._fused_adamw_,
    _aten._fused_adamw_.tensor_lr: torch._fused_adamw_,
    _aten.add_.Tensor: Tensor.add_,
    _aten.addcmul_.default: Tensor.addcmul_,
    _aten.exp_.default: Tensor.exp_,
    _aten.log_.default: Tensor.log_,
    _aten.mul_.Tensor: Tensor.mul_,
    _aten.neg_.default: Tensor.neg_,
    _aten.sub_.Tensor: Tensor.sub_,
}
"""Quicker ways to the same kernels"""
ALIKE = {_aten.full_like.default, _aten.ones_like.default, _aten.zeros_like.default, _aten.new_zeros.default}
"""They ask for a tensor's shape and not for its numbers"""
NOTHING = torch.UntypedStorage()
UNFILLED = {
    _aten.empty.memory_format,
    _aten.empty_like.default,
    _aten.empty_strided.default,
    _aten.new_empty.default,
    _aten.new_empty_strided.default,
}


@dataclass(frozen=True)
class _Region:
    """What a tensor is of a piece of memory."""

    storage: int
    """Of the storage that was met, torch's own pointer to it"""
    dtype: torch.dtype
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    def lies_as(self, other: "_Region") -> bool:
        """Whether it would be the same tensor in the other's storage."""
        return replace(self, storage=other.storage) == other


class _Call(NamedTuple):
    """A kernel that ran, with regions for tensors."""

    operator: Any
    given: tuple[tuple[Any, ...], dict[str, Any]]
    result: Any
    made: frozenset[int]
    """Storages of the result that were not there before"""

    @property
    def is_mutable(self) -> bool:
        """Whether it writes to what it is given."""
        return bool(self.operator._schema.is_mutable)

    def written(self) -> set[int]:
        """Storages of the arguments that it writes to."""
        args, kwargs = self.given
        arguments = self.operator._schema.arguments
        values = dict(zip((one.name for one in arguments), args, strict=False)) | kwargs
        return {
            storage
            for one in arguments
            if one.alias_info is not None and one.alias_info.is_write
            for storage in _storages(values.get(one.name))
        }


class _Watch(TorchDispatchMode):
    """Notes the kernels that run below autograd, those of a backward pass too."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[_Call] = []
        self.held: dict[int, UntypedStorage] = {}
        """What was there before, and what is in `same`"""
        self.same: set[int] = set()
        """What would be made the same each time"""
        self.bytes: dict[int, int] = {}
        # a storage that was given back keeps its address while it is referred to: no other is taken for it
        self._met: dict[int, StorageWeakRef] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Else torch imports its compiler first, to tell it to leave this alone: 1.3 s and 70 MB."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is _aten._local_scalar_dense.default:
            raise RuntimeError("a number is read back in the middle of it")
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise RuntimeError("random numbers are drawn in the middle of it")
        kwargs = kwargs or {}
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, Tensor):
                self._meet(tensor, hold=True)
        given = tree_map_only(Tensor, _region, (args, kwargs))
        before = set(self._met)
        result = func(*args, **kwargs)
        same = func in ALIKE or _storages(given) <= self.same
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._meet(tensor, hold=same)
        made = frozenset(self._met.keys() - before)
        call = _Call(func, given, tree_map_only(Tensor, _region, result), made)
        self.same = (self.same | made if same else self.same) - call.written()
        self.calls.append(call)
        return result

    def _meet(self, tensor: Tensor, *, hold: bool) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._met:
            self._met[storage._cdata] = StorageWeakRef(storage)
            self.bytes[storage._cdata] = storage.nbytes()
            if hold:
                self.held[storage._cdata] = storage


class Replay:
    """The kernels of some work, on the tensors that it met: the same arithmetic in the same order.

    What autograd and views cost beside the kernels is left out, and so is what neither weights nor images change.
    Views need no call, as memory stays where it is: a kernel writes where it wrote the time before.
    """

    def __init__(self, watch: _Watch) -> None:
        """Prepare what was watched."""
        self.calls: list[Callable[[], object]] = []
        """What `replay` calls, one after the other"""
        self._tensors: dict[_Region, Tensor] = {}
        # of what is taken anew each time, the tensors that have to be told where it lies
        self._anew: dict[int, list[tuple[Tensor, _Region]]] = {}
        self._places, self._bytes = watch.held, watch.bytes
        self._free: list[UntypedStorage] = []
        self._prepare(_needed(watch))
        # a tensor holds what it needs of these
        del self._tensors, self._anew, self._places, self._free

    def replay(self) -> None:
        """Do the work again, with what lies now where its inputs lay."""
        with torch.no_grad():
            for call in self.calls:
                call()

    def _prepare(self, calls: list[_Call]) -> None:
        last = {one: k for k, call in enumerate(calls) for one in _storages(call)}
        # memory that the calls make, but what was written over
        used: set[int] = set()
        for k, call in enumerate(calls):
            ending = {one for one in _storages(call) if last[one] == k}
            if call.operator in INTO and isinstance(call.result, _Region):
                self._write(call, used, ending)
            elif call.operator in UNFILLED:
                self._places[call.result.storage] = self._taken(call.result)
            elif call.made:
                self._take_anew(call)
            else:
                args, kwargs = self._tensors_of(call.given)
                self.calls.append(partial(IN_PLACE.get(call.operator, call.operator), *args, **kwargs))
            used |= call.made
            for one in used & ending:
                if one in self._anew:
                    self.calls.append(partial(_let_go, [tensor for tensor, _ in self._anew[one]]))
                else:
                    self._free.append(self._places[one])

    def _write(self, call: _Call, used: set[int], ending: set[int]) -> None:
        """Add a call that writes where it wrote before: over what it reads as the last one, where that may be."""
        region: _Region = call.result
        over = [
            one
            for one in _regions(call.given)
            if call.operator in POINT_BY_POINT
            and one.storage in used & ending
            and one.storage not in self._anew
            and one.lies_as(region)
            and all(other == one for other in _regions(call.given) if other.storage == one.storage)
            and self._bytes[one.storage] == self._bytes[region.storage]
        ]
        args, kwargs = self._tensors_of(call.given)
        if over:
            used.discard(over[0].storage)
            self._places[region.storage] = self._places[over[0].storage]
        else:
            self._places[region.storage] = self._taken(region)
        self.calls.append(partial(INTO[call.operator], *args, **kwargs, out=self._tensor(region)))

    def _taken(self, region: _Region) -> UntypedStorage:
        """Memory for it: what is free and hardly larger, or new."""
        wanted = self._bytes[region.storage]
        fitting = [place for place in self._free if wanted <= place.nbytes() <= 2 * wanted]
        if not fitting:
            return torch.empty(wanted, dtype=torch.uint8).untyped_storage()
        best = min(fitting, key=UntypedStorage.nbytes)
        self._free = [place for place in self._free if place is not best]
        return best

    def _take_anew(self, call: _Call) -> None:
        operator, (args, kwargs) = call.operator, self._tensors_of(call.given)
        self._anew |= {one: [] for one in call.made}
        places = [
            (k, self._anew[region.storage])
            for k, region in enumerate(tree_leaves(call.result))
            if isinstance(region, _Region) and region.storage in call.made
        ]

        def again() -> None:
            results = tree_leaves(operator(*args, **kwargs))
            for k, tensors in places:
                for tensor, region in tensors:
                    tensor.set_(results[k].untyped_storage(), region.offset, region.size, region.stride)

        self.calls.append(again)

    def _tensors_of(self, given: Any) -> Any:
        return tree_map_only(_Region, self._tensor, given)

    def _tensor(self, region: _Region) -> Tensor:
        if region not in self._tensors:
            tensor = self._tensors[region] = torch.empty(0, dtype=region.dtype)
            if region.storage in self._anew:
                self._anew[region.storage].append((tensor, region))
            else:
                tensor.set_(self._places[region.storage], region.offset, region.size, region.stride)
        return self._tensors[region]


def record_cpu(work: Callable[[], None]) -> Replay:
    """Do work on a CPU, and record it: without random numbers, on inputs and weights that stay where they are.

    Raises:
        RuntimeError: it reads a number back, on which what follows might depend, or draws one; it is not done then.
        MemoryError: it is done, and there is no memory for what it makes on its way.
    """
    with _Watch() as watch:
        work()
    try:
        return Replay(watch)
    except RuntimeError as error:
        # another kind of error: the work is done, and must not be done once more
        raise MemoryError(str(error)) from error


def _needed(watch: _Watch) -> list[_Call]:
    """The calls to be made again: no views, nothing that gives the same each time or that nobody reads, as the loss."""
    found: list[_Call] = []
    read: set[int] = set()
    for call in reversed(watch.calls):
        if call.is_mutable or (call.made & read and not call.made <= watch.same):
            found.append(call)
            read |= _storages(call.given)
    return found[::-1]


def _region(tensor: Tensor) -> _Region:
    storage, offset = tensor.untyped_storage(), int(tensor.storage_offset())
    return _Region(storage._cdata, tensor.dtype, tuple(tensor.shape), tensor.stride(), offset)


def _regions(tree: Any) -> list[_Region]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, _Region)]


def _storages(tree: Any) -> set[int]:
    return {region.storage for region in _regions(tree)}


def _let_go(tensors: list[Tensor]) -> None:
    for tensor in tensors:
        tensor.set_(NOTHING)
