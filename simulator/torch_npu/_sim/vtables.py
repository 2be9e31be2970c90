"""C++ objects that PyTorch made for us in Python, with some of their virtual methods replaced.

The object gets a copy of its virtual table; the original stays as it is for everyone else. Works under the
Itanium C++ ABI (Linux and macOS), for methods whose results fit a register.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = 2  # words before the first slot: offset to top, type information
_PYBIND_VALUE = 16  # where a pybind11 object keeps the pointer to its C++ object
_keep: list[Any] = []  # what C++ points to must never be collected


@cache
def known_here() -> bool:
    """Whether the order of virtual methods that this package knows is the one of this system and PyTorch."""
    return (
        sys.platform in {"linux", "darwin"}
        and platform.machine().lower() in {"x86_64", "arm64", "aarch64"}
        and torch.__version__.startswith("2.13.")
    )


class Methods:
    """The virtual methods of one object.

    Args:
        obj: the Python object that PyTorch's bindings made.
        slots: how many virtual methods it has at least.
    """

    def __init__(self, obj: object, slots: int) -> None:
        self._instance = ctypes.c_void_p.from_address(id(obj) + _PYBIND_VALUE).value or 0
        table = ctypes.c_void_p.from_address(self._instance).value or 0
        words = ctypes.c_void_p * (slots + _HEADER)
        self._copy = words(*words.from_address(table - _HEADER * ctypes.sizeof(ctypes.c_void_p)))
        _keep.extend((obj, self._copy))

    def replace(self, slot: int, result: Any, arguments: tuple[Any, ...], method: Callable[..., Any]) -> None:
        """Puts a Python function in the place of a method; it gets the object's address first."""
        callback = ctypes.CFUNCTYPE(result, ctypes.c_void_p, *arguments)(method)
        _keep.append(callback)
        self._copy[_HEADER + slot] = ctypes.cast(callback, ctypes.c_void_p).value

    def do_nothing(self, slot: int) -> None:
        """Puts a function of C that does nothing in the place of a method without a result.

        Any that only computes will do; it runs without Python, and so leaves an exception that is set alone.
        """
        self._copy[_HEADER + slot] = ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p).value

    def install(self) -> None:
        """Gives the object its new table."""
        start = ctypes.addressof(self._copy) + _HEADER * ctypes.sizeof(ctypes.c_void_p)
        ctypes.c_void_p.from_address(self._instance).value = start
