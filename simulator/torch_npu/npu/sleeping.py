"""Work that does nothing but last: for tests of streams and events."""

from __future__ import annotations

from npusim.records import Task

from torch_npu._sim import runtime
from torch_npu.utils._error_code import ErrCode, pta_error


def _sleep(cycles: int) -> None:
    """Keeps the current stream busy for a number of the device's clock cycles.

    Args:
        cycles: at the clock of the chip's cores.

    Raises:
        RuntimeError: the number is negative.
    """
    if cycles < 0:
        raise RuntimeError(f"cycles should be non-negative, but got {cycles}" + pta_error(ErrCode.PARAM))
    index = runtime.current_device()
    device = runtime.sim_device(index)
    duration = round(cycles * 1000 / device.chip.clock_mhz) if device.node.cost_model else 0
    runtime.queues[index].submit(Task("Sleep", "copy", "AI_VECTOR_CORE", blocks=1, duration=duration))
