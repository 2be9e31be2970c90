"""Operators that make tensors out of no tensor, or like one: they name the device in an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torch_npu._sim import generators, host_memory, runtime
from torch_npu._sim.kernels import charge
from torch_npu._sim.op_names import name_and_kind
from torch_npu._sim.storages import adopt, alias, allocate, spec_of
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch._ops import OpOverload

CPU = torch.device("cpu")

# Overloads that take a generator, for calls that left it out: the CPU's own generator must not be touched.
WITH_GENERATOR = {
    "rand": "rand.generator",
    "randn": "randn.generator",
    "randint": "randint.generator",
    "randint.low": "randint.low_generator",
    "randperm": "randperm.generator",
    "rand_like": "rand_like.generator",
    "randn_like": "randn_like.generator",
    "randint_like": "randint_like.generator",
    "randint_like.low_dtype": "randint_like.low_generator_dtype",
}


def target_index(device: torch.device | None, like: Tensor | None) -> int:
    """The device index that a factory call means; -1 for the CPU.

    Raises:
        RuntimeError: no such device.
    """
    if device is None:
        return runtime.current_device() if like is None else like.get_device()
    if device.type != "npu":
        return -1
    index: int | None = device.index
    if index is None:
        return runtime.current_device()
    runtime.check_index(index)
    return index


def _refuse_pinning(pin_memory: bool | None) -> None:
    if pin_memory:
        raise RuntimeError("Only dense CPU tensors can be pinned")


def empty_memory_format(size: Any, *, device: torch.device | None = None, **options: Any) -> Tensor:
    """Kernel of aten::empty.memory_format: memory without contents, no launch."""
    _refuse_pinning(options.pop("pin_memory", None))
    index = target_index(device, None)
    dtype = options.get("dtype") or torch.get_default_dtype()
    nbytes = dtype.itemsize
    for length in size:
        nbytes *= length
    # The simulated device refuses before the host is asked for what may be more memory than it has.
    block = allocate(nbytes, index) if nbytes > 0 else None
    if nbytes >= host_memory.LARGE:
        return adopt(host_memory.zeros(nbytes).view(dtype).view(size), index, block)
    return adopt(_empty(size, device=CPU, **options), index, block)


_empty = torch.ops.aten.empty.memory_format._op


def empty_strided(size: Any, stride: Any, *, device: torch.device | None = None, **options: Any) -> Tensor:
    """Kernel of aten::empty_strided: memory without contents, no launch."""
    _refuse_pinning(options.pop("pin_memory", None))
    index = target_index(device, None)
    cpu = torch.ops.aten.empty_strided.default._op(size, stride, device=CPU, **options)
    block = allocate(cpu.untyped_storage().nbytes(), index) if cpu.numel() else None
    return adopt(cpu, index, block)


def zeros(size: Any, *, device: torch.device | None = None, **options: Any) -> Tensor:
    """Kernel of aten::zeros: one launch. Large memory is zero until it is touched."""
    result = empty_memory_format(size, device=device, **options)
    if result.nbytes < host_memory.LARGE:
        alias(result).zero_()
    charge(result.get_device(), "ZerosLike", "elementwise", [], [spec_of(result)])
    return result


def empty_with_swapped_memory(size: Any, *, dtype: torch.dtype | None = None, device: Any = None) -> Tensor:
    """A tensor of the NPU whose memory is the host's: it takes none of the device's.

    Args:
        size: its shape.
        dtype: float32 by default.
        device: an NPU, the current one by default.

    Raises:
        RuntimeError: the device is not an NPU, or there is none of that index.
    """
    index = target_index(None if device is None else torch.device(device), None)
    if index < 0:
        raise RuntimeError(f"Expected an NPU device, but got {device}" + pta_error(ErrCode.PARAM))
    twin = torch.empty(size, dtype=dtype, device=CPU)
    return adopt(twin, index, allocate(0, index) if twin.numel() else None)


def make_factory(overload: OpOverload) -> Callable[..., Any]:
    """The kernel of an operator with a `device` argument: filled on the CPU, charged as one launch."""
    name = overload._schema.name.partition("::")[2]
    shown, kind = name_and_kind(name)
    full_name = f"{name}.{overload._overloadname}" if overload._overloadname != "default" else name
    compute = overload._op
    seeded = WITH_GENERATOR.get(full_name)
    if seeded is not None:
        base, _, part = seeded.partition(".")
        compute = getattr(getattr(torch.ops.aten, base), part)._op
    takes_generator = seeded is not None or any(a.name == "generator" for a in overload._schema.arguments)

    def kernel(*args: Any, **kwargs: Any) -> Any:
        like = args[0] if args and isinstance(args[0], Tensor) else None
        index = target_index(kwargs.get("device"), like)
        if index < 0:
            return compute(alias(args[0]), *args[1:], **kwargs)
        _refuse_pinning(kwargs.pop("pin_memory", None))
        kwargs["device"] = CPU
        if takes_generator:
            kwargs["generator"] = generators.chosen(kwargs.get("generator"), index)
        values = [alias(a) if isinstance(a, Tensor) and a.get_device() >= 0 else a for a in args]
        result = compute(*values, **kwargs)
        spec = spec_of(result)
        result = adopt(result, index)
        charge(index, shown, kind, [], [spec])
        return result

    return kernel
