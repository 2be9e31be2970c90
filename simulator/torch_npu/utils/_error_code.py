"""The layout of torch_npu's error messages: text, then one line with the time, the process and an ERR code.

Imitates `torch_npu/utils/_error_code.py` and `NPUException.cpp` of Ascend/pytorch.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

import npusim

if TYPE_CHECKING:
    from collections.abc import Iterator


# What NPUErrorCodes.h says of a device that there is not, and of a kernel that failed.
_WORDS = {
    107001: "Invalid device ID.\n        Check whether the device ID is valid.",
    **{
        code: f"The {unit} execution is abnormal. \n"
        "        Rectify the fault based on the error information in the ascend log."
        for code, unit in {507015: "aicore", 507018: "aicpu", 507035: "vector core"}.items()
    },
}


class _SubModuleID(Enum):
    PTA = 0
    OPS = 1
    DIST = 2
    GRAPH = 3
    PROF = 4


class ErrCode(Enum):
    """What kind of failure it was: the last three digits of the ERR code, and its phrase."""

    SUCCESS = (0, "success")
    PARAM = (1, "invalid parameter")
    TYPE = (2, "invalid type")
    VALUE = (3, "invalid value")
    PTR = (4, "invalid pointer")
    INTERNAL = (5, "internal error")
    MEMORY = (6, "memory error")
    NOT_SUPPORT = (7, "feature not supported")
    NOT_FOUND = (8, "resource not found")
    UNAVAIL = (9, "resource unavailable")
    SYSCALL = (10, "system call failed")
    TIMEOUT = (11, "timeout error")
    PERMISSION = (12, "permission error")
    ACL = (100, "call acl api failed")
    HCCL = (200, "call hccl api failed")
    GE = (300, "call ge api failed")
    EXCEPT = (999, "applicaiton exception")

    @property
    def code(self) -> int:
        """The last three digits."""
        return self.value[0]

    @property
    def msg(self) -> str:
        """The phrase at the end of the line."""
        return self.value[1]


def _error_line(submodule: _SubModuleID, error: ErrCode) -> str:
    from torch_npu._sim import runtime

    if os.environ.get("TORCH_NPU_COMPACT_ERROR_OUTPUT", "0") == "1":
        return ""
    stamp = time.strftime("%Y-%m-%d-%H:%M:%S", time.localtime())
    device = runtime.current_device() if runtime.is_initialized() else -1
    rank = os.environ.get("RANK", "-1")
    return (
        f"\n[ERROR] {stamp} (PID:{os.getpid()}, Device:{device}, RankID:{rank}) "
        f"ERR{submodule.value:02d}{error.code:03d} {submodule.name} {error.msg}"
    )


def pta_error(error: ErrCode) -> str:
    """The line for an error of the adapter itself."""
    return _error_line(_SubModuleID.PTA, error)


def ops_error(error: ErrCode) -> str:
    """The line for an error of an operator."""
    return _error_line(_SubModuleID.OPS, error)


def dist_error(error: ErrCode) -> str:
    """The line for an error of a collective."""
    return _error_line(_SubModuleID.DIST, error)


def graph_error(error: ErrCode) -> str:
    """The line for an error of a graph."""
    return _error_line(_SubModuleID.GRAPH, error)


def prof_error(error: ErrCode) -> str:
    """The line for an error of the profiler."""
    return _error_line(_SubModuleID.PROF, error)


def acl_failure(call: str, code: int, reason: str) -> str:
    """The message of an AscendCL call that returned an error.

    Args:
        call: the call as it stands in the adapter's source, for example "aclrtSetDevice(device)".
        code: what it returned.
        reason: what was wrong, with the value.
    """
    entry = npusim.errors.get(code)
    words = _WORDS.get(code) or (entry.meaning if entry is not None else "")
    meaning = f"\n[Error]: {words}" if words else ""
    return f"NPU function error: {call}, error code is {code}{pta_error(ErrCode.ACL)}{meaning}\n{reason}"


@contextmanager
def faults(call: str) -> Iterator[None]:
    """Tells a fault of an earlier launch in torch_npu's words, where the host waits for it.

    Args:
        call: what the host waits with, for example "AclrtSynchronizeDeviceWithTimeout".

    Raises:
        RuntimeError: a launch failed on the device.
    """
    try:
        yield
    except npusim.DeviceFaultError as fault:
        if fault.output:
            print(fault.output, flush=True)  # noqa: T201 - as the host prints what a kernel printed
        raise RuntimeError(acl_failure(call, fault.code, str(fault))) from None
