"""Optimizers whose parameters lie in one piece of memory, so that a step is one launch a group.

Imitates torch_npu/optim/npu_fused_optim_base.py of Ascend/pytorch. Two things are kinder than there:
gradients that left their place (because the model's own `zero_grad` dropped them) are fetched back, and a
parameter that gets its first gradient later joins in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from torch_npu._sim.hosted import hosted
from torch_npu._sim.kernels import charge
from torch_npu._sim.storages import alias, spec_of
from torch_npu.utils._error_code import ErrCode, pta_error
from torch_npu.utils.combine_tensors import is_combined_tensor_valid, npu_combine_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["NpuFusedOptimizerBase"]

TYPES = (torch.float32, torch.float16)


class Bundle:
    """The parameters of one group and type, combined.

    Attributes:
        params: the parameters.
        param: their values, flat, on the NPU.
        grad: their gradients, flat.
        state: by name, what the optimizer remembers, flat.
    """

    def __init__(self, params: list[Tensor]) -> None:
        self.params = params
        self.param = npu_combine_tensors(params)
        self.grad = npu_combine_tensors([_grad(p) for p in params])
        self.state: dict[str, Tensor] = {}

    def split(self, flat: Any) -> Iterator[Tensor]:
        """A flat tensor cut into the shapes of the parameters."""
        at = 0
        for p in self.params:
            yield flat[at : at + p.numel()].view(p.shape)
            at += p.numel()


def _grad(p: Tensor) -> Tensor:
    if p.grad is None:
        return torch.empty(0)  # lies nowhere: its place has to be filled anew
    return p.grad


class NpuFusedOptimizerBase(Optimizer):
    """What the fused optimizers have in common. Parameters are float32 or float16, on one NPU, contiguous.

    A subclass says in `_STATE` what it remembers of each parameter and the value it begins with, in `_OP`
    what the profile calls its step, and in `_update` what a step is.
    """

    _STATE: tuple[tuple[str, float], ...] = ()
    _OP = ""

    def __init__(self, params: Any, default: dict[str, Any]) -> None:
        super().__init__(params, default)
        self.is_fused_optimizer = True
        self.is_params_grads_combined = False
        self.is_states_combined = False
        self.params_all_group_combined: list[Tensor | None] = [None, None]
        self.grads_all_group_combined: list[Tensor | None] = [None, None]
        self._bundles: list[list[Bundle]] = []
        self._members: tuple[int, ...] = ()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.is_states_combined = False

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient.

        Args:
            closure: evaluates the model anew and returns the loss.

        Returns:
            The closure's loss; None without it.

        Raises:
            TypeError: a parameter is neither float32 nor float16.
            RuntimeError: a gradient is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._maybe_init_combined_params_and_grads()
        self._maybe_init_combined_states()
        for i in range(len(self.param_groups)):
            self._group_step(i)
        return loss

    @torch.no_grad()
    def zero_grad(self, set_to_none: bool = False) -> None:
        """Sets the gradients to zero, with one launch.

        Raises:
            ValueError: set_to_none, which would take the gradients out of their place.
        """
        if set_to_none:
            raise ValueError("set_to_none is not supported in fused optimizers" + pta_error(ErrCode.VALUE))
        self._maybe_init_combined_params_and_grads()
        if not self.is_params_grads_combined:
            super().zero_grad(set_to_none=False)
            return
        for combined in self.get_combined_grads():
            if combined is not None:
                combined.zero_()

    def get_combined_params(self) -> list[Tensor | None]:
        """All float32 and all float16 parameters, flat; None where there are none."""
        return self.params_all_group_combined

    def get_combined_grads(self) -> list[Tensor | None]:
        """All float32 and all float16 gradients, flat; None where there are none."""
        return self.grads_all_group_combined

    @torch.no_grad()
    def clip_grad_norm_fused_(self, max_norm: float, norm_type: float = 2) -> Tensor:
        """Scales the gradients down where their norm exceeds a bound, and returns the norm before.

        Args:
            max_norm: the bound.
            norm_type: 2, another power, or infinity.
        """
        self._maybe_init_combined_params_and_grads()
        flat = [g for g in self.get_combined_grads() if g is not None]
        if not flat:
            return torch.tensor(0.0)
        if math.isinf(norm_type):
            total = torch.stack([g.float().abs().max() for g in flat]).max()
        else:
            powers = torch.stack([g.float().abs().pow(float(norm_type)).sum() for g in flat])
            total = powers.sum().pow(1 / norm_type)
        scale = float(max_norm) / (total + 1e-6)
        if scale < 1:
            for g in flat:
                g.mul_(scale)
        return total

    def _maybe_init_combined_params_and_grads(self) -> None:
        wanted = [[p for p in group["params"] if p.grad is not None] for group in self.param_groups]
        members = tuple(id(p) for group in wanted for p in group)
        known = frozenset(self._members)
        if not members or (self.is_params_grads_combined and known.issuperset(members)):
            if self.is_params_grads_combined:
                self._fetch_grads()
            return
        for group in wanted:
            for p in group:
                self._check(p)
        # All parameters of a type lie together, group after group, and each group has its part.
        every = [[p for group in wanted for p in group if p.dtype is dtype] for dtype in TYPES]
        wholes = [Bundle(params) if params else None for params in every]
        self.params_all_group_combined = [b.param if b else None for b in wholes]
        self.grads_all_group_combined = [b.grad if b else None for b in wholes]
        self._members = members
        self._bundles = self._cut(wanted)
        self.is_params_grads_combined = True
        self.is_states_combined = False

    def _cut(self, wanted: list[list[Tensor]]) -> list[list[Bundle]]:
        """Each group's part of what was combined."""
        at = [0, 0]
        found = []
        for group in wanted:
            bundles = []
            for i, dtype in enumerate(TYPES):
                params = [p for p in group if p.dtype is dtype]
                size = sum(p.numel() for p in params)
                whole, grads = self.params_all_group_combined[i], self.grads_all_group_combined[i]
                if whole is None or grads is None or not size:
                    continue
                bundle = Bundle.__new__(Bundle)
                bundle.params, bundle.state = params, {}
                bundle.param, bundle.grad = whole[at[i] : at[i] + size], grads[at[i] : at[i] + size]
                at[i] += size
                bundles.append(bundle)
            found.append(bundles)
        return found

    def _fetch_grads(self) -> None:
        """Copies gradients that left their place back into it."""
        for bundle in (b for bundles in self._bundles for b in bundles):
            if is_combined_tensor_valid(bundle.grad, [_grad(p) for p in bundle.params]):
                continue
            for p, place in zip(bundle.params, bundle.split(bundle.grad), strict=True):
                if p.grad is None:
                    place.zero_()
                elif p.grad.data_ptr() != place.data_ptr():
                    place.copy_(p.grad)
                p.grad = place

    def _check(self, p: Tensor) -> None:
        if p.dtype not in TYPES:
            raise TypeError(
                f"Fused optimizer's parameters must be either float32 or float16, but received {p.dtype}"
                + pta_error(ErrCode.TYPE)
            )
        if p.grad is not None and p.grad.is_sparse:
            raise RuntimeError(
                f"{type(self).__name__} does not support sparse gradients, please consider SparseAdam instead"
                + pta_error(ErrCode.NOT_SUPPORT)
            )
        if p.grad is not None and not p.grad.is_contiguous():
            p.grad = p.grad.contiguous()

    def _wants(self, name: str, group: dict[str, Any]) -> bool:
        """Whether the group's settings make the optimizer remember that."""
        return True

    def _maybe_init_combined_states(self) -> None:
        if self.is_states_combined or not self.is_params_grads_combined:
            return
        for group, bundles in zip(self.param_groups, self._bundles, strict=True):
            for bundle in bundles:
                self._combine_state(group, bundle)
        self.is_states_combined = True

    def _combine_state(self, group: dict[str, Any], bundle: Bundle) -> None:
        for p in bundle.params:
            self.state[p].setdefault("step", 0)
        for name, first in self._STATE:
            if not self._wants(name, group):
                continue
            parts = []
            for p in bundle.params:
                known = self.state[p].get(name)
                parts.append(
                    torch.full_like(p, first) if known is None else known.detach().clone().contiguous()
                )
            combined = npu_combine_tensors(parts)
            assert combined is not None  # noqa: S101 - a bundle has elements
            bundle.state[name] = combined
            for p, part in zip(bundle.params, parts, strict=True):
                self.state[p][name] = part

    def _group_step(self, group_index: int) -> None:
        group = self.param_groups[group_index]
        for bundle in self._bundles[group_index] if self._bundles else []:
            step = 0
            for p in bundle.params:
                step = self.state[p]["step"] = int(self.state[p]["step"]) + 1
            operands = [bundle.param, bundle.grad, *bundle.state.values()]
            flat = [alias(t) for t in operands if t is not None]
            state = dict(zip(bundle.state, flat[2:], strict=True))
            with hosted():
                self._update(group, bundle, flat[0], flat[1].clone(), state, step)
            specs = [spec_of(t) for t in operands if t is not None]
            charge(specs_device(bundle), self._OP, "optimizer", specs, [specs[0], *specs[2:]])

    def _update(
        self,
        group: dict[str, Any],
        bundle: Bundle,
        param: Tensor,
        grad: Tensor,
        state: dict[str, Tensor],
        step: int,
    ) -> None:
        """One step in place. All tensors are flat CPU aliases; `grad` is a copy.

        Args:
            group: the settings.
            bundle: cuts flat tensors into parameters.
            param: values.
            grad: gradients.
            state: what is remembered, by name.
            step: the number of this step, from 1.

        Raises:
            NotImplementedError: the subclass does not say.
        """
        raise NotImplementedError(pta_error(ErrCode.NOT_SUPPORT))


def specs_device(bundle: Bundle) -> int:
    """The NPU on which a bundle lies."""
    return bundle.params[0].get_device()


def check(**settings: tuple[str, float, float]) -> None:
    """Raises where a setting is out of bounds.

    Args:
        settings: by name, the words for it, its value and the bound that it must stay below (infinity: none).

    Raises:
        ValueError: a value is negative, or not below its bound.
    """
    for words, value, bound in settings.values():
        if value < 0 or value >= bound:
            raise ValueError(f"Invalid {words}: {value}" + pta_error(ErrCode.VALUE))
