"""Initialisation, the current device and stream, and forked children."""

from __future__ import annotations

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import npusim
import torch
from npusim import allocator_config

from torch_npu._sim import broken, guard, overflow
from torch_npu._sim.queues import PerThread
from torch_npu.utils._error_code import acl_failure

if TYPE_CHECKING:
    from collections.abc import Callable

FORK_MESSAGE = (
    "Cannot re-initialize NPU in forked subprocess. To use NPU with "
    "multiprocessing, you must use the 'spawn' start method"
)


class _Uninitialized:
    """Stands in for a list with one entry a device until the first use of a device initialises it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, index: int) -> Any:
        initialize()
        return globals()[self.name][index]

    def __setitem__(self, index: int, value: object) -> None:
        initialize()
        globals()[self.name][index] = value


class _State:
    initialized = False
    bad_fork = False
    one_device = False  # whether the guard was tried and did not work


# What a kernel needs of a device, looked up by index: the stream work goes to, and the memory.
queues: Any = _Uninitialized("queues")
memories: Any = _Uninitialized("memories")
redirect: Callable[[Any], Any] | None = None
"""What takes a stream's place when it becomes the current one, while a graph is captured."""
_lock = threading.RLock()
_waiting: list[Callable[[], None]] = []


def is_initialized() -> bool:
    """Whether a device was used in this process."""
    return _State.initialized


def in_bad_fork() -> bool:
    """Whether this process was forked from one that had used a device."""
    return _State.bad_fork


def device_count() -> int:
    """How many NPUs this process sees."""
    node = _node()
    if _State.one_device or not guard.applies():
        return min(1, node.device_count)
    return node.device_count


def _node() -> npusim.Node:
    """The machine; until a device is used, as the environment says now."""
    node = npusim.node()
    if not _State.initialized and not node._devices and npusim.Settings().visible != node.settings.visible:
        npusim.reset()
        node = npusim.node()
    return node


def initialize() -> None:
    """Initialises the devices; does nothing the second time.

    Raises:
        RuntimeError: in a process forked from one that had used a device; or the chip is none that torch_npu
            knows, or the machine is broken on purpose.
    """
    if _State.initialized:
        return
    if _State.bad_fork:
        raise RuntimeError(FORK_MESSAGE)
    with _lock:
        if is_initialized():
            return
        broken.check_initialization(npusim.node())
        overflow.check(newer=npusim.node().settings.chip.split)
        overflow.settle()
        if npusim.node().device_count > 1 and not _several_devices_work():
            _State.one_device = True
            warnings.warn(
                "One simulated NPU instead of several: this system or this version of PyTorch does not let "
                "the device guard count more. Programs for npu:0 are not affected.",
                stacklevel=2,
            )
        _bind(npusim.node())
        for call in _waiting:
            call()
        _waiting.clear()


def _several_devices_work() -> bool:
    """Tries a backward pass on the last device, accounted to a machine of its own."""
    if not guard.applies():
        return False
    # A thread of its own: it has none of the modes, hooks and contexts that this one may be in the midst of,
    # such as a checkpoint's, which would count the trial's tensors among its own.
    with ThreadPoolExecutor(1, "npu-trial") as alone:
        return alone.submit(_last_device_works).result()


def _last_device_works() -> bool:
    from torch_npu._sim import fallback

    trial = npusim.Node(npusim.Settings({**os.environ, "NPUSIM_FAULT": ""}))
    _bind(trial)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an operator that a learner sent to the CPU
            x = torch.ones(2, device=f"npu:{trial.device_count - 1}").requires_grad_()
            (x * x).sum().backward()  # type: ignore[no-untyped-call]
        guard.wait_for_threads(trial.device_count)
    except RuntimeError:
        return False
    finally:
        _State.initialized = False
        fallback.calls.clear()
    return x.grad is not None and x.grad.get_device() == trial.device_count - 1


def _bind(node: npusim.Node) -> None:
    global queues, memories  # noqa: PLW0603 - kernels look these up on every operator
    devices = [node.device(i) for i in range(device_count())]
    settings = allocator_config.from_environment()
    for device in devices:
        device.memory.configure(settings)
    queues = [device.default_stream for device in devices]
    memories = [device.memory for device in devices]
    _State.initialized = True


def when_initialized(call: Callable[[], None]) -> None:
    """Calls at once, or after initialisation where that is still to come."""
    if _State.initialized:
        call()
    else:
        _waiting.append(call)


def rebuild() -> None:
    """Takes up a machine that `npusim.reset()` built anew. For tests."""
    if _State.initialized:
        _bind(npusim.node())


def use_stream(index: int, stream: npusim.Stream) -> None:
    """Gives this thread's work on a device to a stream from now on."""
    global queues  # noqa: PLW0603 - as in _bind
    initialize()
    if type(queues) is list:  # a plain list, and quicker, until some thread leaves the default streams
        queues = PerThread(queues)
    queues[index] = stream if redirect is None else redirect(stream)


def current_device() -> int:
    """The index of this thread's current device."""
    return guard.current()


def set_device(index: int) -> None:
    """Makes a device this thread's current one.

    Raises:
        RuntimeError: no such device (107001).
    """
    check_index(index)
    initialize()
    guard.set_current(index)


def check_index(index: int) -> None:
    """Raises where there is no device of that index.

    Raises:
        RuntimeError: no such device (107001).
    """
    count = device_count()
    if not 0 <= index < count:
        raise RuntimeError(
            acl_failure(
                "aclrtSetDevice(device)",
                107001,
                f"Set device failed, invalid device, set device={index}, valid device range is [0, {count})",
            )
        )


def sim_device(index: int) -> npusim.Device:
    """The simulated device of that index."""
    initialize()
    return npusim.node().device(index)


def _after_fork() -> None:
    if _State.initialized:
        global queues, memories  # noqa: PLW0603 - as in _bind
        _State.initialized = False
        _State.bad_fork = True
        queues = _Uninitialized("queues")
        memories = _Uninitialized("memories")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
