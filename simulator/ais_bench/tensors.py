"""Tensors of a model: what they are, and those that lie on the device."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import acl
import numpy as np

from ais_bench.errors import BenchError

Array = np.ndarray[Any, Any]


class Dtype(enum.IntEnum):
    """aclruntime.dtype: aclDataType's numbers under NumPy's names."""

    float32 = 0
    float16 = 1
    int8 = 2
    int32 = 3
    uint8 = 4
    int16 = 6
    uint16 = 7
    uint32 = 8
    int64 = 9
    uint64 = 10
    float64 = 11
    bool = 12


TYPES: dict[int, str] = {kind.value: kind.name for kind in Dtype}


class TensorDesc(NamedTuple):
    """aclruntime.tensor_desc: an input or output of a model.

    Attributes:
        name: as the model says.
        datatype: aclDataType.
        format: aclFormat, 0 NCHW, 1 NHWC, 2 ND.
        shape: -1 where a gear says the size.
        size: bytes, in the largest gear.
    """

    name: str
    datatype: Dtype
    format: int
    shape: list[int]
    size: int

    @property
    def datatype_name(self) -> str:
        """NumPy's name of the type."""
        return Dtype(self.datatype).name

    @property
    def realsize(self) -> int:
        """Bytes; of the largest gear, as `size`."""
        return self.size


def check(ret: int, what: str) -> None:
    """Raise what a failed call was about.

    Raises:
        BenchError: `ret` is not 0.
    """
    if ret:
        raise BenchError(f"{what} failed, error code {ret}: {acl.get_recent_err_msg()}")


class Tensor:
    """aclruntime.Tensor: values in device memory.

    Args:
        array: what to hold; it lies on the host until `to_device`.
    """

    def __init__(self, array: Array) -> None:
        self._host: Array | None = np.ascontiguousarray(array)
        self.kind = str(array.dtype)
        self.shape: tuple[int, ...] = array.shape
        self.size = array.nbytes
        self.address = 0

    @classmethod
    def upload(cls, array: Array, room: int = 0) -> Tensor:
        """A tensor on the current device, in at least `room` bytes."""
        made = cls(array)
        made._copy_in(room)
        return made

    @classmethod
    def empty(cls, size: int, kind: str) -> Tensor:
        """Device memory to be written."""
        made = cls(np.empty(0, kind))
        made.size = size
        made._host = None
        made.address = _malloc(size)
        return made

    def to_device(self, device: int) -> None:
        """Copy to a device, which is opened where it is not.

        Raises:
            BenchError: there is no such device, or no room.
        """
        if not self.address:
            check(acl.rt.set_device(device), f"opening device {device}")
            self._copy_in()

    def to_host(self) -> None:
        """Copy back; `numpy.array(tensor)` then gives the values."""
        if self._host is None:
            self._host = self.array()

    def array(self) -> Array:
        """A copy of the values on the host."""
        if self._host is not None:
            return self._host
        found = np.zeros(self.shape, self.kind)
        if found.nbytes:
            check(
                acl.rt.memcpy(acl.util.numpy_to_ptr(found), found.nbytes, self.address, found.nbytes, 2),
                "copying out",
            )
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:  # noqa: FBT001 - NumPy's protocol
        found = self.array()
        return found if dtype is None else found.astype(dtype, copy=bool(copy))

    def free(self) -> None:
        """Give the device memory back."""
        if self.address:
            acl.rt.free(self.address)
            self.address = 0

    def __del__(self) -> None:
        if getattr(self, "address", 0):
            self.free()

    def _copy_in(self, room: int = 0) -> None:
        host = self._host
        if host is None:
            return
        self.size = max(room, host.nbytes, 1)
        self.address = _malloc(self.size)
        if host.nbytes:
            ptr = acl.util.numpy_to_ptr(host)
            check(acl.rt.memcpy(self.address, self.size, ptr, host.nbytes, 1), "copying an input")
        self._host = None


def _malloc(size: int) -> int:
    ptr, ret = acl.rt.malloc(size, 0)
    check(ret, f"{size} bytes of device memory")
    return int(ptr)
