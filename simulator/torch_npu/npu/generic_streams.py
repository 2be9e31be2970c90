"""`torch.Stream` and `torch.Event`, PyTorch's device-neutral names, on the NPU where they mean it."""

from __future__ import annotations

from typing import Any

import torch

from torch_npu.npu import streams

_CppStream: Any = torch._C.Stream
_CppEvent: Any = torch._C.Event


def _for_npu(device: Any) -> bool:
    return device is None or isinstance(device, int) or torch.device(device).type == "npu"


class _AnyStream(type(_CppStream)):  # type: ignore[misc]  # the metaclass of a C++ class
    """Makes streams of the NPU, or PyTorch's own for other devices; any of them counts as an instance."""

    def __call__(cls, device: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not _for_npu(device) or "stream_id" in kwargs:
            return _CppStream(*((device,) if device is not None else ()), *args, **kwargs)
        return streams.Stream(device, *args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _CppStream)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _CppStream)


class Stream(_CppStream, metaclass=_AnyStream):  # type: ignore[misc]  # as above
    """A stream of the current accelerator, or of a device.

    Args:
        device: which device; None is the current accelerator.
        priority: lower numbers come first.
    """


class _AnyEvent(type(_CppEvent)):  # type: ignore[misc]  # as above
    """The same for events."""

    def __call__(cls, device: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not _for_npu(device):
            return _CppEvent(device, *args, **kwargs)
        return NpuEvent(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _CppEvent)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _CppEvent)


class Event(_CppEvent, metaclass=_AnyEvent):  # type: ignore[misc]  # as above
    """An event of the current accelerator, or of a device.

    Args:
        device: which device; None is the current accelerator.
        enable_timing: whether it takes part in `elapsed_time`.
        blocking: accepted.
        interprocess: whether other processes may use it.
    """


class NpuEvent(streams.Event):
    """An event of the NPU with the words of PyTorch's device-neutral class."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The device on which it was recorded; before that, any NPU."""
        return super().device or torch.device("npu")

    def elapsed_time(self, end_event: Any) -> float:
        """Milliseconds of virtual time from this event to another one.

        Raises:
            ValueError: one was made without enable_timing=True, or not recorded.
        """
        if not self._timed or not end_event._timed:
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._sim is None or end_event._sim is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return super().elapsed_time(end_event)
