"""The simulated Ascend hardware: chips, memory, streams, virtual time. Standard library only.

    >>> import npusim
    >>> device = npusim.node().device(0)
    >>> x = npusim.TensorSpec((1024, 1024), "float16")
    >>> record = device.default_stream.launch(npusim.Op("MatMulV2", "matmul", [x, x], [x]))
    >>> device.synchronize()

Shapes, types, bytes and time; no values. Times are integer nanoseconds on a virtual clock.
"""

from npusim.caching_allocator import Block, CachingAllocator, format_size
from npusim.chips import Chip, chip_names, find_chip
from npusim.clock import HostClock
from npusim.constants import CONSTANTS, Constant
from npusim.cost_model import OP_KINDS, Cost, cost
from npusim.device import Device
from npusim.device_memory import DeviceMemory
from npusim.error_table import ErrorEntry, errors
from npusim.exceptions import (
    DeviceFaultError,
    DoubleFreeError,
    EnvironmentVariableError,
    EventNotRecordedError,
    InvalidArgumentError,
    InvalidDeviceError,
    NpusimError,
    OutOfMemoryError,
    UnknownChipError,
    UseAfterFreeError,
    WrongStreamError,
)
from npusim.graph import Node as GraphNode
from npusim.graph import execution_ns, fuse, graph_costs
from npusim.machine import Node, cost_model_enabled, node, reset
from npusim.op import DTYPE_BYTES, Op, TensorSpec
from npusim.records import Record, RecordLog, Task
from npusim.settings import Settings
from npusim.stream import Event, Stream

__all__ = [
    "CONSTANTS",
    "DTYPE_BYTES",
    "OP_KINDS",
    "Block",
    "CachingAllocator",
    "Chip",
    "Constant",
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
    "InvalidArgumentError",
    "InvalidDeviceError",
    "Node",
    "NpusimError",
    "Op",
    "OutOfMemoryError",
    "Record",
    "RecordLog",
    "Settings",
    "Stream",
    "Task",
    "TensorSpec",
    "UnknownChipError",
    "UseAfterFreeError",
    "WrongStreamError",
    "chip_names",
    "cost",
    "cost_model_enabled",
    "errors",
    "execution_ns",
    "find_chip",
    "format_size",
    "fuse",
    "graph_costs",
    "node",
    "reset",
]
