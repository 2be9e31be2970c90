"""What the real torch_npu keeps in `torch_npu.npu.utils`: devices and streams, and switches around them."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from torch_npu._sim import overflow, runtime, sync_debug
from torch_npu.npu.device import (
    Device,
    current_device,
    device,
    device_of,
    get_index,
    is_bf16_supported,
    set_device,
    synchronize,
)
from torch_npu.npu.streams import StreamContext, current_stream, default_stream, set_stream, stream
from torch_npu.utils._error_code import ErrCode, pta_error
from torch_npu.utils.cann import _is_gte_cann_version, get_cann_version

__all__ = [
    "StreamContext",
    "_is_gte_cann_version",
    "check_uce_in_memory",
    "clear_npu_overflow_flag",
    "current_blas_handle",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_of",
    "get_cann_version",
    "get_npu_overflow_flag",
    "get_soc_version",
    "get_sync_debug_mode",
    "ipc_collect",
    "is_bf16_supported",
    "is_support_inf_nan",
    "npu_check_overflow",
    "set_device",
    "set_op_timeout_ms",
    "set_stream",
    "set_sync_debug_mode",
    "stream",
    "stress_detect",
    "synchronize",
]
_MODES = (0, 1, 2)


def _get_device_index(device: Device, optional: bool = False, allow_cpu: bool = False) -> int:
    return get_index(device, optional=optional, allow_cpu=allow_cpu)


def current_blas_handle() -> None:
    """None: an NPU has no BLAS handle."""
    warnings.warn("NPU does not use blas handle.", stacklevel=2)


def set_sync_debug_mode(debug_mode: int | str) -> None:
    """Whether an operation that makes the host wait warns ("warn", 1) or is refused ("error", 2).

    Raises:
        RuntimeError: the mode is none of these nor "default", 0.
    """
    if isinstance(debug_mode, str):
        if debug_mode not in sync_debug.NAMES:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`"
                + pta_error(ErrCode.PARAM)
            )
        debug_mode = sync_debug.NAMES[debug_mode]
    if debug_mode not in _MODES:
        raise RuntimeError("invalid value of debug_mode, expected one of 0,1,2" + pta_error(ErrCode.PARAM))
    sync_debug.State.mode = debug_mode


def get_sync_debug_mode() -> int:
    """The mode: 0, 1 or 2."""
    return sync_debug.State.mode


def is_support_inf_nan() -> bool:
    """Whether overflow gives inf and nan: on 910B and later, unless INF_NAN_MODE_FORCE_DISABLE=1.

    Raises:
        RuntimeError: INF_NAN_MODE_ENABLE=0 alone on such a chip.
    """
    runtime.initialize()
    overflow.check(newer=runtime.sim_device(runtime.current_device()).chip.split)
    return not overflow.SATURATES


def get_soc_version() -> int:
    """The chip's number in torch_npu's list: 223 for an Ascend910B3; -1 where it is not in it."""
    from torch_npu import _C

    return _C._npu_get_soc_version()


def get_npu_overflow_flag() -> bool:
    """Whether an operator overflowed since the flag was cleared, in saturation mode.

    Raises:
        RuntimeError: the device is in INF_NAN mode, where an overflow shows in the values.
    """
    if is_support_inf_nan():
        raise RuntimeError(
            "Unsupported api when soc_version >= Ascend910B1, please use npu_check_overflow"
            + pta_error(ErrCode.NOT_SUPPORT)
        )
    return overflow.happened(runtime.current_device())


def clear_npu_overflow_flag() -> None:
    """Clears the flag of `get_npu_overflow_flag`; of no use in INF_NAN mode, and says so there."""
    if is_support_inf_nan():
        warnings.warn(
            "When soc_version >= Ascend910B1, clear_npu_overflow_flag is useless. Please remove it.",
            stacklevel=2,
        )
        return
    overflow.clear(runtime.current_device())


def npu_check_overflow(grad: Any) -> bool:
    """Whether a number or any element of a tensor is inf or nan.

    In saturation mode it tells the device's flag instead, and clears it.

    Raises:
        RuntimeError: it is neither a float nor a tensor.
    """
    if not is_support_inf_nan():
        found = get_npu_overflow_flag()
        clear_npu_overflow_flag()
        return found
    if isinstance(grad, torch.Tensor):
        grad = float(grad.float().sum())
    if not isinstance(grad, float):
        raise RuntimeError("Unsupported type." + pta_error(ErrCode.TYPE))  # noqa: TRY004 - the real class
    return not torch.isfinite(torch.tensor(grad)).item()


def set_op_timeout_ms(timeout: int) -> None:
    """Sets the time after which a hanging operator fails; none hangs here.

    Raises:
        RuntimeError: it is negative, or does not fit 32 bits.
    """
    if timeout < 0:
        raise RuntimeError("can't convert negative value to unsigned int")
    if timeout >= 1 << 32:
        raise RuntimeError("Overflow when unpacking unsigned int")


def ipc_collect() -> None:
    """Frees memory that other processes shared and no longer use: nothing is kept here beyond its use."""
    runtime.initialize()


def check_uce_in_memory(device_id: int) -> int:
    """Which memory errors that cannot be corrected a device has: 0, none.

    Raises:
        RuntimeError: no such device.
    """
    runtime.check_index(device_id)
    return 0


def stress_detect(detect_type: str = "aic") -> int:
    """Tests the cores ("aic") or the links between devices ("hccs"): 0, sound; 1, it could not run."""
    if detect_type not in {"aic", "hccs"}:
        warnings.warn(
            "Detect_type should be `aic` or `hccs`. "
            "For details, `aic` is for `Online aicore detect`, and `hccs` is for `Online p2p detect`.",
            stacklevel=2,
        )
        return 1
    runtime.initialize()
    if detect_type == "hccs" and not torch.distributed.is_initialized():
        warnings.warn("torch.distributed should be initialized for p2p detection.", stacklevel=2)
        return 1
    return 0
