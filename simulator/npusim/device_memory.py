"""The device's physical memory: a size, an address space, and what is taken of it. No byte is really held.

AscendCL's `aclrtMalloc` ends here, and so does the caching allocator when its cache runs dry.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING

from npusim.exceptions import DoubleFreeError, InvalidArgumentError, OutOfMemoryError, UseAfterFreeError

if TYPE_CHECKING:
    from collections.abc import Callable

# Addresses of device memory that real CANN hands out look like 0x12c0c0013000; ours start there, one slice
# a device,
# so that two devices never share an address and a host pointer is never mistaken for one of ours.
BASE_ADDRESS = 0x12C0_0000_0000
ADDRESS_SLICE = 0x0100_0000_0000
ALIGNMENT = 512


class DeviceMemory:
    """Accounting of one device's memory.

    Addresses are virtual, as on the device, whose memory management unit maps pages: freed pieces need not be
    neighbours to serve a larger request. The address is the lowest that is free.

    Args:
        total: bytes that the runtime reports as the device's.
        index: the device, for addresses and messages.

    Attributes:
        total: as given.
        used: bytes taken.
        peak: the most that was ever taken.
        changed: called after each change, where set.
    """

    __slots__ = (
        "_base",
        "_freed",
        "_holes",
        "_sizes",
        "_starts",
        "changed",
        "index",
        "peak",
        "total",
        "used",
    )

    def __init__(self, total: int, index: int = 0) -> None:
        self.total = total
        self.index = index
        self.used = 0
        self.peak = 0
        self.changed: Callable[[], None] | None = None
        self._base = BASE_ADDRESS + index * ADDRESS_SLICE
        self._holes: list[tuple[int, int]] = [(self._base, ADDRESS_SLICE)]  # (address, size), by address
        self._sizes: dict[int, int] = {}
        self._starts: list[int] = []  # addresses of live allocations, sorted
        self._freed: set[int] = set()

    @property
    def free_bytes(self) -> int:
        """Bytes not taken."""
        return self.total - self.used

    def malloc(self, nbytes: int) -> int:
        """Takes memory and returns its address, aligned to 512 bytes.

        Raises:
            InvalidArgumentError: nbytes is not positive (aclrtMalloc: 107000).
            OutOfMemoryError: less than that is free (207001).
        """
        if nbytes <= 0:
            raise InvalidArgumentError(
                f"device memory of {nbytes} bytes was asked for; ask for at least 1 byte."
            )
        size = -(-nbytes // ALIGNMENT) * ALIGNMENT
        if size > self.free_bytes:
            raise OutOfMemoryError(
                f"device {self.index} has no {size} bytes left: {self.free_bytes} of {self.total} "
                "bytes are free. "
                "Free what is no longer needed, or use a smaller batch.",
                requested=size,
                total=self.total,
                allocated=self.used,
                active=self.used,
                reserved=self.used,
                free=self.free_bytes,
            )
        i = next(i for i, (_, room) in enumerate(self._holes) if room >= size)
        address, room = self._holes[i]
        if room == size:
            del self._holes[i]
        else:
            self._holes[i] = (address + size, room - size)
        self._take(address, size)
        if self.changed is not None:
            self.changed()
        return address

    def free(self, address: int) -> int:
        """Gives memory back and returns its size.

        Raises:
            DoubleFreeError: it was freed before.
            InvalidArgumentError: no allocation starts at this address (107000).
        """
        size = self._sizes.pop(address, None)
        if size is None:
            if address in self._freed:
                raise DoubleFreeError(
                    f"device memory {address:#x} was freed before; free each allocation once."
                )
            raise InvalidArgumentError(
                f"{address:#x} is not the start of an allocation on device {self.index}; "
                "free the pointer that malloc returned."
            )
        del self._starts[bisect_right(self._starts, address) - 1]
        self._freed.add(address)
        self.used -= size
        self._give_back(address, size)
        if self.changed is not None:
            self.changed()
        return size

    def check(self, address: int, nbytes: int = 1) -> None:
        """Raises unless [address, address + nbytes) lies inside one live allocation.

        Raises:
            UseAfterFreeError: the memory was freed.
            InvalidArgumentError: the range leaves its allocation, or the address is not of this device.
        """
        i = bisect_right(self._starts, address) - 1
        if i >= 0:
            start = self._starts[i]
            room = start + self._sizes[start] - address
            if room >= nbytes:
                return
            if room > 0:
                raise InvalidArgumentError(
                    f"{nbytes} bytes at {address:#x} run {nbytes - room} bytes past the end of their "
                    "allocation."
                )
        if address in self._freed:
            raise UseAfterFreeError(f"device memory {address:#x} is used after it was freed.")
        raise InvalidArgumentError(f"{address:#x} is not memory of device {self.index}.")

    def owns(self, address: int) -> bool:
        """Whether the address lies in this device's address space, allocated or not."""
        return self._base <= address < self._base + ADDRESS_SLICE

    def _take(self, address: int, size: int) -> None:
        self._sizes[address] = size
        insort(self._starts, address)
        self._freed.discard(address)
        self.used += size
        self.peak = max(self.peak, self.used)

    def _give_back(self, address: int, size: int) -> None:
        holes = self._holes
        i = bisect_right(holes, (address, 0))
        if i < len(holes) and address + size == holes[i][0]:
            size += holes.pop(i)[1]
        if i > 0 and holes[i - 1][0] + holes[i - 1][1] == address:
            address, before = holes[i - 1]
            holes[i - 1] = (address, before + size)
        else:
            holes.insert(i, (address, size))
