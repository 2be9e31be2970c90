"""Marks and ranges of a program's own, seen in the profile (torch_npu/npu/mstx.py of Ascend/pytorch)."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, Self

from torch_npu.npu import _mstx
from torch_npu.npu.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["annotate", "mstx"]


def _valid(function: str, message: object, stream: object, domain: object) -> bool:
    for name, wrong in (
        ("message", not isinstance(message, str) or not message),
        ("domain", not isinstance(domain, str) or not domain),
        ("stream", stream is not None and not isinstance(stream, Stream)),
    ):
        if wrong:
            warnings.warn(
                f"Invalid {name} for mstx.{function} func. Please input valid {name}.", stacklevel=3
            )
            return False
    return True


def _where(stream: Any) -> tuple[int, int, int]:
    """A stream as the calls of the compiled part take it."""
    return stream.stream_id, stream.device_index, stream.device_type


class mstx:
    """Functions that mark moments and ranges; outside a profile they do nothing.

    Each takes `stream`, a `torch.npu.Stream` on whose line of the trace the mark appears as well, and
    `domain`, a name by which a profile includes or excludes marks.
    """

    annotate: type[annotate]

    @staticmethod
    def mark(message: str, stream: Any = None, domain: str = "default") -> None:
        """Marks a moment."""
        if not _valid("mark", message, stream, domain):
            return
        if stream is None:
            _mstx._mark_on_host(message, domain)
        else:
            _mstx._mark(message, *_where(stream), domain)

    @staticmethod
    def range_start(message: str, stream: Any = None, domain: str = "default") -> int:
        """Begins a range and returns its number for `range_end`; 0 where an argument is wrong."""
        if not _valid("range_start", message, stream, domain):
            return 0
        if stream is None:
            return _mstx._range_start_on_host(message, domain)
        return _mstx._range_start(message, *_where(stream), domain)

    @staticmethod
    def range_end(range_id: Any, domain: str = "default") -> None:
        """Ends the range of that number."""
        if not isinstance(range_id, int):
            warnings.warn(
                "Invalid message for mstx.range_end function. Please provide the return value from "
                "mstx.range_start.",
                stacklevel=2,
            )
            return
        if _valid("range_end", "end", None, domain):
            _mstx._range_end(range_id, domain)

    @staticmethod
    def range_push(message: str, stream: Any = None, domain: str = "default") -> int:
        """Begins a range within those that this thread pushed before; returns its depth, -1 where wrong."""
        if not _valid("range_push", message, stream, domain):
            return -1
        if stream is None:
            return _mstx._range_push_on_host(message, domain)
        return _mstx._range_push(message, *_where(stream), domain)

    @staticmethod
    def range_pop(domain: str = "default") -> int:
        """Ends the innermost pushed range and returns its depth, -1 where there is none."""
        return _mstx._range_pop(domain) if _valid("range_pop", "pop", None, domain) else -1

    @staticmethod
    def mstx_range(message: str, stream: Any = None, domain: str = "default") -> Callable[..., Any]:
        """A decorator: every call of the function is a range."""

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            return annotate(message, stream, domain)(function)

        return decorate


class annotate:
    """A range as context manager or decorator.

    Args:
        message: the range's name; a decorated function's own by default.
        stream: a stream on whose line it appears as well.
        domain: see `mstx`.
    """

    def __init__(self, message: str = "", stream: Any = None, domain: str = "default") -> None:
        self.message = message
        self.stream = stream
        self.domain = domain
        self.range_id: int | None = None

    def __enter__(self) -> Self:
        self.range_id = mstx.range_start(self.message, self.stream, self.domain)
        return self

    def __exit__(self, *_: object) -> None:
        if self.range_id is not None:
            mstx.range_end(self.range_id, self.domain)
            self.range_id = None

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, every call of which is a range."""
        name = self.message or function.__name__

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with annotate(name, self.stream, self.domain):
                return function(*args, **kwargs)

        return call


mstx.annotate = annotate
