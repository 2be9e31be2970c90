"""An operator defined by a few of PyTorch's, computed on the host and charged to the device as one launch.

Where a gradient is wanted, the definition is recorded by the host's autograd, and the backward pass replays
that record as one launch more. The definition's own intermediates take no device memory, as within one
kernel.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree

from torch_npu._sim import capturing, generators
from torch_npu._sim.hosted import announced, hosted
from torch_npu._sim.kernels import Target, charge
from torch_npu._sim.storages import adopt, spec_of
from torch_npu.utils._error_code import ErrCode, ops_error

if TYPE_CHECKING:
    from collections.abc import Callable

_thread = threading.local()


class Call(NamedTuple):
    """One call of a fused operator: what to compute, and where the tensors stand among its arguments."""

    name: str
    kind: str
    function: Callable[..., Any]
    leaves: list[Any]
    tree: Any
    places: list[int]
    target: Target

    def compute(self, tensors: list[Any]) -> Any:
        """The definition, on the host."""
        leaves = list(self.leaves)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = _pytree.tree_unflatten(leaves, self.tree)
        _thread.index = self.target.index
        with hosted():
            return self.function(*args, **kwargs)


def generator() -> torch.Generator:
    """The random numbers of the device on which the current definition is computed."""
    found: torch.Generator = generators.default(_thread.index)
    return found


def invalid(reason: str) -> RuntimeError:
    """The error for an argument that an operator does not take."""
    return RuntimeError(reason + ops_error(ErrCode.PARAM))


def not_of_the_host(operator: str) -> NotImplementedError:
    """The error of PyTorch's dispatcher for an operator of the NPU that gets nothing but CPU tensors."""
    return NotImplementedError(
        f"Could not run 'npu::{operator}' with arguments from the 'CPU' backend. "
        "The operator has a kernel for the NPU alone: move its tensors there with .npu()."
    )


def not_simulated(operator: str, what: str, instead: str) -> NotImplementedError:
    """The error for a feature of an operator that is not simulated."""
    return NotImplementedError(f"{operator} with {what} is not simulated: {instead}.")


def _check_untraced(operator: str, tensors: list[Tensor]) -> None:
    if torch._C._get_tracing_state() is not None:
        instead = "trace the model with PyTorch's own operators in its place"
        raise not_simulated(f"npu::{operator}", "torch.jit.trace or an export by it", instead)
    if any(torch._is_functional_tensor(t) for t in tensors):
        raise not_simulated(f"npu::{operator}", "tensors that are traced", "call it untraced")


def _in_order(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, with `input` for a first one called `self`: PyTorch's operators take both."""
    if not args and "input" in kwargs and function.__code__.co_varnames[:1] == ("self",):
        args = (kwargs.pop("input"),)
    return args, kwargs


def fused(
    name: str, kind: str = "elementwise", *, differentiable: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes an operator out of a definition on host tensors.

    Args:
        name: the operator's type in the profile.
        kind: what it costs like; see `npusim.OP_KINDS`.
        differentiable: whether it has a gradient.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def operator(*args: Any, **kwargs: Any) -> Any:
            leaves, tree = _pytree.tree_flatten(_in_order(function, args, kwargs))
            places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
            call = Call(name, kind, function, leaves, tree, places, Target(host_ok=False))
            tensors = [leaves[i] for i in places]
            _check_untraced(function.__name__, tensors)
            if not any(t.get_device() >= 0 for t in tensors):
                raise not_of_the_host(function.__name__)
            with announced("npu::" + function.__name__):
                if capturing.Active.capture is not None:
                    return capture(capturing.Active.capture, call, tensors)
                return start(call, tensors)

        def capture(graph: capturing.Capture, call: Call, tensors: list[Tensor]) -> Any:
            if differentiable and torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
                raise not_simulated(
                    f"npu::{function.__name__}",
                    "a gradient in a captured graph",
                    "capture under torch.no_grad()",
                )
            return _captured(graph, call, tensors)

        def start(call: Call, tensors: list[Tensor]) -> Any:
            if differentiable and torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
                holder: list[Any] = []
                results = _Fused.apply(call, holder, *tensors)  # type: ignore[no-untyped-call]
                return _pytree.tree_unflatten(list(results), holder[0])
            return _direct(call, tensors)

        return operator

    return decorate


def _direct(call: Call, tensors: list[Tensor]) -> Any:
    with torch.no_grad(), hosted():
        hosts = [call.target.take(t.detach()) for t in tensors]
        results, tree = _pytree.tree_flatten(call.compute(hosts))
        given = [_give(r, hosts, tensors, call.target.index) for r in results]
    _charge(call, "", given)
    return _pytree.tree_unflatten(given, tree)


def _captured(graph: capturing.Capture, call: Call, tensors: list[Tensor]) -> Any:
    """Computes the operator and notes it in a graph, to be computed again from the same tensors."""
    held = [t.data for t in tensors]
    graph.noting = True
    try:
        result = _direct(call, tensors)
    finally:
        graph.noting = False
    written = {id(t) for t in tensors}
    results = [None if id(r) in written else r for r in _pytree.tree_leaves(result)]
    graph.note(lambda: _direct(call._replace(target=Target(host_ok=False)), held), results)
    return result


def _give(result: Any, hosts: list[Tensor], tensors: list[Tensor], index: int) -> Any:
    """A result on the device: the argument itself where that was written, else memory of its own."""
    if not isinstance(result, Tensor):
        return result
    for host, tensor in zip(hosts, tensors, strict=True):
        if result is host:
            return tensor
    shares = result._is_view() or any(
        result.untyped_storage().data_ptr() == host.untyped_storage().data_ptr() for host in hosts
    )
    return adopt(result.contiguous().clone() if shares else result.contiguous(), index)


def _charge(call: Call, suffix: str, results: list[Any]) -> None:
    writes = [spec_of(r) for r in results if isinstance(r, Tensor)]
    charge(call.target.index, call.name + suffix, call.kind, call.target.reads, writes)


class _Fused(torch.autograd.Function):
    """The operator with its gradient."""

    @staticmethod
    def forward(ctx: Any, call: Call, holder: list[Any], *tensors: Tensor) -> Any:
        hosts = [
            call.target.take(t.detach()).detach().requires_grad_(t.requires_grad and t.is_floating_point())
            for t in tensors
        ]
        with torch.enable_grad():
            results, tree = _pytree.tree_flatten(call.compute(hosts))
        holder.append(tree)
        # Copies: the recorded definition may need its results, which the program may overwrite.
        index = call.target.index
        given = [
            adopt(r.detach().clone().contiguous(), index) if isinstance(r, Tensor) else r for r in results
        ]
        _charge(call, "", given)
        pairs = zip(given, results, strict=True)
        fixed = [g for g, r in pairs if isinstance(r, Tensor) and not r.requires_grad]
        ctx.mark_non_differentiable(*fixed)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        ctx.call, ctx.hosts, ctx.results = call, hosts, results
        return tuple(given)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        tensors = ctx.saved_tensors  # raises where an input was overwritten since
        target = Target(host_ok=False)
        pairs = [
            (result, target.take(grad.contiguous()))
            for result, grad in zip(ctx.results, grads, strict=True)
            if grad is not None and isinstance(result, Tensor) and result.requires_grad
        ]
        wanted = [host for host in ctx.hosts if host.requires_grad]
        if not pairs or not wanted:
            return (None, None, *[None for _ in tensors])
        outputs, given = zip(*pairs, strict=True)
        with torch.enable_grad(), hosted():
            found = torch.autograd.grad(outputs, wanted, given, retain_graph=True, allow_unused=True)
        index = target.index
        adopted = iter([None if g is None else adopt(g.contiguous().clone(), index) for g in found])
        gradients = [next(adopted) if host.requires_grad else None for host in ctx.hosts]
        writes = [spec_of(g) for g in gradients if g is not None]
        charge(index, ctx.call.name + "Grad", ctx.call.kind, [*target.reads, *ctx.call.target.reads], writes)
        return (None, None, *gradients)
