"""The simulated Ascend hardware: chips, memory, streams, virtual time. Standard library only.

    >>> import npusim
    >>> device = npusim.node().device(0)
    >>> x = npusim.TensorSpec((1024, 1024), "float16")
    >>> record = device.default_stream.launch(npusim.Op("MatMulV2", "matmul", [x, x], [x]))
    >>> device.synchronize()

Shapes, types, bytes and time; no values. Times are integer nanoseconds on a virtual clock.
"""

from typing import TYPE_CHECKING

from npusim.caching_allocator import CachingAllocator, format_size
from npusim.chips import Chip, chip_names, find_chip
from npusim.clock import HostClock
from npusim.communication import communication_ns
from npusim.constants import CONSTANTS, Constant, provenance_counts
from npusim.contexts import Context, Contexts
from npusim.cost_model import OP_KINDS, Cost, cost
from npusim.device import Device
from npusim.device_memory import DeviceMemory
from npusim.error_table import ErrorEntry, errors
from npusim.exceptions import (
    CallbackError,
    ContextReleaseError,
    DeviceFaultError,
    DoubleFreeError,
    EnvironmentVariableError,
    EventNotRecordedError,
    InvalidArgumentError,
    InvalidDeviceError,
    NoContextError,
    NpusimError,
    OutOfMemoryError,
    UnknownChipError,
    UseAfterFreeError,
    WrongStreamError,
)
from npusim.machine import Node, cost_model_enabled, node, reset
from npusim.memory_pools import Block
from npusim.op import DTYPE_BYTES, Op, TensorSpec
from npusim.records import Record, RecordLog, Task
from npusim.settings import Settings
from npusim.stream import Event, Stream

if TYPE_CHECKING:
    from npusim.graph import Node as GraphNode
    from npusim.graph import execution_ns, fuse, graph_costs
    from npusim.host_ops import HostOp, MemoryChange
    from npusim.profiler_output import write_msprof_output, write_profiler_output
    from npusim.profiler_tables import Step

# what few programs need is imported when it is asked for, so that `import npusim` stays quick
_LATER = {
    "GraphNode": ("npusim.graph", "Node"),
    "HostOp": ("npusim.host_ops", "HostOp"),
    "MemoryChange": ("npusim.host_ops", "MemoryChange"),
    "Step": ("npusim.profiler_tables", "Step"),
    "execution_ns": ("npusim.graph", "execution_ns"),
    "fuse": ("npusim.graph", "fuse"),
    "graph_costs": ("npusim.graph", "graph_costs"),
    "write_msprof_output": ("npusim.profiler_output", "write_msprof_output"),
    "write_profiler_output": ("npusim.profiler_output", "write_profiler_output"),
}

__all__ = [
    "CONSTANTS",
    "DTYPE_BYTES",
    "OP_KINDS",
    "Block",
    "CachingAllocator",
    "CallbackError",
    "Chip",
    "Constant",
    "Context",
    "ContextReleaseError",
    "Contexts",
    "Cost",
    "Device",
    "DeviceFaultError",
    "DeviceMemory",
    "DoubleFreeError",
    "EnvironmentVariableError",
    "ErrorEntry",
    "Event",
    "EventNotRecordedError",
    "GraphNode",
    "HostClock",
    "HostOp",
    "InvalidArgumentError",
    "InvalidDeviceError",
    "MemoryChange",
    "NoContextError",
    "Node",
    "NpusimError",
    "Op",
    "OutOfMemoryError",
    "Record",
    "RecordLog",
    "Settings",
    "Step",
    "Stream",
    "Task",
    "TensorSpec",
    "UnknownChipError",
    "UseAfterFreeError",
    "WrongStreamError",
    "chip_names",
    "communication_ns",
    "cost",
    "cost_model_enabled",
    "errors",
    "execution_ns",
    "find_chip",
    "format_size",
    "fuse",
    "graph_costs",
    "node",
    "provenance_counts",
    "reset",
    "write_msprof_output",
    "write_profiler_output",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'npusim' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LATER[name]
    found = globals()[name] = getattr(import_module(module), attribute)
    return found
