"""What goes wrong between ranks, in the words of HCCL.

HCCLUtils.hpp of Ascend/pytorch has the first line, CANN's table of codes (EI0002, EI0006) what follows.
"""

from __future__ import annotations

import os

import npusim
from npusim import faults

from torch_npu.utils._error_code import ErrCode, dist_error

DEFAULT_CONNECT = 120
DEFAULT_EXEC = 1836


class HcclError(RuntimeError):
    """A collective failed: a rank is missing, came too late, or two ranks use one device."""


def seconds(variable: str, default: int) -> int:
    """A time-out from the environment.

    Raises:
        HcclError: it is no whole number above 0.
    """
    value = os.environ.get(variable, "")
    if not value:
        return default
    if not value.isdecimal() or int(value) < 1:
        raise HcclError(
            f"EI0001: Environment variable {variable}={value!r} is invalid: "
            "set it to a whole number of seconds." + dist_error(ErrCode.HCCL)
        )
    return int(value)


def _failed(call: str, code: int, reason: str) -> HcclError:
    line = dist_error(ErrCode.HCCL)
    return HcclError(f"HCCL function error: {call}, error code is {code} {line}.\n{reason}")


def no_connection(rank: int, size: int, waited: int) -> HcclError:
    """Not every rank came to connect."""
    return _failed(
        f"HcclCommInitRootInfo(numRanks={size}, rank={rank})",
        9,
        f"EI0006: Getting socket times out. Reason: Remote Rank did not send the data in time ({waited} s). "
        "Possible Cause: 1. a rank ended or never called a collective; 2. the ranks' numbers or world sizes "
        "differ; 3. a rank needs longer: raise HCCL_CONNECT_TIMEOUT.",
    )


def no_answer(collective: str, rank: int, waited: int) -> HcclError:
    """A rank that was connected did not take part."""
    return _failed(
        f"Hccl{collective}(rank={rank})",
        9,
        "EI0002: The wait execution of the Notify register times out. Reason: The Notify register has not "
        f"received the Notify record from remote rank [unknown] ({waited} s). Possible Cause: 1. a rank "
        "ended or failed; 2. a rank is too slow: raise HCCL_EXEC_TIMEOUT; 3. the ranks do not call the same "
        "collectives.",
    )


def check_busy() -> None:
    """Raises where the machine is one on which the last training is still there (`npusim.faults`).

    Raises:
        HcclError: with EJ0001.
    """
    if faults.HCCP_BUSY in faults.asked():
        npusim.node()  # which writes the log
        raise _failed(
            "hcclCommInitRootInfoConfig(numRanks, &rootInfo, rank, config, &(comm->hcclComm_))",
            7,
            str(faults.busy()),
        )


def same_device(one: int, other: int, device: int) -> HcclError:
    """Two ranks use one NPU."""
    return _failed(
        "HcclCommInitRootInfo",
        4,
        f"EI0003: ranks {one} and {other} both use device {device}. Each process needs a device of its own: "
        'call torch.npu.set_device(int(os.environ["LOCAL_RANK"])) before the first collective.',
    )
