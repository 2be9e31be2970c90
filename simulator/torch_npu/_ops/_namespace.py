"""`torch.ops.npu`: the operators of torch_npu under the names by which PyTorch's dispatcher knows them."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from torch_npu._ops import TABLE, not_simulated

if TYPE_CHECKING:
    from collections.abc import Callable


class Packet:
    """An operator: calling it, or its `default`, does what the function of torch_npu does.

    Args:
        name: for example "npu_rms_norm".
        function: the function of torch_npu.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.default = function
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the operator."""
        return self.default(*args, **kwargs)

    def overloads(self) -> list[str]:
        """The names of its variants: one."""
        return ["default"]

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='npu.{self.name}')>"


class Namespace:
    """All of them, made when they are first asked for; beside them those that a program defines itself.

    Args:
        defined: PyTorch's own namespace.
    """

    name = "npu"

    def __init__(self, defined: Any) -> None:
        self._defined = defined

    def __getattr__(self, name: str) -> Any:
        """The operator of a name.

        Raises:
            AttributeError: there is none.
        """
        if name in not_simulated.REASONS:
            raise not_simulated.refusal(name)
        if name not in TABLE:
            return getattr(self._defined, name)
        module = importlib.import_module(f"torch_npu._ops.{TABLE[name]}")
        packet = Packet(name, getattr(module, name))
        setattr(self, name, packet)
        return packet

    def __dir__(self) -> list[str]:
        return sorted(TABLE)
