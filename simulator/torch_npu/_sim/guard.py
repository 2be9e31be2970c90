"""The device guard that lets PyTorch count more than one NPU.

PyTorch's guard for backends written in Python knows one device only; its C++ methods that set, get and count
devices are replaced. Where that is not known to work (another system or another PyTorch) it stays as it is
and there is one device.
"""

from __future__ import annotations

import ctypes
import threading
import time
from typing import TYPE_CHECKING

import torch
from torch.utils.backend_registration import _DummyDeviceGuard

from torch_npu._sim import vtables

if TYPE_CHECKING:
    from collections.abc import Callable

PRIVATE_USE_1 = 20  # c10::DeviceType::PrivateUse1
# Slots of c10::impl::DeviceGuardImplInterface, in the order of its header in PyTorch 2.13.
_TYPE, _EXCHANGE, _GET, _SET, _UNCHECKED_SET, _COUNT = 0, 1, 2, 3, 4, 15
_SLOTS = 26
_DEVICE = ctypes.c_uint16  # c10::Device is two bytes, type and index, returned in a register

_thread = threading.local()
_keep: list[object] = []


def current() -> int:
    """The index of this thread's current device."""
    return getattr(_thread, "index", 0)


def set_current(index: int) -> None:
    """Makes a device this thread's current one. The caller has checked the index."""
    _thread.index = index


def applies() -> bool:
    """Whether the layout of the guard is known here."""
    return vtables.known_here()


def _known_threads() -> int:
    """How many threads the interpreter knows, those that C++ started among them."""
    api = ctypes.pythonapi
    for call in (api.PyInterpreterState_Get, api.PyInterpreterState_ThreadHead, api.PyThreadState_Next):
        call.restype = ctypes.c_void_p
    state = api.PyInterpreterState_ThreadHead(ctypes.c_void_p(api.PyInterpreterState_Get()))
    found = 0
    while state:
        found += 1
        state = api.PyThreadState_Next(ctypes.c_void_p(state))
    return found


def wait_for_threads(devices: int) -> None:
    """Waits until the interpreter knows a thread for each of `devices`, beside those of Python.

    PyTorch starts a thread for the backward pass of each device with the first such pass and waits for none.
    One that reports to an interpreter which is already going down ends the process with an abort.
    """
    for _ in range(5000):
        if _known_threads() >= threading.active_count() + devices:
            return
        time.sleep(0.001)


def install(count: Callable[[], int]) -> None:
    """Registers the guard with PyTorch; where the layout is known, with as many devices as `count` says."""
    guard = _DummyDeviceGuard()
    if applies():
        methods = vtables.Methods(guard, _SLOTS)
        methods.replace(_TYPE, ctypes.c_int8, (), lambda _: PRIVATE_USE_1)
        methods.replace(_EXCHANGE, _DEVICE, (_DEVICE,), _exchange)
        methods.replace(_GET, _DEVICE, (), lambda _: PRIVATE_USE_1 | current() << 8)
        methods.replace(_SET, None, (_DEVICE,), _set)
        methods.do_nothing(_UNCHECKED_SET)
        methods.replace(_COUNT, ctypes.c_int8, (), lambda _: count())
        methods.install()
    _keep.append(guard)
    torch._C._acc.register_python_privateuseone_device_guard(guard)


def _exchange(_this: int, _device: int) -> int:
    """Opens a guard of C++, which changes nothing: kernels go by the devices of their tensors.

    So nothing has to be set back when it ends. That can be while the exception which an operator raised is
    already set, and a Python function called then would lose it in a SystemError.
    """
    return PRIVATE_USE_1 | current() << 8


def _set(_this: int, device: int) -> None:
    set_current(device >> 8)
