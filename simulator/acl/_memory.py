"""Memory as pointers: integers that are checked before a byte is touched.

Device memory is accounted by npusim and addressed in its range; its bytes are host memory that is taken when
they are first written. Host memory is real. A pointer that came from a Python object is known by the object.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import sys
import threading
from bisect import bisect_right, insort
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import npusim

from acl._calls import AclError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
S = TypeVar("S", bound="Space | _Objects")
R = TypeVar("R")
HOST, DEVICE, DVPP = "host", "device", "DVPP"
KEPT_BYTES = 256 * 2**20  # of Python bytes objects whose pointers were given out and may still be used
RT_PARAM = 107000

_lock = threading.RLock()  # one for all memory: applications have a thread for each camera


def _one_at_a_time(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method that no other thread's call may meet half done."""

    @functools.wraps(function)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with _lock:
            return function(self, *args, **kwargs)

    return call


class _DeviceBlock:
    """The bytes of an allocation on the device, made when first touched."""

    def __init__(self, device: int, size: int, kind: str) -> None:
        self.device = device
        self.size = size
        self.kind = kind
        self._data: mmap.mmap | None = None

    def view(self) -> memoryview:
        """The bytes."""
        if self._data is None:
            self._data = mmap.mmap(-1, self.size)
        return memoryview(self._data)


class _Objects:
    """Python objects whose addresses were given out: the newest of them, as many as `KEPT_BYTES` holds."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[int, Any]] = OrderedDict()
        self._starts: list[int] = []
        self._bytes = 0

    @_one_at_a_time
    def add(self, address: int, size: int, owner: Any) -> None:
        """Remember an object; forget the oldest ones beyond the bound."""
        self.drop(address)
        self._kept[address] = (size, owner)
        insort(self._starts, address)
        self._bytes += size
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            self.drop(next(iter(self._kept)))

    @_one_at_a_time
    def drop(self, address: int) -> None:
        """Forget an object."""
        found = self._kept.pop(address, None)
        if found is not None:
            self._bytes -= found[0]
            del self._starts[bisect_right(self._starts, address) - 1]

    @_one_at_a_time
    def owner(self, address: int) -> Any:
        """The object that an address lies in, None where it lies in none."""
        at = bisect_right(self._starts, address) - 1
        return self._kept[self._starts[at]][1] if at >= 0 and self.room(address) else None

    @_one_at_a_time
    def room(self, address: int) -> int:
        """Bytes from an address to the end of the object it lies in; 0 for an address of none."""
        at = bisect_right(self._starts, address) - 1
        if at < 0:
            return 0
        start = self._starts[at]
        self._kept.move_to_end(start)
        return max(0, start + self._kept[start][0] - address)


class Space:
    """All memory that this process's calls may name."""

    def __init__(self) -> None:
        self._device: dict[int, _DeviceBlock] = {}
        self._device_starts: list[int] = []
        self._host: dict[int, mmap.mmap] = {}
        self._host_starts: list[int] = []
        self._freed: set[int] = set()
        self.objects = _Objects()

    # device memory

    @_one_at_a_time
    def malloc(self, device: npusim.Device, size: int, kind: str = DEVICE) -> int:
        """Memory of a device.

        Raises:
            npusim.InvalidArgumentError, npusim.OutOfMemoryError: as `npusim.DeviceMemory.malloc`.
        """
        address = device.hbm.malloc(size)
        self._device[address] = _DeviceBlock(device.index, size, kind)
        insort(self._device_starts, address)
        return address

    @_one_at_a_time
    def free(self, address: int, *, kinds: tuple[str, ...] = (DEVICE,)) -> None:
        """Give device memory back.

        Raises:
            AclError: the pointer is a host pointer, or memory that another call frees (107000).
            npusim.DoubleFreeError, npusim.InvalidArgumentError: as `npusim.DeviceMemory.free`.
        """
        block = self._device.get(address)
        if block is not None and block.kind not in kinds:
            raise AclError(RT_PARAM, f"{address:#x} is {block.kind} memory; free it with acl.rt.free")
        owner = self._owner(address)
        if owner is None:
            where = "host" if self.host_room(address) else "unknown"
            raise AclError(
                RT_PARAM, f"{address:#x} is {where} memory, not the device's; free what malloc returned"
            )
        owner.hbm.free(address)
        del self._device[address]
        del self._device_starts[bisect_right(self._device_starts, address) - 1]

    @_one_at_a_time
    def reclaim(self, device: int) -> None:
        """Free everything on a device, whoever took it: it has been closed."""
        for address, block in list(self._device.items()):
            if block.device == device:
                npusim.node().device(device).hbm.free(address)
                del self._device[address]
                self._device_starts.remove(address)

    def live(self, address: int) -> bool:
        """Whether an allocation on a device starts at an address."""
        return address in self._device

    def is_device(self, address: int) -> bool:
        """Whether an address lies in a device's range."""
        return self._owner(address) is not None

    @staticmethod
    def _owner(address: int) -> npusim.Device | None:
        node = npusim.node()
        for index in range(node.device_count):
            device = node.device(index)
            if device.hbm.owns(address):
                return device
        return None

    @_one_at_a_time
    def device_view(self, address: int, size: int, what: str) -> memoryview:
        """The bytes behind a device pointer.

        Raises:
            AclError: a host pointer stands where the device's belongs (107000).
            npusim.NpusimError: the memory was freed, or the range leaves it.
        """
        owner = self._owner(address)
        if owner is None:
            where = "a host pointer" if self.host_room(address) else "no pointer of this process"
            raise AclError(RT_PARAM, f"{what} {address:#x} is {where}; a device pointer is needed")
        owner.hbm.check(address, max(size, 1))
        start = self._device_starts[bisect_right(self._device_starts, address) - 1]
        block = self._device[start]
        at = address - start
        if at + size > block.size:
            past = at + size - block.size
            raise AclError(
                RT_PARAM, f"{what}: {size} bytes at {address:#x} run {past} bytes past their allocation"
            )
        return block.view()[at : at + size]

    def read(self, address: int, size: int, what: str) -> bytes:
        """A copy of the bytes behind a pointer, of the host or of the device.

        Raises:
            AclError, npusim.NpusimError: as `device_view` and `host_view`.
        """
        view = self.device_view if self.is_device(address) else self.host_view
        return bytes(view(address, size, what))

    def device_index(self, address: int) -> int:
        """The device whose memory an address is; the caller knows that it is."""
        owner = self._owner(address)
        return -1 if owner is None else owner.index

    # host memory

    @_one_at_a_time
    def malloc_host(self, size: int) -> int:
        """Host memory that lives until `free_host`.

        Raises:
            AclError: the size is not positive (107000) or cannot be had (207001).
        """
        if size <= 0:
            raise AclError(RT_PARAM, f"host memory of {size} bytes was asked for; ask for at least 1 byte")
        try:
            data = mmap.mmap(-1, size)
        except (OSError, ValueError, OverflowError):
            raise AclError(207001, f"the host has no {size} bytes left") from None
        address = ctypes.addressof(ctypes.c_char.from_buffer(data))
        self._host[address] = data
        insort(self._host_starts, address)
        self._freed.discard(address)
        return address

    @_one_at_a_time
    def free_host(self, address: int) -> None:
        """Give host memory back.

        Raises:
            AclError: no allocation starts there, or it was freed before (107000).
        """
        if address not in self._host:
            state = "was freed before" if address in self._freed else "is no allocation of acl.rt.malloc_host"
            raise AclError(RT_PARAM, f"{address:#x} {state}; free each allocation once")
        del self._host[address]  # the mapping goes with the last view of it
        del self._host_starts[bisect_right(self._host_starts, address) - 1]
        self._freed.add(address)

    @_one_at_a_time
    def host_room(self, address: int) -> int:
        """How many bytes can be touched from a host address on; 0 where none can."""
        at = bisect_right(self._host_starts, address) - 1
        if at >= 0:
            start = self._host_starts[at]
            room = start + len(self._host[start]) - address
            if room > 0:
                return room
        return self.objects.room(address)

    @_one_at_a_time
    def host_view(self, address: int, size: int, what: str) -> memoryview:
        """The bytes behind a host pointer.

        Raises:
            AclError: a device pointer, memory that was freed, a range that leaves its allocation (107000).
        """
        if self.is_device(address):
            raise AclError(RT_PARAM, f"{what} {address:#x} is a device pointer; a host pointer is needed")
        room = self.host_room(address)
        if not room and readable(address, size):
            room = size
        if not room:
            state = "was freed" if address in self._freed else "is no memory of this process"
            raise AclError(RT_PARAM, f"{what} {address:#x} {state}")
        if size > room:
            raise AclError(
                RT_PARAM,
                f"{what}: {size} bytes at {address:#x} run {size - room} bytes past their allocation",
            )
        at = bisect_right(self._host_starts, address) - 1
        if at >= 0 and address < self._host_starts[at] + len(self._host[self._host_starts[at]]):
            start = self._host_starts[at]  # a view of the mapping keeps it alive after free_host
            return memoryview(self._host[start])[address - start : address - start + size]
        data = (ctypes.c_char * size).from_address(address)
        data.owner = self.objects.owner(address)  # type: ignore[attr-defined] # lives as long as the view
        return memoryview(data).cast("B")

    @_one_at_a_time
    def clear(self) -> None:
        """Give everything back; for `acl.finalize` and tests."""
        for address, block in list(self._device.items()):
            npusim.node().device(block.device).hbm.free(address)
        self.__init__()  # type: ignore[misc]


def readable(address: int, size: int) -> bool:
    """Whether unknown host memory can be touched, asked of the kernel; False where it cannot be asked."""
    if address <= 0 or size <= 0 or not sys.platform.startswith("linux"):
        return False
    try:
        with open(f"/proc/{os.getpid()}/maps", encoding="ascii") as maps:  # noqa: PTH123 - quick, called often
            for line in maps:
                start, _, end = line.split(" ", 1)[0].partition("-")
                if int(start, 16) <= address < int(end, 16):
                    return line.split(" ", 2)[1].startswith("rw") and address + size <= int(end, 16)
    except OSError:
        return False
    return False


space = Space()
