"""Which devices there are, and which one is current (torch_npu/npu/utils.py of Ascend/pytorch)."""

from __future__ import annotations

import os
import re
import uuid
import warnings
from typing import TYPE_CHECKING, Any, Literal

import torch

from torch_npu._sim import runtime
from torch_npu.utils._error_code import ErrCode, faults, pta_error

if TYPE_CHECKING:
    from collections.abc import Callable

Device = Any  # torch.device, str, int, `device` or None, as everywhere in this interface


def is_available() -> bool:
    """Whether there is an NPU."""
    return device_count() > 0


def device_count() -> int:
    """How many NPUs this process sees: ASCEND_RT_VISIBLE_DEVICES counts."""
    return runtime.device_count()


def init() -> None:
    """Initialises the device, which its first use does by itself."""
    runtime.initialize()


def is_initialized() -> bool:
    """Whether the device was initialised in this process."""
    return runtime.is_initialized()


def _lazy_init() -> None:
    runtime.initialize()


def _lazy_call(call: Callable[[], None]) -> None:
    runtime.when_initialized(call)


def _is_in_bad_fork() -> bool:
    return runtime.in_bad_fork()


def get_index(device: Device, *, optional: bool = False, allow_cpu: bool = False) -> int:
    """The index that a device argument means.

    Raises:
        ValueError: it names a device of another kind, or no index where one is needed.
    """
    if isinstance(device, int):
        return device
    if isinstance(device, str):
        device = torch.device(device)
    if isinstance(device, torch.device):
        allowed = {"npu", "cpu"} if allow_cpu else {"npu"}
        if device.type not in allowed:
            kinds = "npu or cpu" if allow_cpu else "npu"
            raise ValueError(f"Expected a {kinds} device, but got: {device}" + pta_error(ErrCode.VALUE))
        if device.type == "cpu":
            return -1
        device = device.index
    elif isinstance(device, globals()["device"]):
        device = device.idx
    elif isinstance(device, float):  # is no index, as for PyTorch
        device = None
    if device is None:
        if optional:
            return runtime.current_device()
        raise ValueError("Expected a torch.device with a specified index or an integer, but got: None")
    return int(device)


def _checked_index(device: Device) -> int:
    index = get_index(device, optional=True)
    if not 0 <= index < device_count():
        raise AssertionError("Invalid device id" + pta_error(ErrCode.VALUE))
    return index


def set_device(device: Device) -> None:
    """Makes a device the current one of this thread; a negative index does nothing.

    Raises:
        RuntimeError: no such device (error code 107001).
    """
    index = get_index(device, optional=True)
    if index >= 0:
        runtime.set_device(index)


def current_device() -> int:
    """The index of the current device."""
    runtime.initialize()
    return runtime.current_device()


class device:
    """Context manager that makes a device the current one; None or a negative index does nothing.

    Args:
        device: which device.
    """

    def __init__(self, device: Device) -> None:
        self.idx = get_index(device, optional=True)
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx < 0:
            return
        self.prev_idx = runtime.current_device()
        runtime.set_device(self.idx)

    def __exit__(self, *_: object) -> Literal[False]:
        if self.idx >= 0:
            runtime.set_device(self.prev_idx)
        return False


class device_of(device):
    """Context manager that makes a tensor's device the current one; on the CPU it does nothing.

    Args:
        obj: a tensor or storage.
    """

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.get_device() if obj.is_npu else -1)


def synchronize(device: Device = None) -> None:
    """The host waits for every stream of a device, the current one by default.

    Raises:
        RuntimeError: a kernel failed on the device.
    """
    runtime.initialize()
    index = get_index(device, optional=True)
    runtime.check_index(index)
    with faults("AclrtSynchronizeDeviceWithTimeout"):
        runtime.sim_device(index).synchronize()


def get_device_name(device_name: Device = None) -> str:
    """The chip's name, for example "Ascend910B3".

    Raises:
        AssertionError: no such device.
    """
    return runtime.sim_device(_checked_index(device_name)).chip.soc


_UNTOLD = frozenset(
    {
        "gcnArchName",
        "is_integrated",
        "is_multi_gpu_board",
        "major",
        "max_threads_per_multi_processor",
        "minor",
        "regs_per_multiprocessor",
        "warp_size",
    }
)


class _NPUDeviceProperties:
    """What a device is made of. Sizes in bytes."""

    def __init__(self, index: int) -> None:
        device = runtime.sim_device(index)
        chip = device.chip
        self.name: str = chip.soc
        self.total_memory: int = device.hbm.total
        self.cube_core_num: int = chip.cubes
        self.vector_core_num: int = chip.vectors
        self.multi_processor_count: int = chip.vectors or chip.cubes  # for DataParallel's look at balance
        self.L2_cache_size: int = chip.l2_bytes
        self.uuid = uuid.uuid5(uuid.NAMESPACE_OID, f"{chip.soc}:{device.physical}")

    def __getattr__(self, name: str) -> None:
        """None for what only other accelerators tell.

        Raises:
            AttributeError: nobody tells that.
        """
        if name not in _UNTOLD:
            raise AttributeError(f"'_NPUDeviceProperties' object has no attribute {name!r}")

    def __repr__(self) -> str:
        mega = 1 << 20
        return (
            f"_NPUDeviceProperties(name='{self.name}', total_memory={self.total_memory // mega}MB, "
            f"cube_core_num={self.cube_core_num}, vector_core_num={self.vector_core_num}, "
            f"uuid={self.uuid}, L2_cache_size={self.L2_cache_size // mega}MB)"
        )


def get_device_properties(device_name: Device = None) -> _NPUDeviceProperties:
    """Name, memory and cores of a device.

    Raises:
        AssertionError: no such device.
    """
    return _NPUDeviceProperties(_checked_index(device_name))


def mem_get_info(device: Device = None) -> tuple[int, int]:
    """Free and total memory of a device in bytes.

    Raises:
        AssertionError: no such device.
    """
    memory = runtime.sim_device(_checked_index(device)).hbm
    return memory.free_bytes, memory.total


def can_device_access_peer(device_id: Device, peer_device_id: Device) -> bool:
    """Whether one device reads another's memory: all devices of the machine but itself.

    Raises:
        AssertionError: no such device.
    """
    one = get_index(device_id, optional=True)
    other = get_index(peer_device_id, optional=True)
    count = device_count()
    if not 0 <= one < count:
        raise AssertionError("Invalid device id" + pta_error(ErrCode.VALUE))
    if not 0 <= other < count:
        raise AssertionError("Invalid peer device id" + pta_error(ErrCode.VALUE))
    return one != other


def get_device_capability(device: Device = None) -> tuple[int, int] | None:
    """None, or what TORCH_NPU_DEVICE_CAPABILITY says ("8.0"); an NPU has no compute capability."""
    said = os.environ.get("TORCH_NPU_DEVICE_CAPABILITY")
    note = (
        "The return value of get_device_capability is only for compatibility with PyTorch "
        "and does not represent the actual capability of the NPU device."
    )
    if not said:
        warnings.warn(
            "You can set the device capability via the environment variable TORCH_NPU_DEVICE_CAPABILITY. "
            + note,
            stacklevel=2,
        )
        return None
    found = re.match(r"^(\d+)\.(\d+)$", said)
    if not found:
        warnings.warn(
            "torch.npu.get_device_capability can't parse TORCH_NPU_DEVICE_CAPABILITY environment variable: "
            f"{said}. Expected format is 'major.minor' where major and minor are non-negative integers "
            "(e.g., '8.0').",
            stacklevel=2,
        )
        return None
    warnings.warn(note, stacklevel=2)
    return int(found[1]), int(found[2])


def is_bf16_supported(including_emulation: bool = False) -> bool:
    """Whether the chip computes in bfloat16: those with separate vector cores (910B and later) do."""
    runtime.initialize()
    return bool(runtime.sim_device(runtime.current_device()).chip.split)


def utilization(device: Device = None) -> int:
    """Percentage of virtual time that a device was busy so far.

    Raises:
        AssertionError: no such device.
    """
    chip = runtime.sim_device(_checked_index(device))
    now = max(chip.node.host.now, *(s.tail for s in chip.streams.values()))
    busy = sum(r.duration for r in chip.node.records if r.device == chip.index and r.category == "kernel")
    return min(100, 100 * busy // now) if now else 0
