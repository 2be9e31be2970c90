"""Memory statistics of the caching allocator (torch_npu/npu/memory.py of Ascend/pytorch). Sizes in bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from torch_npu._sim import runtime
from torch_npu.npu.device import Device, get_index
from torch_npu.npu.memory_history import _dump_snapshot, _record_memory_history, _snapshot
from torch_npu.npu.memory_pools import MemPool, use_mem_pool
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim import Block, CachingAllocator

__all__ = [
    "MemPool",
    "_dump_snapshot",
    "_record_memory_history",
    "_set_allocator_settings",
    "_snapshot",
    "caching_allocator_alloc",
    "caching_allocator_delete",
    "empty_cache",
    "empty_virt_addr_cache",
    "get_allocator_backend",
    "get_per_process_memory_fraction",
    "host_empty_cache",
    "max_memory_allocated",
    "max_memory_cached",
    "max_memory_reserved",
    "memory_allocated",
    "memory_cached",
    "memory_reserved",
    "memory_snapshot",
    "memory_stats",
    "memory_stats_as_nested_dict",
    "memory_summary",
    "reset_accumulated_memory_stats",
    "reset_max_memory_allocated",
    "reset_max_memory_cached",
    "reset_peak_memory_stats",
    "set_per_process_memory_fraction",
    "use_mem_pool",
]
_fractions: dict[int, float] = {}


_raw: dict[int, tuple[CachingAllocator, Block]] = {}


def _allocator(device: Device) -> CachingAllocator:
    """The caching allocator of a device.

    Raises:
        RuntimeError: no such device, in the words of the real allocator.
    """
    index = get_index(device, optional=True)
    if not 0 <= index < runtime.device_count():
        raise RuntimeError(f"Invalid device argument {index}: did you call init?" + pta_error(ErrCode.PARAM))
    return runtime.sim_device(index).memory


def memory_allocated(device: Device = None) -> int:
    """Bytes held by tensors."""
    return _allocator(device).allocated


def max_memory_allocated(device: Device = None) -> int:
    """The most that tensors held since the start or the last `reset_peak_memory_stats`."""
    return _allocator(device).peak_allocated


def memory_reserved(device: Device = None) -> int:
    """Bytes that the caching allocator took from the device."""
    return _allocator(device).reserved


def max_memory_reserved(device: Device = None) -> int:
    """The most that the caching allocator held since the start or the last `reset_peak_memory_stats`."""
    return _allocator(device).peak_reserved


def memory_cached(device: Device = None) -> int:
    """The older name of `memory_reserved`."""
    return memory_reserved(device)


def max_memory_cached(device: Device = None) -> int:
    """The older name of `max_memory_reserved`."""
    return max_memory_reserved(device)


def reset_peak_memory_stats(device: Device = None) -> None:
    """Starts the peaks anew at the current values."""
    _allocator(device).reset_peaks()


def reset_max_memory_allocated(device: Device = None) -> None:
    """The older name of `reset_peak_memory_stats`."""
    reset_peak_memory_stats(device)


def reset_max_memory_cached(device: Device = None) -> None:
    """The older name of `reset_peak_memory_stats`."""
    reset_peak_memory_stats(device)


def reset_accumulated_memory_stats(device: Device = None) -> None:
    """Starts the totals (what was ever allocated and freed) anew."""
    _allocator(device).reset_accumulated()


def empty_cache() -> None:
    """Returns cached memory that no tensor uses to the device."""
    if runtime.is_initialized():
        for index in range(runtime.device_count()):
            runtime.sim_device(index).memory.empty_cache()


def empty_virt_addr_cache() -> None:
    """Returns cached memory to the device; segments have no addresses of their own to be kept apart here."""
    empty_cache()


def _set_allocator_settings(settings: str) -> None:
    """Changes settings of the allocator that PYTORCH_NPU_ALLOC_CONF made, in the same form.

    Raises:
        ValueError: a key is unknown, or a value not allowed.
    """
    for index in range(runtime.device_count()):
        runtime.sim_device(index).memory.configure(settings)


def host_empty_cache() -> None:
    """Returns page-locked host memory that nothing uses; the simulator keeps none."""


def memory_stats(device: Device = None) -> OrderedDict[str, int]:
    """The allocator's statistics, for example "allocated_bytes.all.peak"."""
    return OrderedDict(_allocator(device).stats())


def memory_stats_as_nested_dict(device: Device = None) -> dict[str, Any]:
    """The statistics of `memory_stats`, one dictionary a dot."""
    nested: dict[str, Any] = {}
    for key, value in memory_stats(device).items():
        *path, last = key.split(".")
        at = nested
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    return nested


def memory_snapshot(mempool_id: tuple[int, int] | None = None) -> list[dict[str, object]]:
    """Every segment of the allocator on every device, with its blocks.

    Args:
        mempool_id: only the segments of this pool (`MemPool.id`).
    """
    return [
        segment | {"device": index}
        for index in range(runtime.device_count())
        for segment in runtime.sim_device(index).memory.snapshot()
        if mempool_id is None or segment["segment_pool_id"] == mempool_id
    ]


def get_allocator_backend() -> str:
    """The allocator in use: always "native"."""
    return "native"


def caching_allocator_alloc(size: int, device: Device = None, stream: Any = None) -> int:
    """Memory of the caching allocator without a tensor; returns its address.

    Args:
        size: bytes.
        device: which device; None is the current one.
        stream: a stream or its handle; None is the current one.

    Raises:
        TypeError: stream is neither.
        torch.OutOfMemoryError: the device has no room.
    """
    from torch_npu._sim.storages import allocate

    if stream is not None and not isinstance(stream, int) and not hasattr(stream, "npu_stream"):
        raise TypeError(
            "Invalid type for stream argument, must be `torch_npu.npu.Stream` or `int` representing a "
            "pointer to a existing stream" + pta_error(ErrCode.TYPE)
        )
    allocator = _allocator(device)
    block = allocate(size, get_index(device, optional=True))
    _raw[block.address] = (allocator, block)
    return block.address


def caching_allocator_delete(mem_ptr: int) -> None:
    """Gives back memory of `caching_allocator_alloc`.

    Raises:
        RuntimeError: no such memory is held.
    """
    found = _raw.pop(mem_ptr, None)
    if found is None:
        raise RuntimeError(f"invalid device pointer: {mem_ptr:#x}" + pta_error(ErrCode.PTR))
    found[0].free(found[1])


def set_per_process_memory_fraction(fraction: float, device: Device = None) -> None:
    """Caps what this process may take of a device's memory.

    Args:
        fraction: between 0 and 1.
        device: which device; None is the current one.

    Raises:
        TypeError: the fraction is not a float.
        ValueError: it is not between 0 and 1.
    """
    if not isinstance(fraction, float):
        raise TypeError("Invalid type for fraction argument, must be `float`" + pta_error(ErrCode.TYPE))
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1" + pta_error(ErrCode.VALUE))
    _allocator(device).set_fraction(fraction)
    _fractions[get_index(device, optional=True)] = fraction


def get_per_process_memory_fraction(device: Device = None) -> float:
    """The fraction that was set; 1.0 where none was."""
    runtime.initialize()
    return _fractions.get(get_index(device, optional=True), 1.0)


def _format_size(size: int, like: float) -> str:
    units = ["B ", "KB", "MB", "GB", "TB", "PB"]
    unit = units.pop(0)
    while units and like >= 768 * 1024:
        unit = units.pop(0)
        size //= 1024
        like /= 1024
    return f"{size:7d} {unit}"


def _format_count(count: int, like: float) -> str:
    units = [" ", "K", "M"]
    unit = units.pop(0)
    while units and like >= 750 * 1000:
        unit = units.pop(0)
        count //= 1000
        like /= 1000
    return f"{count:7d} {unit} "


_METRICS: tuple[tuple[str, str, Callable[[int, float], str]], ...] = (
    ("allocated_bytes", "Allocated memory", _format_size),
    ("active_bytes", "Active memory", _format_size),
    ("reserved_bytes", "NPU reserved memory", _format_size),
    ("inactive_split_bytes", "Non-releasable memory", _format_size),
    ("allocation", "Allocations", _format_count),
    ("active", "Active allocs", _format_count),
    ("segment", "NPU reserved segments", _format_count),
    ("inactive_split", "Non-releasable allocs", _format_count),
)
_OVERSIZE = (
    ("oversize_allocations", "Oversize allocations"),
    ("oversize_segments", "Oversize NPU segments"),
)
_COLUMNS = ("current", "peak", "allocated", "freed")
_WIDTH = 75


def _row(
    stats: dict[str, int], prefix: str, name: str, form: Callable[[int, float], str], like: dict[str, int]
) -> str:
    cells = " | ".join(form(stats[f"{prefix}.{c}"], like[c]) for c in _COLUMNS)
    return f" {name:<21} | {cells} "


def memory_summary(device: Device = None, abbreviated: bool = False) -> str:
    """A table of the allocator's statistics for people to read.

    Args:
        device: which device; None is the current one.
        abbreviated: leaves out the rows of the large and the small pool.
    """
    index = get_index(device, optional=True)
    stats = memory_stats(index)
    double, single = "=" * _WIDTH, "-" * _WIDTH
    lines = [
        double,
        f" {'':16} PyTorch NPU memory summary, device ID {index:<18d} ",
        single,
        (
            f"  {'':9} NPU OOMs: {stats['num_ooms']:<13d} | "
            f"{'':6} npuMalloc retries: {stats['num_alloc_retries']:<9d}  "
        ),
        double,
        "        Metric         | Cur Usage  | Peak Usage | Tot Alloc  | Tot Freed  ",
    ]
    pools = [("all", "")] if abbreviated else [("all", ""), ("large_pool", "large"), ("small_pool", "small")]
    for key, title, form in _METRICS:
        lines.append(single)
        like = {c: stats[f"{key}.all.{c}"] for c in _COLUMNS}
        for pool, short in pools:
            name = f"      from {short} pool" if short else title
            lines.append(_row(stats, f"{key}.{pool}", name, form, like))
    for key, title in _OVERSIZE:
        lines.append(single)
        like = {c: stats[f"{key}.{c}"] for c in _COLUMNS}
        lines.append(_row(stats, key, title, _format_count, like))
    lines.append(double)
    return "|" + "|\n|".join(lines) + "|\n"
