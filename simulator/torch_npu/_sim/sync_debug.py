"""What happens when an operation makes the host wait (torch.npu.set_sync_debug_mode)."""

from __future__ import annotations

import warnings

from torch_npu.utils._error_code import ErrCode, pta_error

WARN, ERROR = 1, 2
NAMES = {"default": 0, "warn": WARN, "error": ERROR}
WORDS = "called a synchronizing NPU operation"


class State:
    """The mode: 0, 1 or 2."""

    mode = 0


def waits() -> None:
    """Called where an operation makes the host wait.

    Raises:
        RuntimeError: in mode "error".
    """
    if State.mode == WARN:
        warnings.warn(WORDS, stacklevel=4)
    elif State.mode == ERROR:
        raise RuntimeError(WORDS + pta_error(ErrCode.ACL))
