"""Device memory held by tensors: every storage on the device has a block of simulated memory while it lives.

A storage on the device is CPU memory kept alive by a CPU tensor, its twin, which nobody else sees. The twin
serves again as the CPU alias whenever a kernel meets a tensor of exactly its geometry.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import npusim
import torch

from torch_npu._sim import pools, runtime, watchers
from torch_npu._sim.dlpack import to_cpu, to_npu

if TYPE_CHECKING:
    from npusim import Block, CachingAllocator, TensorSpec
    from torch import Tensor

EXABYTE = 1 << 60
STRIDED = torch.strided
_SPECS_KEPT = 8192
_dtype_names = {
    value: name
    for name, value in vars(torch).items()
    if isinstance(value, torch.dtype) and str(value) == f"torch.{name}"
}
_specs: dict[tuple[torch.Size, torch.dtype], TensorSpec] = {}


class Holding(weakref.ref["Tensor"]):
    """A live storage: a weak reference to its twin, which dies with it, and what was accounted for it."""

    __slots__ = ("block", "dtype", "memory", "ptr", "shape", "spec", "stride")

    block: Block
    dtype: torch.dtype
    memory: CachingAllocator
    ptr: int
    shape: torch.Size
    spec: TensorSpec
    stride: tuple[int, ...]


live: dict[int, Holding] = {}  # by the address of the storage's first element


class NotSimulatedError(NotImplementedError):
    """A feature of the real torch_npu that the simulated device does not have."""


def spec_of(tensor: Tensor) -> TensorSpec:
    """Shape and dtype as the hardware knows them; the same object for the same pair."""
    key = (tensor.shape, tensor.dtype)
    spec = _specs.get(key)
    if spec is None:
        if len(_specs) >= _SPECS_KEPT:
            _specs.clear()
        spec = _specs[key] = npusim.TensorSpec(tuple(key[0]), _dtype_names.get(key[1], "float32"))
    return spec


def _release(holding: Holding) -> None:
    if live.get(holding.ptr) is holding:
        del live[holding.ptr]
    block = holding.block
    holding.memory.free(block)
    if watchers.memory:
        index = runtime.memories.index(holding.memory)
        for watcher in watchers.memory:
            watcher.memory(index, block.address, block.size, block.stream & pools.STREAM, taken=False)


def allocate(nbytes: int, index: int) -> Block:
    """A block of device memory for the current stream.

    Raises:
        torch.OutOfMemoryError: the device has no room, in the words of the real one.
    """
    if nbytes > EXABYTE:
        raise torch.OutOfMemoryError("NPU out of memory. Tried to allocate more than 1EB memory.")
    try:
        stream = runtime.queues[index].id
        if pools.routing:
            stream = pools.key(index, stream)
        block: Block = runtime.memories[index].allocate(nbytes, stream)
    except npusim.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(out_of_memory_text(error, nbytes, index)) from None
    for watcher in watchers.memory:
        watcher.memory(index, block.address, block.size, block.stream & pools.STREAM, taken=True)
    return block


def out_of_memory_text(error: npusim.OutOfMemoryError, nbytes: int, index: int) -> str:
    """The message of NPUCachingAllocator.cpp with the figures of the simulated device."""
    size = npusim.format_size
    return (
        f"NPU out of memory. Tried to allocate {size(nbytes)} (NPU {index}; "
        f"{size(error.total)} total capacity; "
        f"{size(error.allocated)} already allocated; {size(error.allocated)} current active; "
        f"{size(error.free)} free; {size(error.reserved)} reserved in total by PyTorch) "
        "If reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation."
    )


def adopt(twin: Tensor, index: int, block: Block | None = None, spec: TensorSpec | None = None) -> Tensor:
    """Turns a fresh CPU tensor that nobody else holds into a tensor on npu:index.

    Args:
        twin: a CPU tensor with memory of its own, strided or sparse COO.
        index: the device.
        block: device memory that was allocated for it already.
        spec: its shape and dtype, where the caller has them.

    Raises:
        torch.OutOfMemoryError: the device has no room.
        NotSimulatedError: the tensor has another layout.
    """
    if twin.layout is torch.sparse_coo:
        from torch_npu._sim import sparse

        return sparse.from_host(twin, index)
    if twin.layout is not STRIDED:
        raise NotSimulatedError(
            f"a tensor of layout {twin.layout} on the NPU is not simulated: use a dense tensor, or the CPU."
        )
    if twin.is_conj() or twin.is_neg():
        twin = twin.resolve_conj().resolve_neg()
    ptr = twin.data_ptr()
    if ptr == 0:
        runtime.memories[index]
        return to_npu(twin, index)
    held = live.get(ptr)
    if held is not None and held() is not None:
        twin = twin.clone()  # an operator that gave its input back: the device gets a copy
        ptr = twin.data_ptr()
    if block is None:
        block = allocate(twin.nbytes, index)
    holding = Holding(twin, _release)
    holding.ptr = ptr
    holding.block = block
    holding.memory = runtime.memories[index]
    holding.shape = twin.shape
    holding.stride = twin.stride()
    holding.dtype = twin.dtype
    holding.spec = spec or spec_of(twin)
    live[ptr] = holding
    return to_npu(twin, index)


def alias(tensor: Tensor) -> Tensor:
    """The CPU alias of an NPU tensor: its twin where the geometry is the same, otherwise a new view.

    The twin must not be resized: where a kernel might, use `dlpack.to_cpu`, whose storage refuses it.
    """
    held = live.get(tensor.data_ptr())
    if held is not None:
        twin = held()
        if (
            twin is not None
            and held.dtype is tensor.dtype
            and held.shape == tensor.shape
            and held.stride == tensor.stride()
            and not tensor.is_conj()
            and not tensor.is_neg()
        ):
            return twin
    return view_as_cpu(tensor)


def can_take_the_place_of(tensor: Tensor, other: Tensor) -> bool:
    """Whether `tensor.data = other` may put one's memory under the other, between host and device as well.

    This is what lets `Module.to` move parameters in place, so that an optimizer made before keeps them
    (HasCompatibleShallowCopyType.cpp).
    """
    return tensor.layout is other.layout and other.layout in {torch.strided, torch.sparse_coo}


def view_as_cpu(tensor: Tensor) -> Tensor:
    """A new CPU view of an NPU tensor's memory, lazy conjugation and negation included."""
    conj, neg = tensor.is_conj(), tensor.is_neg()
    if not conj and not neg:
        return to_cpu(tensor)
    plain = tensor
    if conj:
        plain = torch._C._VariableFunctions._conj(plain)
    if neg:
        plain = torch._C._VariableFunctions._neg_view(plain)
    cpu = to_cpu(plain)
    if neg:
        cpu = torch._C._VariableFunctions._neg_view(cpu)
    if conj:
        cpu = torch._C._VariableFunctions._conj(cpu)
    return cpu
