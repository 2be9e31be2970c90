"""`torch.npu.make_graphed_callables`: functions and modules whose passes are captured graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from torch_npu import npu
from torch_npu.npu.autocast_utils import is_autocast_enabled

if TYPE_CHECKING:
    from collections.abc import Callable


class _Passes:
    """The captured forward and backward pass of one callable.

    Args:
        call: the callable.
        args: sample arguments; their tensors become the graph's own.
        pool: the memory pool of the graphs.
        unused: whether inputs may have no part in the outputs.
    """

    def __init__(self, call: Callable[..., Any], args: tuple[Any, ...], pool: Any, *, unused: bool) -> None:
        self.unused = unused
        parameters = tuple(call.parameters()) if isinstance(call, nn.Module) else ()
        self.users = _pytree.tree_leaves(args)
        self.inputs = (*self.users, *parameters)
        self.parameters = parameters
        self.forward_graph, self.backward_graph = npu.NPUGraph(), npu.NPUGraph()
        self.pool = pool
        with npu.graph(self.forward_graph, pool=pool):
            self.outputs, self.tree = _pytree.tree_flatten(call(*args))
        self.grads_out: list[Tensor | None] = []
        self.grads_in: list[Tensor | None] = []

    def capture_backward(self) -> None:
        """Captures the gradients of the outputs that have some."""
        self.grads_out = [torch.empty_like(o) if o.requires_grad else None for o in self.outputs]
        outputs = [o for o in self.outputs if o.requires_grad]
        wanted = [i for i in self.inputs if i.requires_grad]
        if not outputs or not wanted:
            self.grads_in = [None] * len(self.inputs)
            return
        with npu.graph(self.backward_graph, pool=self.pool):
            found = iter(
                torch.autograd.grad(
                    outputs,
                    wanted,
                    [g for g in self.grads_out if g is not None],
                    allow_unused=self.unused,
                )
            )
        self.grads_in = [next(found) if i.requires_grad else None for i in self.inputs]

    def __call__(self, *args: Any) -> Any:
        """The outputs for new arguments, with a gradient."""
        leaves = _pytree.tree_leaves(args)
        outputs = _Graphed.apply(self, *leaves, *self.parameters)  # type: ignore[no-untyped-call]
        return _pytree.tree_unflatten(list(outputs), self.tree)


class _Graphed(torch.autograd.Function):
    """Forward and backward as replays."""

    @staticmethod
    def forward(ctx: Any, passes: _Passes, *inputs: Tensor) -> tuple[Tensor, ...]:
        ctx.passes = passes
        for own, given in zip(passes.users, inputs, strict=False):
            if own.data_ptr() != given.data_ptr():
                own.data.copy_(given)
        passes.forward_graph.replay()
        return tuple(o.detach() for o in passes.outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        passes: _Passes = ctx.passes
        for own, given in zip(passes.grads_out, grads, strict=True):
            if own is not None and own.data_ptr() != given.data_ptr():
                own.copy_(given)
        if any(g is not None for g in passes.grads_in):
            passes.backward_graph.replay()
        return (None, *(None if g is None else g.detach() for g in passes.grads_in))


def _check(call: Any, args: tuple[Any, ...]) -> None:
    if isinstance(call, nn.Module):
        if call._backward_hooks or call._forward_hooks or call._forward_pre_hooks:
            raise RuntimeError(
                "Modules must not have hooks registered at the time they are passed. However, registering "
                "hooks on modules after passing them through make_graphed_callables is allowed."
            )
        if any(b.requires_grad for b in call.buffers()):
            raise RuntimeError(
                "In any :class:`~torch.nn.Module` passed to :func:`~make_graphed_callables`, only parameters "
                "may be trainable. All buffers must have ``requires_grad=False``."
            )
    if not all(isinstance(leaf, Tensor) for leaf in _pytree.tree_leaves(args)):
        raise RuntimeError(
            "In the beta API, sample_args for each callable must contain only Tensors. Other types are not "
            "allowed."
        )


def _warm_up(call: Callable[..., Any], args: tuple[Any, ...], rounds: int, *, unused: bool) -> None:
    """Runs both passes as often as asked for, on a stream beside."""
    inputs = [*_pytree.tree_leaves(args), *(call.parameters() if isinstance(call, nn.Module) else ())]
    wanted = [i for i in inputs if i.requires_grad]
    npu.synchronize()
    with npu.stream(npu.Stream()):
        for _ in range(rounds):
            outputs = [o for o in _pytree.tree_leaves(call(*args)) if o.requires_grad]
            if outputs and wanted:
                ones = [torch.empty_like(o) for o in outputs]
                torch.autograd.grad(outputs, wanted, ones, allow_unused=unused)
    npu.synchronize()


def _in_place_of(module: nn.Module, passes: _Passes) -> nn.Module:
    """The module, whose forward replays in the mode that it was captured in, and computes in the other."""
    mode, original = module.training, module.forward

    def forward(*args: Any) -> Any:
        return passes(*args) if module.training == mode else original(*args)

    module.forward = forward
    return module


def make_graphed_callables(
    callables: Any,
    sample_args: Any,
    num_warmup_iters: int = 3,
    allow_unused_input: bool = False,
    pool: Any = None,
) -> Any:
    """Functions or modules that replay captured graphs in their forward and backward pass.

    Args:
        callables: a function or module, or a tuple of them in the order in which they will run.
        sample_args: a tuple of tensors with the shapes and `requires_grad` of later calls, for each callable.
        num_warmup_iters: how often each runs before the capture.
        allow_unused_input: whether inputs may have no part in the outputs.
        pool: the id of a memory pool to share.

    Returns:
        The same number of callables; modules are changed in place.

    Raises:
        RuntimeError: autocast keeps casts, a module has hooks or trainable buffers, or an argument is no
            tensor.
    """
    if is_autocast_enabled() and torch.is_autocast_cache_enabled():
        raise RuntimeError(
            "make_graphed_callables does not support the autocast caching. Please set `cache_enabled=False`."
        )
    single = not isinstance(callables, tuple)
    pairs = [(callables, sample_args)] if single else list(zip(callables, sample_args, strict=True))
    for call, args in pairs:
        _check(call, args)
    shared = npu.graph_pool_handle() if pool is None else pool
    for call, args in pairs:
        _warm_up(call, args, num_warmup_iters, unused=allow_unused_input)
    captured = [_Passes(call, args, shared, unused=allow_unused_input) for call, args in pairs]
    for passes in reversed(captured):
        passes.capture_backward()
    graphed = [
        _in_place_of(call, passes) if isinstance(call, nn.Module) else passes
        for (call, _), passes in zip(pairs, captured, strict=True)
    ]
    return graphed[0] if single else tuple(graphed)
