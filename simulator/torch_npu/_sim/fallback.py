"""Operators that the real device does not have: they run on the CPU, with the real warning, and are counted.

The device's clock sees what the real one sees: the inputs come to the host, the outputs go back.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from torch_npu._sim import runtime, sparse
from torch_npu._sim.cpu_fallback_ops import FALLBACK
from torch_npu._sim.kernels import Target, read_back, with_tensors
from torch_npu._sim.signatures import signature
from torch_npu._sim.storages import NotSimulatedError, adopt
from torch_npu.utils._error_code import ErrCode, ops_error

if TYPE_CHECKING:
    from torch._ops import OpOverload

calls: Counter[str] = Counter()
_ALLOWED = os.environ.get("TORCH_NPU_FALLBACK_CPU_DISABLE") != "1"


def count() -> int:
    """How many operators ran on the CPU so far."""
    return calls.total()


def run(op: OpOverload, *args: Any, **kwargs: Any) -> Any:
    """Kernel of every operator without one of its own.

    Raises:
        NotSimulatedError: the CPU has no kernel for it either.
        RuntimeError: TORCH_NPU_FALLBACK_CPU_DISABLE=1 forbids it.
    """
    name = str(op._schema.name)
    full = name if op._overloadname == "default" else f"{name}.{op._overloadname}"
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    if not has_kernel(full, "CPU") and not has_kernel(full, "CompositeExplicitAutograd"):
        raise NotSimulatedError(
            f"{full} is not simulated on the NPU: move its tensors to the CPU with .cpu() for this operation."
        )
    if not _ALLOWED:
        raise RuntimeError(
            f"The operator '{full}' would execute its main computation on CPU through dispatcher backend "
            "fallback because no kernel is registered for the NPU PrivateUse1 backend, but CPU fallback is "
            "disabled by TORCH_NPU_FALLBACK_CPU_DISABLE=1." + ops_error(ErrCode.NOT_SUPPORT)
        )
    if not calls[full]:
        shown = "aten::" + _looked_for(full[6:]) if full.startswith("aten::") else full
        warnings.warn(
            f"CAUTION: The operator '{shown}' is not currently supported on the NPU backend and will fall "
            "back to run on the CPU. This may have performance implications. (function npu_cpu_fallback)",
            stacklevel=3,  # the learner's line: this function and the registered one lie between
        )
    calls[full] += 1
    target = Target(host_ok=True)
    args = with_tensors(signature(op), args)

    def down(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor) or leaf.get_device() < 0:
            return leaf
        alias = target.take(leaf)
        read_back(target.index, leaf.nbytes)
        return alias

    cpu_args, cpu_kwargs = tree_map(down, (args, kwargs))
    pairs = {id(c): n for c, n in _tensor_pairs((cpu_args, cpu_kwargs), (args, kwargs))}

    def up(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        given = pairs.get(id(leaf))
        if given is not None:
            runtime.queues[target.index].copy("H2D", given.nbytes, asynchronous=False)
            return given
        result = adopt(leaf, target.index)
        size = sum(part.nbytes for part in sparse.parts(leaf))
        runtime.queues[target.index].copy("H2D", size, asynchronous=False)
        return result

    return tree_map(up, op(*cpu_args, **cpu_kwargs))


def _looked_for(name: str) -> str:
    """The kernel that PyTorch misses when an operator is called: of a structured one, its out= form."""
    if name in FALLBACK:
        return FALLBACK[name]
    structured = "CompositeExplicitAutogradNonFunctional"
    if not torch._C._dispatch_has_kernel_for_dispatch_key(f"aten::{name}", structured):
        return name
    base = name.partition(".")[0].removesuffix("_")
    forms = (f"{base}.out", f"{base}.{name.partition('.')[2]}_out")
    return next((form for form in forms if torch._C._dispatch_has_kernel(f"aten::{form}")), name)


def _tensor_pairs(cpu: Any, npu: Any) -> list[tuple[Tensor, Tensor]]:
    from torch.utils._pytree import tree_leaves

    both = zip(tree_leaves(cpu), tree_leaves(npu), strict=True)
    return [(c, n) for c, n in both if isinstance(c, Tensor)]
