"""The current stream of each device: every thread has its own, as on the real device (NPUStream.cpp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import npusim

_KEY = "npu_current_streams"


class PerThread:
    """One stream a device, by index; a thread that set none works on the default ones.

    PyTorch carries the values over into the threads of its backward pass: these work on the streams of the
    thread that called `backward`.

    Args:
        default: the default stream of each device.
    """

    __slots__ = ("default",)

    def __init__(self, default: list[npusim.Stream]) -> None:
        self.default = tuple(default)

    def _mine(self) -> tuple[npusim.Stream, ...]:
        if torch._C._is_key_in_tls(_KEY):
            held: tuple[npusim.Stream, ...] = torch._C._get_obj_in_tls(_KEY)
            if held[0].device.node is self.default[0].device.node:  # not of before a reset
                return held
        return self.default

    def __getitem__(self, index: int) -> npusim.Stream:
        return self._mine()[index]

    def __setitem__(self, index: int, stream: npusim.Stream) -> None:
        streams = list(self._mine())
        streams[index] = stream
        torch._C._stash_obj_in_tls(_KEY, tuple(streams))  # a new tuple: threads share the old one

    def __len__(self) -> int:
        return len(self.default)

    def __iter__(self) -> Iterator[npusim.Stream]:
        return iter(self._mine())
