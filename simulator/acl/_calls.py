"""How every call of `acl` answers: a return code, never an exception; the message is kept and logged.

The real module returns `ret`, or its values followed by `ret`. A call that fails returns 0 (or None, or an
empty dict or list) in the place of each value, the code last. What went wrong goes to plog and to
`acl.get_recent_err_msg`.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, ParamSpec

from npusim import NpusimError
from npusim.plog import module_of

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
SUCCESS = 0


class AclError(NpusimError):
    """A call that the real AscendCL answers with an error code."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.component = module_of(code)
        super().__init__(message)


class _Recent(threading.local):
    """The last message of each thread; reading it clears it."""

    message = ""


recent = _Recent()


def _fail(name: str, error: NpusimError) -> int:
    recent.message = f"{name} failed, error code {error.code}: {error}"
    return error.code or 500000


def status(function: Callable[P, None]) -> Callable[P, int]:
    """A call that returns only `ret`: 0, or the code of what went wrong."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            function(*args, **kwargs)
        except NpusimError as error:
            return _fail(function.__name__, error)
        return SUCCESS

    return call


def values(*empty: Any) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """A call that returns values and then `ret`; `empty` is what stands for the values when it fails."""

    def decorate(function: Callable[P, Any]) -> Callable[P, Any]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                found = function(*args, **kwargs)
            except NpusimError as error:
                return (*empty, _fail(function.__name__, error))
            return (*found, SUCCESS) if len(empty) > 1 else (found, SUCCESS)

        return call

    return decorate


def plain(empty: Any = 0) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """A call that returns a value and no code; `empty` stands for it when the call fails."""

    def decorate(function: Callable[P, Any]) -> Callable[P, Any]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return function(*args, **kwargs)
            except NpusimError as error:
                _fail(function.__name__, error)
                return empty

        return call

    return decorate


def integer(name: str, value: Any, *, least: int | None = None) -> int:
    """Check an integer argument.

    Raises:
        TypeError: it is none; the real module's argument parser refuses it too.
        AclError: it is below `least` (100000).
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    number = int(value)
    if least is not None and number < least:
        raise AclError(100000, f"{name} is {number}; it must be at least {least}")
    return number
