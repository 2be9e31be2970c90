"""`torch.npu.amp.GradScaler`: loss scaling that tells what it does and can keep its scale fixed."""

from __future__ import annotations

from typing import Any

import torch

from torch_npu._sim import overflow, runtime
from torch_npu.utils._error_code import ErrCode, pta_error


class GradScaler(torch.amp.GradScaler):
    """Multiplies the loss so that small float16 gradients survive, and skips steps that overflowed.

    Args:
        init_scale: the first scale.
        growth_factor: what the scale is multiplied by after `growth_interval` steps without overflow.
        backoff_factor: what it is multiplied by after an overflow.
        growth_interval: steps.
        dynamic: False keeps the scale and takes every step.
        enabled: False does nothing.

    Raises:
        ValueError: growth_factor is not above 1, or backoff_factor not below 1.
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        dynamic: bool = True,
        enabled: bool = True,
    ) -> None:
        if enabled and growth_factor <= 1.0:
            raise ValueError("The growth factor must be > 1.0." + pta_error(ErrCode.VALUE))
        if enabled and backoff_factor >= 1.0:
            raise ValueError("The backoff factor must be < 1.0." + pta_error(ErrCode.VALUE))
        super().__init__(
            "npu",
            init_scale=init_scale,
            growth_factor=growth_factor,
            backoff_factor=backoff_factor,
            growth_interval=growth_interval,
            enabled=enabled,
        )
        self._dynamic = dynamic
        self._has_overflow = False  # in any optimizer since the last update: all of them skip their step

    def _unscale_grads_(
        self, optimizer: Any, inv_scale: torch.Tensor, found_inf: torch.Tensor, allow_fp16: bool
    ) -> Any:
        if self._dynamic:
            found = super()._unscale_grads_(optimizer, inv_scale, found_inf, allow_fp16)
            self._has_overflow = self._has_overflow or any(v.item() for v in found.values())
            return found
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.mul_(inv_scale.to(parameter.grad.device))
        return {found_inf.device: found_inf}

    def _maybe_opt_step(self, optimizer: Any, optimizer_state: Any, *args: Any, **kwargs: Any) -> Any:
        if not self._has_overflow:
            return optimizer.step(*args, **kwargs)
        print("Gradient overflow. Skipping step")  # noqa: T201 - as the real one does
        return None

    def update(self, new_scale: Any = None) -> None:
        """Adapts the scale after the steps of an iteration, or sets it.

        Args:
            new_scale: the scale from now on, a float or a tensor with one element.

        Raises:
            TypeError: new_scale is neither.
        """
        if not self._enabled:
            return
        if new_scale is not None and not isinstance(new_scale, float | torch.Tensor):
            raise TypeError(
                "new_scale should be a float or a 1-element torch.npu.FloatTensor with requires_grad=False."
                + pta_error(ErrCode.TYPE)
            )
        self._has_overflow = False
        if new_scale is None and not self._dynamic:
            self._per_optimizer_states.clear()
            return
        before = self.get_scale()
        super().update(new_scale)
        if new_scale is None:
            self._tell(before, self.get_scale())

    @staticmethod
    def _tell(before: float, after: float) -> None:
        if after < before:
            print(f"Loss scaler reducing loss scale to {after}")  # noqa: T201 - as the real one does
        elif after > before:
            print(f"Loss scaler increasing loss scale to {after}")  # noqa: T201 - as the real one does

    @staticmethod
    def get_npu_overflow_flag() -> bool:
        """Whether an operator overflowed since the flag was cleared; never in INF_NAN mode."""
        return overflow.happened(runtime.current_device())

    @staticmethod
    def clear_npu_overflow_flag() -> None:
        """Clears the flag of `get_npu_overflow_flag`."""
        overflow.clear(runtime.current_device())

    def state_dict(self) -> dict[str, Any]:
        """The scale, its rules and the steps since it last grew."""
        state = super().state_dict()
        if self._enabled:
            state["dynamic"] = self._dynamic
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        super().load_state_dict(state_dict)
        if self._enabled:
            self._dynamic = state_dict.get("dynamic", True)
