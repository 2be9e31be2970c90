"""Sparse tensors on the NPU: indices and values in device memory, and the operators of the real device.

PyTorch's own sparse kernels are made of operators on indices and values; run on an NPU tensor, they reach the
kernels of the device, which charges each. The few of the device's own run on CPU aliases.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._C import DispatchKey, DispatchKeySet
from torch.utils._pytree import tree_map_only

from torch_npu._sim import runtime, sparse_ops, storages
from torch_npu._sim.kernels import charge
from torch_npu.utils._error_code import ErrCode, ops_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch._ops import OpOverload

    Kernel = Callable[..., Any]

_COO = DispatchKeySet(DispatchKey.SparseCPU)
_CSR = DispatchKeySet(DispatchKey.SparseCsrCPU)
_DENSE = DispatchKeySet(DispatchKey.CPU)
_make = torch.ops.aten._sparse_coo_tensor_with_dims_and_tensors.default


def refuse(op: OpOverload, *_args: Any, **_kwargs: Any) -> Any:
    """Kernel of every other operator on sparse NPU tensors (npu_Sparse_fallback of torch_npu)."""
    name = op._schema.name + (f".{op._overloadname}" if op._overloadname != "default" else "")
    raise storages.NotSimulatedError(
        f"CAUTION: The operator '{name}' is not currently supported on the NPU backend."
        + ops_error(ErrCode.NOT_SUPPORT)
    )


def kernels(overload_of: Callable[[str], OpOverload]) -> Iterator[tuple[str, str, Callable[[], Kernel]]]:
    """The operators that sparse tensors have: name, dispatch key, and what builds the kernel."""
    for name in sparse_ops.SHARED_COO:
        yield name, "SparsePrivateUse1", partial(_build, _COO, overload_of, name)
    for name in sparse_ops.ON_NPU:
        yield name, "SparsePrivateUse1", partial(_build_own, overload_of, name)
    for name in sparse_ops.SHARED_CSR:
        yield name, "SparseCsrPrivateUse1", partial(_build, _CSR, overload_of, name)


def _build(keys: DispatchKeySet, overload_of: Callable[[str], OpOverload], name: str) -> Kernel:
    return _shared(overload_of(name), keys)


def _build_own(overload_of: Callable[[str], OpOverload], name: str) -> Kernel:
    return partial(_max if name == "max" else _on_aliases, overload_of(name))


def dense_kernels() -> dict[str, Callable[..., Any]]:
    """The kernels that make a sparse tensor of a dense one."""
    aten = torch.ops.aten
    return {
        "_to_sparse": _shared(aten._to_sparse.default, _DENSE),
        "_to_sparse.sparse_dim": _shared(aten._to_sparse.sparse_dim, _DENSE),
    }


def from_host(twin: Tensor, index: int) -> Tensor:
    """A sparse COO tensor on npu:index out of a fresh CPU one, as operators with a sparse result give it."""
    indices, values = (storages.adopt(part, index) for part in parts(twin))
    return _with_parts(twin, indices, values)


def _with_parts(tensor: Tensor, *held: Tensor) -> Tensor:
    """A tensor like a sparse one, of other indices and values: on their device, of their type."""
    indices, values = held
    made: Tensor = _make.redispatch(
        _COO, tensor.sparse_dim(), tensor.dense_dim(), tensor.shape, indices, values,
        dtype=values.dtype, layout=torch.sparse_coo, device=values.device,
        is_coalesced=tensor.is_coalesced(),
    )  # fmt: skip
    return made


def parts(tensor: Tensor) -> list[Tensor]:
    """The dense tensors that hold a tensor's data: itself, or its indices and values."""
    return [tensor._indices(), tensor._values()] if tensor.is_sparse else [tensor]


def _as_host(tensor: Tensor) -> Tensor:
    """The host's view, of 16 bits in 32: so the device adds up, and the CPU has no kernels of 16 bits."""
    on_npu = tensor.get_device() >= 0
    *indices, values = [storages.alias(part) if on_npu else part for part in parts(tensor)]
    if values.dtype in {torch.float16, torch.bfloat16}:
        values = values.float()
    return _with_parts(tensor, *indices, values) if indices else values


def _shared(op: OpOverload, keys: DispatchKeySet) -> Kernel:
    """PyTorch's own kernel, with the tensors' device as the current one while it makes new tensors."""
    takes_tensor = [isinstance(a.type, torch.TensorType) for a in op._schema.arguments]

    def kernel(*args: Any, **kwargs: Any) -> Any:
        # x * 2 arrives as the Python number; the kernel wants the tensor that PyTorch made of it.
        numbered = (
            torch.tensor(a) if is_tensor and not isinstance(a, Tensor) and a is not None else a
            for a, is_tensor in zip(args, takes_tensor, strict=False)
        )
        before = runtime.current_device()
        index = next((a.get_device() for a in args if isinstance(a, Tensor) and a.get_device() >= 0), before)
        runtime.set_device(index)
        try:
            return op.redispatch(keys, *numbered, **kwargs)
        finally:
            runtime.set_device(before)

    return kernel


def _max(_op: OpOverload, tensor: Tensor) -> Tensor:
    return tensor.to_dense().max()


def _on_aliases(op: OpOverload, *args: Any, out: Tensor | None = None, **kwargs: Any) -> Any:
    """Computes on the host's view of the memory, and puts the result on the device or into `out`."""
    name = op._schema.name.removeprefix("aten::")
    given = [a for a in args if isinstance(a, Tensor)]
    index = next(t.get_device() for t in (*given, *(() if out is None else (out,))) if t.get_device() >= 0)
    host = tree_map_only(Tensor, _as_host, args)
    made = getattr(torch.ops.aten, name)(*host, **kwargs)
    *indices, values = parts(made)
    values = values.to(torch.result_type(given[0], given[-1]))
    result: Tensor = storages.adopt(_with_parts(made, *indices, values) if indices else values, index)
    reads = [storages.spec_of(p) for t in given for p in parts(t)]
    charge(index, name, "elementwise", reads, [storages.spec_of(p) for p in parts(result)])
    if out is None:
        return result
    if not out.is_sparse and out.shape != result.shape:
        out.resize_(result.shape)
    return out.copy_(result)
