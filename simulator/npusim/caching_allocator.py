"""The caching allocator of torch_npu, block by block: rounding, pools, splitting, merging, statistics.

Imitates the behaviour of NPUCachingAllocator.cpp in Ascend/pytorch (sizes and rules read there, code is our
own): a request grows by 32 bytes and rounds up to 512; up to 1 MiB it is cut from 2 MiB segments, below 10
MiB from 20 MiB segments, beyond that it takes a segment of its own rounded to 2 MiB; freed blocks merge with
free neighbours and serve later requests of the same stream, smallest fit first.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from npusim.exceptions import (
    DoubleFreeError,
    InvalidArgumentError,
    OutOfMemoryError,
    UseAfterFreeError,
)

if TYPE_CHECKING:
    from npusim.device_memory import DeviceMemory

MIN_BLOCK = 512
PADDING = 32
SMALL_SIZE = 1 << 20
SMALL_BUFFER = 2 << 20
LARGE_BUFFER = 20 << 20
MIN_LARGE_ALLOC = 10 << 20
ROUND_LARGE = 2 << 20

_STATS = (
    "allocation",
    "segment",
    "active",
    "inactive_split",
    "allocated_bytes",
    "reserved_bytes",
    "active_bytes",
    "inactive_split_bytes",
    "requested_bytes",
)
_LIVE = ("allocation", "allocated_bytes", "requested_bytes")


def round_size(nbytes: int) -> int:
    """The size of the block that serves a request: 32 bytes more, rounded up to 512."""
    return -(-(nbytes + PADDING) // MIN_BLOCK) * MIN_BLOCK


def segment_size(size: int) -> int:
    """The size of the segment taken from the device for a block of `size` bytes."""
    if size <= SMALL_SIZE:
        return SMALL_BUFFER
    if size < MIN_LARGE_ALLOC:
        return LARGE_BUFFER
    return -(-size // ROUND_LARGE) * ROUND_LARGE


def format_size(nbytes: int) -> str:
    """Bytes as PyTorch's messages print them: two decimals, binary units."""
    if nbytes <= 1 << 10:
        return f"{nbytes} bytes"
    if nbytes <= 1 << 20:
        return f"{nbytes / (1 << 10):.2f} KiB"
    if nbytes <= 1 << 30:
        return f"{nbytes / (1 << 20):.2f} MiB"
    return f"{nbytes / (1 << 30):.2f} GiB"


class Block:
    """A piece of a segment. `address` and `size` in bytes; `requested` is what the caller asked for."""

    __slots__ = ("address", "allocated", "next", "pool", "prev", "requested", "size", "stream")

    def __init__(self, address: int, size: int, pool: _Pool, stream: int) -> None:
        self.address = address
        self.size = size
        self.pool = pool
        self.stream = stream
        self.requested = 0
        self.allocated = False
        self.prev: Block | None = None
        self.next: Block | None = None

    @property
    def split(self) -> bool:
        """Whether the block shares its segment with others."""
        return self.prev is not None or self.next is not None

    def check(self) -> None:
        """Raises where the block was freed.

        Raises:
            UseAfterFreeError: the block is not live.
        """
        if not self.allocated:
            raise UseAfterFreeError(f"device memory {self.address:#x} is used after it was freed.")


class _Stat:
    """One statistic: current, peak, and what came and went in all."""

    __slots__ = ("allocated", "current", "freed", "peak")

    def __init__(self) -> None:
        self.current = self.peak = self.allocated = self.freed = 0

    def add(self, amount: int) -> None:
        self.current += amount
        if amount > 0:
            self.allocated += amount
            self.peak = max(self.peak, self.current)
        else:
            self.freed -= amount


def _new_stats() -> dict[str, _Stat]:
    """Every statistic at zero. A freed block is inactive at once, so what is active is what is allocated."""
    stats = {name: _Stat() for name in _STATS}
    return {**stats, "active": stats["allocation"], "active_bytes": stats["allocated_bytes"]}


class _Pool:
    """Free blocks of one kind, kept per stream and sorted by (size, address), and the pool's statistics."""

    __slots__ = ("free", "live", "small", "stats")

    def __init__(self, *, small: bool) -> None:
        self.small = small
        self.free: dict[int, list[tuple[int, int, Block]]] = {}
        self.stats = _new_stats()
        self.live = tuple(self.stats[name] for name in _LIVE)

    def insert(self, block: Block) -> None:
        insort(self.free.setdefault(block.stream, []), (block.size, block.address, block))

    def remove(self, block: Block) -> None:
        blocks = self.free[block.stream]
        del blocks[bisect_left(blocks, (block.size, block.address))]


class CachingAllocator:
    """The caching allocator of one device.

    Args:
        device: where segments come from.

    Attributes:
        max_split_size: blocks of at least this many bytes are not split (None: no limit).
    """

    __slots__ = (
        "_allowed",
        "_device",
        "_large",
        "_live",
        "_ooms",
        "_oversize",
        "_oversize_segments",
        "_retries",
        "_segments",
        "_small",
        "_total",
        "max_split_size",
    )

    def __init__(self, device: DeviceMemory) -> None:
        self._device = device
        self._small = _Pool(small=True)
        self._large = _Pool(small=False)
        self._total = _new_stats()
        self._live = tuple(self._total[name] for name in _LIVE)
        self._segments: dict[int, Block] = {}
        self._oversize = _Stat()
        self._oversize_segments = _Stat()
        self._retries = 0
        self._ooms = 0
        self._allowed: int | None = None
        self.max_split_size: int | None = None

    @property
    def allocated(self) -> int:
        """Bytes of live blocks."""
        return self._total["allocated_bytes"].current

    @property
    def reserved(self) -> int:
        """Bytes taken from the device, live or cached."""
        return self._total["reserved_bytes"].current

    @property
    def peak_allocated(self) -> int:
        """The most that `allocated` was since the last `reset_peaks`."""
        return self._total["allocated_bytes"].peak

    @property
    def peak_reserved(self) -> int:
        """The most that `reserved` was since the last `reset_peaks`."""
        return self._total["reserved_bytes"].peak

    def set_fraction(self, fraction: float) -> None:
        """Caps what may be reserved at a fraction of the device's memory.

        Raises:
            InvalidArgumentError: the fraction is not within 0 and 1.
        """
        if not 0 <= fraction <= 1:
            raise InvalidArgumentError(f"a memory fraction of {fraction} was set; it lies between 0 and 1.")
        self._allowed = int(fraction * self._device.total)

    def allocate(self, nbytes: int, stream: int = 0) -> Block:
        """A block of at least nbytes for work on a stream.

        Raises:
            InvalidArgumentError: nbytes is negative.
            OutOfMemoryError: neither the cache nor the device has room.
        """
        if nbytes < 0:
            raise InvalidArgumentError(f"memory of {nbytes} bytes was asked for; a size cannot be negative.")
        size = round_size(nbytes)
        pool = self._small if size <= SMALL_SIZE else self._large
        block = self._find(pool, size, stream)
        if block is None:
            block = self._new_segment(pool, size, stream)
        was_split = block.prev is not None or block.next is not None
        if self._should_split(block, size):
            self._split(block, size, was_split=was_split)
        elif was_split:
            self._count(pool, "inactive_split_bytes", -block.size)
            self._count(pool, "inactive_split", -1)
        block.allocated = True
        block.requested = nbytes
        self._count_active(pool, block, 1)
        if self.max_split_size is not None and block.size >= self.max_split_size:
            self._oversize.add(1)
        return block

    def free(self, block: Block) -> None:
        """Returns a block to the cache.

        Raises:
            DoubleFreeError: it was freed before.
        """
        if not block.allocated:
            raise DoubleFreeError(
                f"device memory {block.address:#x} was freed before; free each allocation once."
            )
        block.allocated = False
        pool = block.pool
        self._count_active(pool, block, -1)
        if self.max_split_size is not None and block.size >= self.max_split_size:
            self._oversize.add(-1)
        merged = self._merge(block, block.prev)
        merged = self._renew(self._merge(merged, merged.next))
        pool.insert(merged)
        if merged.split:
            self._count(pool, "inactive_split", 1)
            self._count(pool, "inactive_split_bytes", merged.size)

    def empty_cache(self) -> None:
        """Returns every segment with no live block to the device."""
        for pool in (self._large, self._small):
            for blocks in pool.free.values():
                whole = [entry for entry in blocks if not entry[2].split]
                blocks[:] = [entry for entry in blocks if entry[2].split]
                for _, _, block in whole:
                    self._release(block)

    def reset_peaks(self) -> None:
        """Every peak becomes the current value (torch.npu.reset_peak_memory_stats)."""
        for stat in self._each_stat():
            stat.peak = stat.current

    def reset_accumulated(self) -> None:
        """Every total starts again from nothing (torch.npu.reset_accumulated_memory_stats)."""
        for stat in self._each_stat():
            stat.allocated = stat.freed = 0
        self._retries = 0
        self._ooms = 0

    def stats(self) -> dict[str, int]:
        """The flat dictionary of `torch.npu.memory_stats`: `<statistic>.<pool>.<metric>`, sorted by key."""
        flat: dict[str, int] = {
            "max_split_size": -1 if self.max_split_size is None else self.max_split_size,
            "num_alloc_retries": self._retries,
            "num_ooms": self._ooms,
        }
        groups = (("all", self._total), ("small_pool", self._small.stats), ("large_pool", self._large.stats))
        for group, stats in groups:
            for name, stat in stats.items():
                _flatten(flat, f"{name}.{group}", stat)
        _flatten(flat, "oversize_allocations", self._oversize)
        _flatten(flat, "oversize_segments", self._oversize_segments)
        return dict(sorted(flat.items()))

    def snapshot(self) -> list[dict[str, object]]:
        """Every segment with its blocks, by address (the figures of `torch.npu.memory_snapshot`)."""
        found = []
        for address in sorted(self._segments):
            blocks: list[Block] = []
            block: Block | None = self._segments[address]
            while block is not None:
                blocks.append(block)
                block = block.next
            found.append(_describe(address, blocks))
        return found

    def _each_stat(self) -> list[_Stat]:
        stats = [*self._total.values(), *self._small.stats.values(), *self._large.stats.values()]
        return [*stats, self._oversize, self._oversize_segments]

    def _count(self, pool: _Pool, name: str, amount: int) -> None:
        self._total[name].add(amount)
        pool.stats[name].add(amount)

    def _count_active(self, pool: _Pool, block: Block, sign: int) -> None:
        size = sign * block.size
        for count, allocated, requested in (self._live, pool.live):
            count.add(sign)
            allocated.add(size)
            requested.add(sign * block.requested)

    def _find(self, pool: _Pool, size: int, stream: int) -> Block | None:
        blocks = pool.free.get(stream)
        if not blocks:
            return None
        i = bisect_left(blocks, (size, 0))
        if i == len(blocks):
            return None
        found = blocks[i][2]
        limit = self.max_split_size
        if limit is not None:
            if size < limit <= found.size:
                return None
            if size >= limit and found.size >= size + LARGE_BUFFER:
                return None
        del blocks[i]
        return found

    def _new_segment(self, pool: _Pool, size: int, stream: int) -> Block:
        nbytes = segment_size(size)
        if not self._fits(nbytes):
            self._retries += 1
            self.empty_cache()
            if not self._fits(nbytes):
                self._ooms += 1
                raise self._out_of_memory(nbytes)
        block = Block(self._device.malloc(nbytes), nbytes, pool, stream)
        self._segments[block.address] = block
        self._count(pool, "segment", 1)
        self._count(pool, "reserved_bytes", nbytes)
        if self.max_split_size is not None and nbytes >= self.max_split_size:
            self._oversize_segments.add(1)
        return block

    def _fits(self, nbytes: int) -> bool:
        if self._allowed is not None and self.reserved + nbytes > self._allowed:
            return False
        return self._device.free_bytes >= nbytes

    def _should_split(self, block: Block, size: int) -> bool:
        rest = block.size - size
        if block.pool.small:
            return rest >= MIN_BLOCK
        return rest > SMALL_SIZE and (self.max_split_size is None or size < self.max_split_size)

    def _split(self, block: Block, size: int, *, was_split: bool) -> None:
        rest = Block(block.address + size, block.size - size, block.pool, block.stream)
        rest.prev, rest.next = block, block.next
        if rest.next is not None:
            rest.next.prev = rest
        block.next = rest
        block.size = size
        block.pool.insert(rest)
        if was_split:
            self._count(block.pool, "inactive_split_bytes", -size)
        else:
            self._count(block.pool, "inactive_split_bytes", rest.size)
            self._count(block.pool, "inactive_split", 1)

    def _merge(self, block: Block, other: Block | None) -> Block:
        """Joins two neighbours where `other` is free; the one at the lower address stays."""
        if other is None or other.allocated:
            return block
        pool = block.pool
        pool.remove(other)
        self._count(pool, "inactive_split", -1)
        self._count(pool, "inactive_split_bytes", -other.size)
        low, high = (other, block) if other is block.prev else (block, other)
        low.size += high.size
        low.next = high.next
        if low.next is not None:
            low.next.prev = low
        return low

    def _renew(self, block: Block) -> Block:
        """A new object for the same memory, so that a handle kept after `free` stays recognisably dead."""
        new = Block(block.address, block.size, block.pool, block.stream)
        new.prev, new.next = block.prev, block.next
        if new.prev is None:
            self._segments[new.address] = new
        else:
            new.prev.next = new
        if new.next is not None:
            new.next.prev = new
        return new

    def _release(self, block: Block) -> None:
        self._device.free(block.address)
        del self._segments[block.address]
        self._count(block.pool, "segment", -1)
        self._count(block.pool, "reserved_bytes", -block.size)
        if self.max_split_size is not None and block.size >= self.max_split_size:
            self._oversize_segments.add(-1)

    def _out_of_memory(self, nbytes: int) -> OutOfMemoryError:
        device = self._device
        active = self._total["active_bytes"].current
        allowed = "" if self._allowed is None else f"{format_size(self._allowed)} allowed; "
        return OutOfMemoryError(
            f"NPU out of memory. Tried to allocate {format_size(nbytes)} (NPU {device.index}; "
            f"{format_size(device.total)} total capacity; {format_size(self.allocated)} already allocated; "
            f"{format_size(active)} current active; {format_size(device.free_bytes)} free; {allowed}"
            f"{format_size(self.reserved)} reserved in total by PyTorch) If reserved memory is >> "
            "allocated memory "
            "try setting max_split_size_mb to avoid fragmentation.",
            requested=nbytes,
            total=device.total,
            allocated=self.allocated,
            active=active,
            reserved=self.reserved,
            free=device.free_bytes,
            allowed=self._allowed,
        )


def _flatten(flat: dict[str, int], prefix: str, stat: _Stat) -> None:
    flat[f"{prefix}.current"] = stat.current
    flat[f"{prefix}.peak"] = stat.peak
    flat[f"{prefix}.allocated"] = stat.allocated
    flat[f"{prefix}.freed"] = stat.freed


def _describe(address: int, blocks: list[Block]) -> dict[str, object]:
    live = [block for block in blocks if block.allocated]
    return {
        "address": address,
        "stream": blocks[0].stream,
        "segment_type": "small" if blocks[0].pool.small else "large",
        "total_size": sum(block.size for block in blocks),
        "allocated_size": sum(block.size for block in live),
        "active_size": sum(block.size for block in live),
        "requested_size": sum(block.requested for block in live),
        "blocks": [
            {
                "address": block.address,
                "size": block.size,
                "requested_size": block.requested,
                "state": "active_allocated" if block.allocated else "inactive",
            }
            for block in blocks
        ],
    }
