"""TorchInductor, which compiles for the real device with Triton-Ascend: not simulated, and refused by name.

Imported after `torch._inductor.compile_fx`, the backend that `torch.compile` takes when it is told of none.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch._inductor import compile_fx as own

from torch_npu._sim.storages import NotSimulatedError

_compile_fx = own.compile_fx


def _compile(model_: Any, example_inputs_: Any, *args: Any, **kwargs: Any) -> Any:
    if any(isinstance(given, Tensor) and given.device.type == "npu" for given in example_inputs_):
        raise NotSimulatedError(
            "torch.compile with backend 'inductor' is not simulated for the NPU: pass backend='aot_eager' or "
            "set TORCH_COMPILE_DISABLE=1 to run the program as it is written."
        )
    return _compile_fx(model_, example_inputs_, *args, **kwargs)


_names: Any = own
_names.compile_fx = _compile
