"""Python functions while a program is profiled: a bar for each call, as `with_stack` and `with_modules` give.

Imitates `torch_npu/csrc/profiler/profiler_python.cpp` and `_python_trace_parser.py` of Ascend/pytorch: calls
of Python and of C functions, `nn.Module: Linear_0` for a module, the functions under way at the start, and
the numbers `Python id`, `Python parent id` and `Python module id`. What the simulator itself does in Python
is no part of the program and has no bars: on a server it is C++.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import npusim
import torch

import torch_npu

if TYPE_CHECKING:
    from types import FrameType

    from torch_npu.profiler._capture import Capture, HostEvent

CATEGORY = "python_function"
_DEPTH = 128  # functions under way at the start, at most
_FACE = Path(torch_npu.__file__).parent
_OWN = tuple(
    str(part) for part in (_FACE / "_sim", _FACE / "profiler", _FACE / "_ops", Path(npusim.__file__).parent)
)
# How PyTorch finds the simulator's functions.
_WAY_TO_THEM = ("torch/_ops.py", "torch/_library/", "utils/_python_dispatch.py")
_WRAPPER = "torch/_compile.py"


class PythonCalls:
    """Notes the calls of the thread in which it is started.

    Args:
        capture: the recording that gets the events.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._open: list[tuple[FrameType | None, HostEvent]] = []  # no frame: a function in C
        self._silent: FrameType | None = None  # the simulator's own function that is under way
        self._names: dict[Any, str] = {}
        self._modules: dict[int, tuple[torch.nn.Module, str, int]] = {}
        self._numbers = 0
        self._before: Any = None
        self._prefixes: list[str] = []
        self._module_call = torch.nn.Module.__call__.__code__

    def start(self) -> None:
        """Begins to note, with the functions that are under way."""
        from torch.profiler import python_tracer

        self._prefixes = python_tracer._prefix_regex()
        under_way: list[FrameType] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and len(under_way) < _DEPTH:
            if not self._hidden(frame):
                under_way.append(frame)
            frame = frame.f_back
        for one in reversed(under_way):
            self._called(one)
        self._before = sys.getprofile()
        sys.setprofile(self._note)

    def stop(self) -> None:
        """Ends it; what is still under way ends now."""
        if sys.getprofile() == self._note:
            sys.setprofile(self._before)
        while self._open:
            self._returned()
        self._silent = None

    def _note(self, frame: FrameType, what: str, arg: Any) -> None:
        """What Python tells of every call."""
        if self._silent is not None:
            if what == "return" and frame is self._silent:
                self._silent = None
        elif what == "call":
            if self._hidden(frame):
                self._silent = frame
            else:
                self._called(frame)
        elif what == "return":
            if self._open and self._open[-1][0] is frame:
                self._returned()
        elif what == "c_call":
            if not self._hidden(frame):
                self._begin(None, repr(arg), -1)
        elif self._open and self._open[-1][0] is None:
            self._returned()

    @staticmethod
    def _hidden(frame: FrameType) -> bool:
        path = frame.f_code.co_filename
        if path.endswith(_WRAPPER):  # around the function that sees the operators
            return str(getattr(frame.f_locals.get("fn"), "__module__", "")).startswith("torch_npu.")
        return path.startswith(_OWN) or any(part in path for part in _WAY_TO_THEM)

    def _called(self, frame: FrameType) -> None:
        if frame.f_code is self._module_call:
            _, name, number = self._module(frame.f_locals["self"])
            self._begin(frame, name, number)
            return
        key = frame.f_code
        name = self._names.get(key, "")
        if not name:
            path = key.co_filename
            prefix = next((p for p in self._prefixes if path.startswith(p)), "")
            name = self._names[key] = f"{path.removeprefix(prefix)}({key.co_firstlineno}): {key.co_name}"
        self._begin(frame, name, -1)

    def _module(self, module: torch.nn.Module) -> tuple[torch.nn.Module, str, int]:
        """A module with its name in the trace and its number among those of its class."""
        found = self._modules.get(id(module))
        if found is None:
            kind = type(module).__name__
            number = sum(type(other).__name__ == kind for other, *_ in self._modules.values())
            found = self._modules[id(module)] = (module, f"nn.Module: {kind}_{number}", number)
        return found

    def _begin(self, frame: FrameType | None, name: str, module: int) -> None:
        from torch_npu.profiler._capture import HostEvent

        capture = self.capture
        event = HostEvent(name, CATEGORY, capture.line_of_thread(), capture.now())
        self._numbers += 1
        around = self._open[-1][1].call[0] if self._open else 0
        event.call = [self._numbers, around, module]
        capture.events.append(event)
        self._open.append((frame, event))

    def _returned(self) -> None:
        self._open.pop()[1].end = self.capture.now()
