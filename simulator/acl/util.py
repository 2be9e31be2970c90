"""`acl.util`: pointers of Python objects and back, threads.

A pointer is valid while its object lives and for as long as the newest 256 MiB of such objects reach back.
"""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Any

from acl._calls import AclError, integer, plain, status, values
from acl._dtypes import numpy_type
from acl._memory import space
from acl._state import on_board

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np


@plain()
def numpy_to_ptr(array: np.ndarray[Any, Any]) -> int:
    """The address of an array's data."""
    _check_array(array)
    address = int(array.__array_interface__["data"][0])
    space.objects.add(address, array.nbytes, array)
    return address


@values(0, None)
def numpy_contiguous_to_ptr(array: np.ndarray[Any, Any]) -> tuple[int, np.ndarray[Any, Any]]:
    """The address of an array's data, copied where it is not contiguous: `(ptr, array)`."""
    import numpy as np

    found = np.ascontiguousarray(array)
    return int(found.__array_interface__["data"][0]), found


def _check_array(array: Any) -> None:
    if not hasattr(array, "__array_interface__"):
        raise TypeError(f"a numpy array is needed, not {type(array).__name__}")
    if not array.flags["C_CONTIGUOUS"]:
        raise AclError(100000, "the array is not contiguous; use numpy.ascontiguousarray first")


@plain()
def bytes_to_ptr(data: bytes) -> int:
    """The address of a bytes object's data."""
    if not isinstance(data, bytes):
        raise TypeError(f"bytes are needed, not {type(data).__name__}")
    address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
    space.objects.add(address, len(data) + 1, data)
    return address


def _view(ptr: int, size: int) -> memoryview:
    """Host memory; on a board, where both are one, the device's too."""
    if on_board() and space.is_device(integer("ptr", ptr)):
        return space.device_view(ptr, size, "ptr")
    return space.host_view(integer("ptr", ptr), size, "ptr")


@plain(b"")
def ptr_to_bytes(ptr: int, size: int) -> bytes:
    """A copy of the bytes at a host address."""
    return bytes(_view(ptr, integer("size", size, least=1)))


@plain(None)
def ptr_to_numpy(ptr: int, shape: Sequence[int], dtype: int) -> np.ndarray[Any, Any]:
    """An array over the memory at a host address, not copied.

    Args:
        ptr: a host address.
        shape: of the array.
        dtype: numpy's type number, `array.dtype.num`.
    """
    import numpy as np

    kind = numpy_type(integer("dtype", dtype))
    count = 1
    for length in shape:
        count *= integer("shape", length, least=0)
    view = _view(ptr, max(count * kind.itemsize, 1))
    return np.frombuffer(view, dtype=kind, count=count).reshape(tuple(shape))


_threads: dict[int, threading.Thread] = {}


@values(0)
def start_thread(function: Callable[..., Any], args: Sequence[Any]) -> int:
    """Start a thread: `(thread_id, ret)`; it calls `function(args)`."""
    if not callable(function):
        raise TypeError(f"a function is needed, not {type(function).__name__}")
    thread = threading.Thread(target=function, args=(args,), daemon=True)
    thread.start()
    number = thread.ident or 0
    _threads[number] = thread
    return number


@status
def stop_thread(thread_id: int) -> None:
    """Wait for a thread to end: `ret`. Codes: 100000 no such thread."""
    thread = _threads.pop(integer("thread_id", thread_id), None)
    if thread is None:
        raise AclError(100000, f"{thread_id} is no thread of acl.util.start_thread, or was stopped before")
    thread.join()
