"""The caching allocator of torch_npu, block by block: rounding, splitting, merging, statistics.

Imitates the behaviour of NPUCachingAllocator.cpp in Ascend/pytorch (sizes and rules read there, code is our
own): a request grows by 32 bytes and rounds up to 512; up to 1 MiB it is cut from 2 MiB segments, below 10
MiB from 20 MiB segments, beyond that it takes a segment of its own rounded to 2 MiB; freed blocks merge with
free neighbours and serve later requests of the same stream, smallest fit first.
"""

# ruff: noqa: PLR1730 - max() takes several times as long as a comparison, in what runs for every tensor

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from npusim.allocator_config import LARGE_BUFFER, AllocatorConfig
from npusim.exceptions import DoubleFreeError, InvalidArgumentError, OutOfMemoryError
from npusim.memory_pools import FLOWS, SAME, Block, Pool, Stat

if TYPE_CHECKING:
    from npusim.device_memory import DeviceMemory

MIN_BLOCK = 512
PADDING = 32
SMALL_SIZE = 1 << 20
SMALL_BUFFER = 2 << 20
MIN_LARGE_ALLOC = 10 << 20
ROUND_LARGE = 2 << 20
GRAPH_POOLS = 1 << 20
"""From here on, private pools have the numbers of graphs."""
POOL_SHIFT = 32
"""A private pool's blocks lie in free lists of their own: number << POOL_SHIFT | stream."""


def round_size(nbytes: int) -> int:
    """The size of the block that serves a request: 32 bytes more, rounded up to 512."""
    return -(-(nbytes + PADDING) // MIN_BLOCK) * MIN_BLOCK


def segment_size(size: int, large: int = LARGE_BUFFER) -> int:
    """The size of the segment taken from the device for a block of `size` bytes.

    Args:
        size: of the block.
        large: the segment of blocks between 1 and 10 MiB.
    """
    if size <= SMALL_SIZE:
        return SMALL_BUFFER
    if size < MIN_LARGE_ALLOC:
        return large
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


class CachingAllocator:
    """The caching allocator of one device.

    Args:
        device: where segments come from.

    Attributes:
        config: its settings.
        held: the private pools that are in use: their cached segments stay when the cache is emptied.
        spare: those whose free blocks serve anybody when the device has no more memory.
        whole: those whose segments are not split.
    """

    __slots__ = (
        "_allowed",
        "_device",
        "_large",
        "_ooms",
        "_oversize",
        "_oversize_segments",
        "_peaks",
        "_retries",
        "_segments",
        "_small",
        "config",
        "held",
        "spare",
        "whole",
    )

    def __init__(self, device: DeviceMemory) -> None:
        self._device = device
        self._small = Pool(small=True)
        self._large = Pool(small=False)
        self._peaks = dict.fromkeys(FLOWS, 0)
        self._segments: dict[int, Block] = {}
        self._oversize = Stat()
        self._oversize_segments = Stat()
        self._retries = 0
        self._ooms = 0
        self._allowed: int | None = None
        self.held: set[int] = set()
        self.spare: list[int] = []
        self.whole: set[int] = set()
        self.config = AllocatorConfig()

    def configure(self, text: str) -> None:
        """Takes up settings in the form of PYTORCH_NPU_ALLOC_CONF.

        Raises:
            AllocatorConfigError: a key is unknown, or a value not allowed.
        """
        self.config.update(text)
        if self.config.fraction is not None:
            self.set_fraction(self.config.fraction)

    @property
    def max_split_size(self) -> int | None:
        """Blocks of at least this many bytes are not split (None: no limit)."""
        return self.config.max_split_size

    @max_split_size.setter
    def max_split_size(self, nbytes: int | None) -> None:
        self.config.max_split_size = nbytes

    @property
    def allocated(self) -> int:
        """Bytes of live blocks."""
        small, large = self._small, self._large
        return small.bytes_in - small.bytes_out + large.bytes_in - large.bytes_out

    @property
    def reserved(self) -> int:
        """Bytes taken from the device, live or cached."""
        small, large = self._small, self._large
        return small.reserved_in - small.reserved_out + large.reserved_in - large.reserved_out

    @property
    def peak_allocated(self) -> int:
        """The most that `allocated` was since the last `reset_peaks`."""
        self._note_peaks()
        return self._peaks["allocated_bytes"]

    @property
    def peak_reserved(self) -> int:
        """The most that `reserved` was since the last `reset_peaks`."""
        return self._peaks["reserved_bytes"]

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

        Args:
            nbytes: how much is needed.
            stream: its number; for a private pool with the pool's number above `POOL_SHIFT`.

        Raises:
            InvalidArgumentError: nbytes is negative.
            OutOfMemoryError: neither the cache nor the device has room.
        """
        if nbytes < 0:
            raise InvalidArgumentError(f"memory of {nbytes} bytes was asked for; a size cannot be negative.")
        if self.config.divisions:
            size = self.config.round(nbytes + PADDING, MIN_BLOCK)
        else:
            size = -(-(nbytes + PADDING) // MIN_BLOCK) * MIN_BLOCK
        pool = self._small if size <= SMALL_SIZE else self._large
        blocks = pool.free.get(stream)
        block = self._find(blocks, size) if blocks else None
        if block is None:
            block = self._new_segment(pool, size, stream) if self._has_room(size) else None
        if block is None:
            block = self._spare_block(pool, size, stream) or self._new_segment(pool, size, stream)
        was_split = block.prev is not None or block.next is not None
        if block.size != size and self._should_split(block, size):
            self._split(block, size, was_split=was_split)
        elif was_split:
            pool.splits_out += 1
            pool.split_bytes_out += block.size
        block.allocated = True
        block.requested = nbytes
        pool.blocks_in += 1
        pool.bytes_in += block.size
        pool.asked_in += nbytes
        pool.risen = True
        limit = self.config.max_split_size
        if limit is not None and block.size >= limit:
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
        if self._small.risen or self._large.risen:
            self._note_peaks()
        block.allocated = False
        pool = block.pool
        pool.blocks_out += 1
        pool.bytes_out += block.size
        pool.asked_out += block.requested
        limit = self.config.max_split_size
        if limit is not None and block.size >= limit:
            self._oversize.add(-1)
        merged = self._merge(block)
        pool.insert(merged)
        if merged.prev is not None or merged.next is not None:
            pool.splits_in += 1
            pool.split_bytes_in += merged.size
            self._note_splits(pool)

    def empty_cache(self, private: int | None = None) -> None:
        """Returns every segment with no live block to the device; private pools in use keep theirs.

        Args:
            private: only those of this private pool.
        """
        for pool in (self._large, self._small):
            for key, blocks in pool.free.items():
                number = key >> POOL_SHIFT
                if number in self.held or private not in {None, number}:
                    continue
                whole = [entry for entry in blocks if not entry[2].split]
                blocks[:] = [entry for entry in blocks if entry[2].split]
                for _, _, block in whole:
                    self._release(block)

    def reset_peaks(self) -> None:
        """Every peak becomes the current value (torch.npu.reset_peak_memory_stats)."""
        small, large = self._small.flows(), self._large.flows()
        for name in FLOWS:
            (a, b), (c, d) = small[name], large[name]
            self._small.peaks[name] = a - b
            self._large.peaks[name] = c - d
            self._peaks[name] = a - b + c - d
        self._small.risen = self._large.risen = False
        for stat in (self._oversize, self._oversize_segments):
            stat.peak = stat.current

    def reset_accumulated(self) -> None:
        """Every total starts again from nothing (torch.npu.reset_accumulated_memory_stats)."""
        for pool in (self._small, self._large):
            pool.base = pool.flows()
        for stat in (self._oversize, self._oversize_segments):
            stat.allocated = stat.freed = 0
        self._retries = 0
        self._ooms = 0

    def stats(self) -> dict[str, int]:
        """The flat dictionary of `torch.npu.memory_stats`: `<statistic>.<pool>.<metric>`, sorted by key."""
        self._note_peaks()
        flat: dict[str, int] = {
            "max_split_size": -1 if self.max_split_size is None else self.max_split_size,
            "num_alloc_retries": self._retries,
            "num_device_alloc": self._small.segments_in + self._large.segments_in,
            "num_device_free": self._small.segments_out + self._large.segments_out,
            "num_ooms": self._ooms,
            "num_sync_all_streams": 0,
        }
        pools = (
            ("small_pool", self._small, self._small.flows()),
            ("large_pool", self._large, self._large.flows()),
        )
        for statistic in (*FLOWS, *SAME):
            name = SAME.get(statistic, statistic)
            whole = [0, 0, 0]
            for group, pool, flows in pools:
                (came, went), (came_before, went_before) = flows[name], pool.base[name]
                row = (came - went, came - came_before, went - went_before)
                _flatten(flat, f"{statistic}.{group}", pool.peaks[name], *row)
                whole = [a + b for a, b in zip(whole, row, strict=True)]
            _flatten(flat, f"{statistic}.all", self._peaks[name], *whole)
        for name, stat in (
            ("oversize_allocations", self._oversize),
            ("oversize_segments", self._oversize_segments),
        ):
            _flatten(flat, name, stat.peak, stat.current, stat.allocated, stat.freed)
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

    def _note_peaks(self) -> None:
        """Brings the peaks of live memory up to date: it only rose since the last time."""
        small, large, peaks = self._small, self._large, self._peaks
        for pool, other in ((small, large), (large, small)):
            if not pool.risen:
                continue
            pool.risen = False
            most = pool.peaks
            count, nbytes = pool.blocks_in - pool.blocks_out, pool.bytes_in - pool.bytes_out
            asked = pool.asked_in - pool.asked_out
            if count > most["allocation"]:
                most["allocation"] = count
            if nbytes > most["allocated_bytes"]:
                most["allocated_bytes"] = nbytes
            if asked > most["requested_bytes"]:
                most["requested_bytes"] = asked
            count += other.blocks_in - other.blocks_out
            if count > peaks["allocation"]:
                peaks["allocation"] = count
            nbytes += other.bytes_in - other.bytes_out
            if nbytes > peaks["allocated_bytes"]:
                peaks["allocated_bytes"] = nbytes
            asked += other.asked_in - other.asked_out
            if asked > peaks["requested_bytes"]:
                peaks["requested_bytes"] = asked

    def _note_splits(self, pool: Pool) -> None:
        """Brings the peaks of what lies free in live segments up to date, after it rose."""
        count, held = pool.splits_in - pool.splits_out, pool.split_bytes_in - pool.split_bytes_out
        most = pool.peaks
        if count > most["inactive_split"]:
            most["inactive_split"] = count
        if held > most["inactive_split_bytes"]:
            most["inactive_split_bytes"] = held
        other = self._large if pool.small else self._small
        count += other.splits_in - other.splits_out
        held += other.split_bytes_in - other.split_bytes_out
        most = self._peaks
        if count > most["inactive_split"]:
            most["inactive_split"] = count
        if held > most["inactive_split_bytes"]:
            most["inactive_split_bytes"] = held

    def _find(self, blocks: list[tuple[int, int, Block]], size: int) -> Block | None:
        i = bisect_left(blocks, (size, 0))
        if i == len(blocks):
            return None
        found = blocks[i][2]
        limit = self.config.max_split_size
        if limit is not None:
            if size < limit <= found.size:
                return None
            if size >= limit and found.size >= size + self.config.max_non_split_rounding:
                return None
        del blocks[i]
        return found

    def _has_room(self, size: int) -> bool:
        """Whether a segment for a block can be had at once, or nobody else could serve it."""
        return not self.spare or self._fits(segment_size(size, self.config.large_segment))

    def _spare_block(self, pool: Pool, size: int, stream: int) -> Block | None:
        """A free block of a pool that serves when memory is short."""
        for number in self.spare:
            blocks = pool.free.get(number << POOL_SHIFT | stream & ((1 << POOL_SHIFT) - 1))
            found = self._find(blocks, size) if blocks else None
            if found is not None:
                return found
        return None

    def _new_segment(self, pool: Pool, size: int, stream: int) -> Block:
        nbytes = segment_size(size, self.config.large_segment)
        if not self._fits(nbytes):
            self._retries += 1
            self.empty_cache()
            if not self._fits(nbytes):
                self._ooms += 1
                raise self._out_of_memory(nbytes)
        block = Block(self._device.malloc(nbytes), nbytes, pool, stream)
        self._segments[block.address] = block
        pool.segments_in += 1
        pool.reserved_in += nbytes
        self._note_segments(pool)
        if self.max_split_size is not None and nbytes >= self.max_split_size:
            self._oversize_segments.add(1)
        return block

    def _note_segments(self, pool: Pool) -> None:
        count, held = pool.segments_in - pool.segments_out, pool.reserved_in - pool.reserved_out
        other = self._large if pool.small else self._small
        both = count + other.segments_in - other.segments_out
        for peaks, segments, nbytes in ((pool.peaks, count, held), (self._peaks, both, self.reserved)):
            peaks["segment"] = max(peaks["segment"], segments)
            peaks["reserved_bytes"] = max(peaks["reserved_bytes"], nbytes)

    def _fits(self, nbytes: int) -> bool:
        if self._allowed is not None and self.reserved + nbytes > self._allowed:
            return False
        return self._device.free_bytes >= nbytes

    def _should_split(self, block: Block, size: int) -> bool:
        rest = block.size - size
        if self.whole and block.stream >> POOL_SHIFT in self.whole:
            return False
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
        pool = block.pool
        if was_split:
            pool.split_bytes_out += size
        else:
            pool.split_bytes_in += rest.size
            pool.splits_in += 1
            self._note_splits(pool)

    def _merge(self, block: Block) -> Block:
        """Joins a block that was just freed with its free neighbours.

        The result is never the object that was freed, so that a handle kept after `free` stays dead.
        """
        before, after = block.prev, block.next
        size = block.size
        if after is not None and not after.allocated:
            self._take_neighbour(after)
            merged = after
            size += after.size
            after = after.next
        else:
            merged = Block(block.address, size, block.pool, block.stream)
        if before is not None and not before.allocated:
            self._take_neighbour(before)
            size += before.size
            merged = before
        else:
            merged.address = block.address
            merged.prev = before
            if before is None:
                self._segments[block.address] = merged
            else:
                before.next = merged
        merged.size = size
        merged.next = after
        if after is not None:
            after.prev = merged
        return merged

    def _take_neighbour(self, block: Block) -> None:
        pool = block.pool
        pool.remove(block)
        pool.splits_out += 1
        pool.split_bytes_out += block.size

    def _release(self, block: Block) -> None:
        self._device.free(block.address)
        del self._segments[block.address]
        block.pool.segments_out += 1
        block.pool.reserved_out += block.size
        limit = self.config.max_split_size
        if limit is not None and block.size >= limit:
            self._oversize_segments.add(-1)

    def _out_of_memory(self, nbytes: int) -> OutOfMemoryError:
        device = self._device
        active = self.allocated
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


def pool_id(number: int) -> tuple[int, int]:
    """The two numbers of a private pool: the first is of a graph, the second of a program's own; or 0, 0."""
    return (number - GRAPH_POOLS, 0) if number >= GRAPH_POOLS else (0, number)


def _flatten(  # noqa: PLR0913, PLR0917 - the four metrics of a statistic
    flat: dict[str, int], prefix: str, peak: int, current: int, allocated: int, freed: int
) -> None:
    flat[f"{prefix}.current"] = current
    flat[f"{prefix}.peak"] = peak
    flat[f"{prefix}.allocated"] = allocated
    flat[f"{prefix}.freed"] = freed


def _describe(address: int, blocks: list[Block]) -> dict[str, object]:
    live = [block for block in blocks if block.allocated]
    return {
        "address": address,
        "stream": blocks[0].stream & ((1 << POOL_SHIFT) - 1),
        "is_expandable": False,
        "segment_pool_id": pool_id(blocks[0].stream >> POOL_SHIFT),
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
