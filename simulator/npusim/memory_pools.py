"""Blocks of the caching allocator, the pools that they lie in, and what is counted of them."""

from __future__ import annotations

from bisect import bisect_left, insort

from npusim.exceptions import UseAfterFreeError

FLOWS = (
    "allocation",
    "segment",
    "inactive_split",
    "allocated_bytes",
    "reserved_bytes",
    "inactive_split_bytes",
    "requested_bytes",
)
# a freed block is inactive at once, so what is active is what is allocated
SAME = {"active": "allocation", "active_bytes": "allocated_bytes"}


class Block:
    """A piece of a segment. `address` and `size` in bytes; `requested` is what the caller asked for."""

    __slots__ = ("address", "allocated", "next", "pool", "prev", "requested", "size", "stream")

    def __init__(self, address: int, size: int, pool: Pool, stream: int) -> None:
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


class Pool:
    """Free blocks of one kind, kept per stream and sorted by (size, address), and what came and went.

    Allocating and freeing only add to the totals `*_in` and `*_out`; statistics are computed from them when
    they are asked for.

    Attributes:
        small: whether its segments are the small ones.
        free: cached blocks by stream.
        risen: whether something was allocated since `peaks` was brought up to date.
        peaks: the most that each figure was, by name.
    """

    __slots__ = (
        "asked_in",
        "asked_out",
        "base",
        "blocks_in",
        "blocks_out",
        "bytes_in",
        "bytes_out",
        "free",
        "peaks",
        "reserved_in",
        "reserved_out",
        "risen",
        "segments_in",
        "segments_out",
        "small",
        "split_bytes_in",
        "split_bytes_out",
        "splits_in",
        "splits_out",
    )

    def __init__(self, *, small: bool) -> None:
        self.small = small
        self.free: dict[int, list[tuple[int, int, Block]]] = {}
        self.risen = False
        self.asked_in = self.asked_out = self.blocks_in = self.blocks_out = 0
        self.bytes_in = self.bytes_out = self.reserved_in = self.reserved_out = 0
        self.segments_in = self.segments_out = self.splits_in = self.splits_out = 0
        self.split_bytes_in = self.split_bytes_out = 0
        self.peaks = dict.fromkeys(FLOWS, 0)
        self.base = dict.fromkeys(FLOWS, (0, 0))  # totals at the last reset_accumulated

    def flows(self) -> dict[str, tuple[int, int]]:
        """What came and went of each figure since the start."""
        return {
            "allocation": (self.blocks_in, self.blocks_out),
            "segment": (self.segments_in, self.segments_out),
            "inactive_split": (self.splits_in, self.splits_out),
            "allocated_bytes": (self.bytes_in, self.bytes_out),
            "reserved_bytes": (self.reserved_in, self.reserved_out),
            "inactive_split_bytes": (self.split_bytes_in, self.split_bytes_out),
            "requested_bytes": (self.asked_in, self.asked_out),
        }

    def insert(self, block: Block) -> None:
        """Takes a free block in."""
        blocks = self.free.get(block.stream)
        if blocks is None:
            blocks = self.free[block.stream] = []
        insort(blocks, (block.size, block.address, block))

    def remove(self, block: Block) -> None:
        """Lets a free block go."""
        blocks = self.free[block.stream]
        del blocks[bisect_left(blocks, (block.size, block.address))]


class Stat:
    """A statistic of what happens rarely: current, peak, and what came and went in all."""

    __slots__ = ("allocated", "current", "freed", "peak")

    def __init__(self) -> None:
        self.current = self.peak = self.allocated = self.freed = 0

    def add(self, amount: int) -> None:
        """Counts something that came, or went (negative)."""
        self.current += amount
        if amount > 0:
            self.allocated += amount
            self.peak = max(self.peak, self.current)
        else:
            self.freed -= amount
