"""`ProcessGroupHCCL.Options`: how a group is set up (ProcessGroupHCCL.hpp of Ascend/pytorch)."""

from __future__ import annotations

import copy
import warnings
from typing import Any

from torch._C._distributed_c10d import Backend

from torch_npu.utils._error_code import ErrCode, dist_error

_WHOLE = (
    "hccl_buffer_size",
    "qos_traffic_class",
    "qos_service_level",
    "hccl_sdma_qos",
    "hccl_op_expansion_mode",
    "hccl_world_rank_id",
    "hccl_job_id",
    "hccl_exec_timeout",
)
# Longer texts are cut, with a warning.
_TEXT = {
    "group_name": 128,
    "hccl_algo": 1600,
    "hccl_retry_enable": 50,
    "hccl_retry_params": 128,
    "hccl_buffer_name": 128,
}
_MOST = (1 << 31) - 1
EXEC_TIMEOUT = "hccl_exec_timeout"


class Options(Backend.Options):
    """What a program may set of a group.

    Attributes:
        hccl_config: settings by name: hccl_buffer_size (MB), group_name, qos_traffic_class,
            qos_service_level, hccl_op_expansion_mode, hccl_exec_timeout (seconds), hccl_algo, and others.
            Of these the simulated HCCL follows hccl_exec_timeout.
        is_high_priority_stream: whether collectives go before other work; without effect here.
        group_id: the group's number among those of the job.
    """

    def __init__(self) -> None:
        super().__init__("hccl")
        self.hccl_config: dict[str, Any] = {}
        self.is_high_priority_stream = False
        self.group_id = ""

    @property
    def op_timeout(self) -> Any:
        """How long a collective may take, as a timedelta."""
        return self._timeout

    @op_timeout.setter
    def op_timeout(self, value: Any) -> None:
        self._timeout = value

    def copied(self) -> Options:
        """The same settings, which later changes of these do not reach."""
        other = Options()
        other._timeout = self._timeout
        other.group_name, other.group_id = self.group_name, self.group_id
        other.global_ranks_in_group = list(self.global_ranks_in_group)
        other.hccl_config = copy.deepcopy(self.hccl_config)
        other.is_high_priority_stream = self.is_high_priority_stream
        return other

    def check(self) -> None:
        """Checks `hccl_config`, as HCCL does when the ranks connect.

        Raises:
            RuntimeError: a value has the wrong type, or a time-out is too long.
        """
        for name, value in self.hccl_config.items():
            if name in _TEXT:
                if not isinstance(value, str):
                    raise _wrong(f"Value type of {name} should be string.")
                if len(value) >= _TEXT[name]:
                    warnings.warn(
                        f"The length of {name} has exceeded the limit {_TEXT[name]} "
                        f"which will be truncated to {_TEXT[name] - 1}.",
                        stacklevel=2,
                    )
            elif name in _WHOLE:
                whole = isinstance(value, int) and not isinstance(value, bool)
                if not whole or (value < 0 and name != EXEC_TIMEOUT):
                    raise _wrong(f"Value type of {name} should be int.")
                if name == EXEC_TIMEOUT and value > _MOST:
                    raise _wrong(f"Value type of {name} exceeds INT32_MAX({_MOST}).")


def _wrong(text: str) -> RuntimeError:
    return RuntimeError(text + dist_error(ErrCode.TYPE))
