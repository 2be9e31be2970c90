"""An operator run on the CPU alias of device memory, and charged to the device.

The values come from PyTorch's own CPU kernels; the device is charged one launch with the shapes of what it
read and wrote. A kernel runs below autograd and autocast, as every backend kernel does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from npusim import Op
from torch import Tensor

from torch_npu._sim import generators, overflow, pooling, products, runtime, sync_debug
from torch_npu._sim.dlpack import to_cpu
from torch_npu._sim.op_names import HOST_ARGUMENTS, VALUE_DEPENDENT, base_name, name_and_kind
from torch_npu._sim.resizing import replace_contents
from torch_npu._sim.signatures import MANY, Signature, signature
from torch_npu._sim.storages import adopt, alias, live, spec_of
from torch_npu.utils._error_code import ErrCode, faults, ops_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from npusim import TensorSpec
    from torch._ops import OpOverload

# What stands in the place of a tensor: a Python number, as in x * 2, or an optional left out.
NUMBERS = frozenset({int, float, bool, complex, type(None), torch.SymInt, torch.SymFloat, torch.SymBool})
_PLAIN = frozenset({int, float, bool, complex})
_SCALAR_BYTES = 8


def mixed_with_host() -> RuntimeError:
    """The error for a CPU tensor where an NPU tensor is needed (OpPreparation.cpp)."""
    return RuntimeError(
        "Expected all tensors to be on the same device. "
        "Expected NPU tensor, please check whether the input tensor device is correct."
        + ops_error(ErrCode.TYPE)
    )


def mixed_devices(one: int, other: int) -> RuntimeError:
    """The error for tensors of two NPUs (c10's common device check)."""
    return RuntimeError(
        "Expected all tensors to be on the same device, but found at least two devices, "
        f"npu:{one} and npu:{other}!"
    )


class Target:
    """What one call gathers: the device of its tensors, what it reads and what it writes."""

    __slots__ = ("host_ok", "index", "reads")

    def __init__(self, *, host_ok: bool) -> None:
        self.index = -1
        self.reads: list[TensorSpec] = []
        self.host_ok = host_ok

    def take(self, tensor: Any, *, written: bool = False) -> Any:
        """The CPU alias of an argument, after the checks that the device makes.

        Raises:
            RuntimeError: it is a CPU tensor, or another NPU's.
        """
        if type(tensor) in NUMBERS:
            return tensor
        index = tensor.get_device()
        if index < 0:
            # As in PyTorch, a CPU tensor without dimensions counts as a number where it is only read.
            if written or (tensor.dim() and not self.host_ok):
                raise mixed_with_host()
            return tensor
        if index != self.index:
            if self.index >= 0:
                raise mixed_devices(self.index, index)
            self.index = index
        self.reads.append(spec_of(tensor))
        return alias(tensor)

    def take_all(self, tensors: Any, *, written: bool) -> list[Any]:
        """The same for a list, as the optimizers' operators have; what lies as it was made goes a short way.

        Raises:
            RuntimeError: as for `take`.
        """
        found = []
        reads = self.reads
        for tensor in tensors:
            held = None if tensor is None else live.get(tensor.data_ptr())
            if (
                held is not None
                and tensor.get_device() == self.index
                and held.shape == tensor.shape
                and held.stride == tensor.stride()
                and held.dtype is tensor.dtype
                and not tensor.is_conj()
                and not tensor.is_neg()
                and (twin := held()) is not None
            ):
                reads.append(held.spec)
                found.append(twin)
            else:
                found.append(self.take(tensor, written=written))
        return found


def charge(index: int, name: str, kind: str, reads: list[TensorSpec], writes: list[TensorSpec]) -> None:
    """Launches an operator on the device's current stream."""
    runtime.queues[index].launch(Op(name, kind, reads, writes))


def read_back(index: int, nbytes: int) -> None:
    """Charges a copy to the host that the host waits for.

    Raises:
        RuntimeError: an earlier launch of the stream failed on the device.
    """
    stream = runtime.queues[index]
    stream.copy("D2H", nbytes, asynchronous=False)
    with faults("c10_npu::acl::AclrtSynchronizeStreamWithTimeout(copy_stream)"):
        stream.tell_fault()


def _adopt_all(values: Any, index: int, writes: list[TensorSpec]) -> Any:
    if isinstance(values, Tensor):
        writes.append(spec_of(values))
        return adopt(values, index)
    if isinstance(values, tuple | list):
        return type(values)(_adopt_all(v, index, writes) for v in values)
    return values


def make_kernel(overload: OpOverload) -> Callable[..., Any]:
    """The kernel of an operator without view semantics, chosen by the form of its schema."""
    sig = signature(overload)
    simple = not sig.lists and not sig.keywords and "generator" not in sig.keyword_names | set(sig.names)
    host_ok = overload._schema.name.partition("::")[2] in HOST_ARGUMENTS
    if simple and not host_ok and _returns_tensors(overload):
        if not sig.written and set(sig.returns) == {None}:
            return _plain(overload, sig, _given_one if len(sig.returns) == 1 else _given_several)
        if sig.tensors and sig.written == {sig.names[0]} and sig.returns == (sig.names[0],):
            return _plain(overload, sig, _given_first)
    return _general(overload, sig, host_ok=host_ok)


def _returns_tensors(overload: OpOverload) -> bool:
    name = base_name(overload._schema.name.partition("::")[2])
    return all(str(r.type) == "Tensor" for r in overload._schema.returns) and name not in VALUE_DEPENDENT


def with_tensors(sig: Signature, values: Sequence[Any]) -> tuple[Any, ...]:
    """Arguments with tensors in the place of the numbers that stand for some."""
    wanted = sig.tensors
    return tuple(_as_tensor(v) if i in wanted and type(v) in _PLAIN else v for i, v in enumerate(values))


def _as_tensor(number: Any) -> Tensor:
    """A number as the tensor for which it stood, with all its digits: out= wants one, as in x & 1."""
    return torch.tensor(number, dtype=torch.float64 if isinstance(number, float) else None)


def _cpu_kernel(overload: OpOverload) -> Callable[..., Any]:
    """The CPU kernel itself, past the CPU's autocast; the operator where it is composed of others."""
    name = f"{overload._schema.name}.{overload._overloadname}".removesuffix(".default")
    compute = overload._op
    if torch._C._dispatch_has_kernel_for_dispatch_key(name, "CPU"):
        compute = partial(overload._op_dk, torch._C.DispatchKey.CPU)
    writes = any(a.alias_info is not None for a in overload._schema.arguments)
    product = overload._schema.name.partition("::")[2]
    if product in products.IN_FLOAT32 and not writes:
        compute = products.computed_in_float32(compute)
    if product in products.NAMES and not writes:
        compute = products.accumulated_in_float32(compute, product)
    if product == pooling.NAME and not writes:
        compute = pooling.channels_innermost(compute)
    return overflow.saturating(compute) if overflow.SATURATES else compute


def _given_one(result: Tensor, _args: tuple[Any, ...], index: int) -> tuple[Any, list[TensorSpec]]:
    spec = spec_of(result)
    return adopt(result, index, None, spec), [spec]


def _given_several(
    result: tuple[Tensor | None, ...], _args: tuple[Any, ...], index: int
) -> tuple[Any, list[TensorSpec]]:
    given: list[Tensor | None] = []
    specs: list[TensorSpec] = []
    for one in result:
        if one is None:
            given.append(one)
        else:
            spec = spec_of(one)
            specs.append(spec)
            given.append(adopt(one, index, None, spec))
    return tuple(given), specs


def _given_first(_result: Tensor, args: tuple[Any, ...], _index: int) -> tuple[Any, list[TensorSpec]]:
    return args[0], [spec_of(args[0])]


def _plain(overload: OpOverload, sig: Signature, give: Callable[..., Any]) -> Callable[..., Any]:
    """The hot path: tensors in, one of the three above out. `Target` and `alias` are written out here."""
    name, kind = name_and_kind(overload._schema.name.partition("::")[2])
    compute = _cpu_kernel(overload)
    positions = sig.tensors
    written = 0 if give is _given_first else -1

    def kernel(*args: Any, **kwargs: Any) -> Any:
        values = list(args)
        reads = []
        index = -2  # none seen; -1 is the CPU
        for i in positions:
            if i >= len(values):
                break
            tensor = values[i]
            if type(tensor) in NUMBERS:
                continue
            at = tensor.get_device()
            if at != index:
                if at < 0:
                    if tensor.dim() or i == written:
                        raise mixed_with_host()
                    continue
                if index != -2:  # noqa: PLR2004 - as above
                    raise mixed_devices(index, at)
                index = at
            held = live.get(tensor.data_ptr())
            if (
                held is not None
                and held.shape == tensor.shape
                and held.stride == tensor.stride()
                and held.dtype is tensor.dtype
                and not tensor.is_conj()
                and not tensor.is_neg()
                and (twin := held()) is not None
            ):
                values[i] = twin
                reads.append(held.spec)
            else:
                values[i] = alias(tensor)
                reads.append(spec_of(tensor))
        result = compute(*values, **kwargs)
        given, writes = give(result, args, index)
        runtime.queues[index].launch(Op(name, kind, reads, writes))
        return given

    return kernel


def _general(overload: OpOverload, sig: Signature, *, host_ok: bool) -> Callable[..., Any]:
    name = overload._schema.name.partition("::")[2]
    shown, kind = name_and_kind(name)
    compute = _cpu_kernel(overload)
    waits = base_name(name) in VALUE_DEPENDENT
    has_generator = "generator" in sig.keyword_names or "generator" in sig.names
    out_names = tuple(n for n, _ in sig.keywords if n in sig.written)
    # Indices may come from the host; the values that they place may not.
    checked = sig.names.index("values") if "index_put" in name else None

    def kernel(*args: Any, **kwargs: Any) -> Any:
        target = Target(host_ok=host_ok)
        if checked is not None and args[checked].get_device() < 0 and args[checked].dim():
            raise mixed_with_host()
        values, cpu_kwargs = _gather(sig, target, args, kwargs)
        if out_names:
            values = list(with_tensors(sig, values))
        index = target.index
        if has_generator:
            generators.insert(sig, values, cpu_kwargs, index)
        if out_names:
            result = _run_out(compute, values, cpu_kwargs, kwargs, out_names)
        else:
            result = compute(*values, **cpu_kwargs)
        writes: list[TensorSpec] = []
        given = _give_back(sig, result, args, kwargs, index, writes)
        charge(index, shown, kind, target.reads, writes)
        if waits or _is_host_value(result):
            sync_debug.waits()
            read_back(index, _SCALAR_BYTES)
        return given

    return kernel


def _is_host_value(result: Any) -> bool:
    return isinstance(result, bool | int | float | complex)


def _gather(
    sig: Signature, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments with CPU aliases in the place of NPU tensors."""
    values = list(args)
    count = len(values)
    for i in sig.tensors:
        if i < count:
            values[i] = target.take(values[i], written=sig.names[i] in sig.written)
    for i in sig.lists:
        if i < count and values[i] is not None:
            values[i] = target.take_all(values[i], written=sig.names[i] in sig.written)
    if not sig.keywords:
        return values, kwargs
    kwargs = dict(kwargs)
    for name, kind in sig.keywords:
        value = kwargs.get(name)
        if value is None:
            continue
        written = name in sig.written
        if kind == MANY:
            kwargs[name] = target.take_all(value, written=written)
        else:
            kwargs[name] = target.take(value, written=written)
    return values, kwargs


def _run_out(
    compute: Callable[..., Any],
    values: list[Any],
    cpu_kwargs: dict[str, Any],
    kwargs: dict[str, Any],
    out_names: tuple[str, ...],
) -> Any:
    """Runs an out= variant; an output of the wrong size gets new memory, as on the real device."""
    outs = {}
    for name in out_names:
        given = kwargs[name]
        outs[name] = [_out_alias(t) for t in given] if isinstance(given, list | tuple) else _out_alias(given)
    cpu_kwargs.update(outs)
    try:
        result = compute(*values, **cpu_kwargs)
    except RuntimeError as error:
        if "not resizable" not in str(error):
            raise
        outs = {n: _empty_like_out(v) for n, v in outs.items()}
        cpu_kwargs.update(outs)
        result = compute(*values, **cpu_kwargs)
    for name, cpu in outs.items():
        given = kwargs[name]
        pairs = zip(given, cpu, strict=True) if isinstance(cpu, list) else ((given, cpu),)
        for tensor, value in pairs:
            if value.shape != tensor.shape or value.data_ptr() != tensor.data_ptr():
                replace_contents(tensor, value)
    return result


def _out_alias(tensor: Tensor) -> Tensor:
    # A view over memory that cannot be resized: the twin could be, under the feet of the NPU tensor.
    return torch.empty(0, dtype=tensor.dtype) if tensor.numel() == 0 else to_cpu(tensor)


def _empty_like_out(value: Any) -> Any:
    if isinstance(value, list):
        return [torch.empty(0, dtype=v.dtype) for v in value]
    return torch.empty(0, dtype=value.dtype)


def _give_back(
    sig: Signature,
    result: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    index: int,
    writes: list[TensorSpec],
) -> Any:
    """The result as the caller gets it: arguments that were written themselves, new values on the device."""
    returns = sig.returns
    if not returns:
        return result
    if len(returns) == 1:
        name = returns[0]
        if name is None:
            return _adopt_all(result, index, writes)
        return _written_argument(sig, name, args, kwargs, writes)
    return tuple(
        _adopt_all(value, index, writes)
        if name is None
        else _written_argument(sig, name, args, kwargs, writes)
        for value, name in zip(result, returns, strict=True)
    )


def _written_argument(
    sig: Signature, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], writes: list[TensorSpec]
) -> Any:
    value = kwargs[name] if name in sig.keyword_names else args[sig.names.index(name)]
    if isinstance(value, Tensor):
        writes.append(spec_of(value))
    return value
