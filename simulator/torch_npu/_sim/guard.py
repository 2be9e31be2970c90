"""The device guard that lets PyTorch count more than one NPU.

PyTorch's guard for backends written in Python knows one device only. Its C++ methods that set, get and count
devices are replaced in a copy of its virtual table. Where that is not known to work (another system or
another PyTorch) the guard stays as it is and there is one device.
"""

from __future__ import annotations

import ctypes
import platform
import sys
import threading
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.backend_registration import _DummyDeviceGuard

if TYPE_CHECKING:
    from collections.abc import Callable

PRIVATE_USE_1 = 20  # c10::DeviceType::PrivateUse1
# Slots of c10::impl::DeviceGuardImplInterface in its header of PyTorch 2.13, under the Itanium C++ ABI.
_TYPE, _EXCHANGE, _GET, _SET, _UNCHECKED_SET, _COUNT = 0, 1, 2, 3, 4, 15
_SLOTS = 26
_HEADER = 2  # words before the first slot: offset to top, type information
_PYBIND_VALUE = 16  # where a pybind11 object keeps the pointer to its C++ object
_DEVICE = ctypes.c_uint16  # c10::Device is two bytes, type and index, returned in a register

_thread = threading.local()
_keep: list[Any] = []  # what C++ points to must never be collected


def current() -> int:
    """The index of this thread's current device."""
    return getattr(_thread, "index", 0)


def set_current(index: int) -> None:
    """Makes a device this thread's current one. The caller has checked the index."""
    _thread.index = index


def applies() -> bool:
    """Whether the layout of the guard is known here."""
    return (
        sys.platform in {"linux", "darwin"}
        and platform.machine().lower() in {"x86_64", "arm64", "aarch64"}
        and torch.__version__.startswith("2.13.")
    )


def install(count: Callable[[], int]) -> None:
    """Registers the guard with PyTorch; where the layout is known, with as many devices as `count` says."""
    guard = _DummyDeviceGuard()
    if applies():
        _replace_methods(guard, count)
    _keep.append(guard)
    torch._C._acc.register_python_privateuseone_device_guard(guard)


def _replace_methods(guard: object, count: Callable[[], int]) -> None:
    instance = ctypes.c_void_p.from_address(id(guard) + _PYBIND_VALUE).value or 0
    table = ctypes.c_void_p.from_address(instance).value or 0
    words = ctypes.c_void_p * (_SLOTS + _HEADER)
    copy = words(*words.from_address(table - _HEADER * 8))

    def replace(slot: int, result: Any, arguments: tuple[Any, ...], method: Callable[..., Any]) -> None:
        callback = ctypes.CFUNCTYPE(result, ctypes.c_void_p, *arguments)(method)
        _keep.append(callback)
        copy[_HEADER + slot] = ctypes.cast(callback, ctypes.c_void_p).value

    replace(_TYPE, ctypes.c_int8, (), lambda _: PRIVATE_USE_1)
    replace(_EXCHANGE, _DEVICE, (_DEVICE,), _exchange)
    replace(_GET, _DEVICE, (), lambda _: PRIVATE_USE_1 | current() << 8)
    replace(_SET, None, (_DEVICE,), _set)
    replace(_UNCHECKED_SET, None, (_DEVICE,), _set)
    replace(_COUNT, ctypes.c_int8, (), lambda _: count())
    _keep.append(copy)
    ctypes.c_void_p.from_address(instance).value = ctypes.addressof(copy) + _HEADER * 8


def _exchange(_this: int, device: int) -> int:
    before = current()
    set_current(device >> 8)
    return PRIVATE_USE_1 | before << 8


def _set(_this: int, device: int) -> None:
    set_current(device >> 8)
