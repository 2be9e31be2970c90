"""What the profiler says: lines on standard output, as the real one prints them."""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _say(level: str, message: str) -> None:
    stamp = time.strftime("[%Y-%m-%d %H:%M:%S]", time.localtime())
    print(f"{stamp} [{level}] [{os.getpid()}] profiler.py: {message}", flush=True)  # noqa: T201 - as the real one


def info(message: str) -> None:
    """Tells what is being done."""
    _say("INFO", message)


def warn(message: str) -> None:
    """Tells of a wrong argument; only rank 0 does, and TORCH_NPU_WARNING_DISABLE=1 silences it."""
    if os.environ.get("TORCH_NPU_WARNING_DISABLE") == "1" or os.environ.get("RANK", "0") != "0":
        return
    _say("WARNING", message)


def error(message: str) -> None:
    """Tells that something failed."""
    _say("ERROR", message)


def no_exception(default: Any = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: an exception is reported in one message, for profiling never ends a training."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as failure:  # noqa: BLE001 - as the docstring says
                error(f"Call {function.__name__} failed. Exception: {failure}")
                return default

        return call

    return decorate
