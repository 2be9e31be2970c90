"""A fresh kernel for `camp check`: this very Python, in an empty folder, on any system.

It holds no stranger's code back, as the grader's sandbox does: the code is the learner's own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from camp.errors import KernelStartError, MissingDependencyError

if TYPE_CHECKING:
    from types import TracebackType

READY_SECONDS = 120
_LOOK_SECONDS, _GRACE_SECONDS = 0.5, 5
ERROR, TIMED_OUT, DIED = "error", "timed out", "died"
# The grader runs no check of the notebook: the names that checks make are for other checks alone.
_ASIDE = """
def _camp_aside(shell):
    shell._camp_kept = dict(shell.user_ns)
    made = getattr(shell, "_camp_checks", {})
    shell.user_ns.update({name: value for name, value in made.items() if name not in shell.user_ns})
_camp_aside(get_ipython())
"""
_BACK = """
def _camp_back(shell):
    kept, aside = shell._camp_kept, shell.__dict__.setdefault("_camp_checks", {})
    for name, value in list(shell.user_ns.items()):
        if name not in kept:
            aside[name] = shell.user_ns.pop(name)
        elif value is not kept[name]:
            aside[name], shell.user_ns[name] = value, kept[name]
_camp_back(get_ipython())
"""


def _silent() -> logging.Logger:
    """A log that nobody reads: what fails is told in one line."""
    log = logging.getLogger("camp.seat.fresh")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return log


@dataclass(frozen=True)
class Ended:
    """How a cell ended: well where `how` is empty."""

    how: str = ""
    name: str = ""
    """The class of the error."""
    text: str = ""
    """Its message."""


class FreshKernel:
    """A kernel; use as a context manager.

    A cell that hangs is interrupted. Where that does not help, or it ended its kernel, the cells that had run
    before are run again in a new one.

    Args:
        folder: where it runs.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from jupyter_client.kernelspec import KernelSpecManager
            from jupyter_client.manager import KernelManager
        except ModuleNotFoundError:
            raise MissingDependencyError(
                "Jupyter is not installed; install the course with JupyterLab"
            ) from None
        self._folder = folder
        # No folders: the kernel of this Python, whatever others the user has installed.
        self._manager = KernelManager(
            kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]), log=_silent()
        )
        self._client: Any = None
        self._ran: list[tuple[str, float]] = []

    def __enter__(self) -> Self:
        environment = {k: v for k, v in os.environ.items() if k not in {"JPY_SESSION_NAME", "PYTHONPATH"}}
        environment["PYTHONHASHSEED"] = "0"
        own = str(Path(sys.executable).parent)  # the course's programs, such as atc, lie beside its Python
        environment["PATH"] = os.pathsep.join([own, environment.get("PATH", os.defpath)])
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            self._manager.start_kernel(env=environment, cwd=str(self._folder), **silent)
            self._connect()
        except Exception as error:  # noqa: BLE001 - what a machine without ipykernel raises is not specified
            with contextlib.suppress(Exception):  # of what never began, not all is there to be ended
                self._manager.shutdown_kernel(now=True)
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise KernelStartError(
                f"no kernel could be started ({why}); install the course with JupyterLab in this Python"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def run(self, source: str, seconds: float, *, check: bool = False) -> Ended:
        """Run a cell; what it prints is dropped as it comes.

        Args:
            source: the cell's text.
            seconds: how long it may take.
            check: keep the names that it makes from all but other checks.
        """
        if check:
            self._talk(_ASIDE, seconds, silent=True)
        ended = self._talk(source, seconds)
        if ended.how == DIED or (ended.how == TIMED_OUT and not self._interrupted()):
            self._start_over()
        elif check:
            self._talk(_BACK, seconds, silent=True)
        if not check and ended.how in {"", ERROR}:
            self._ran.append((source, seconds))
        return ended

    def _talk(self, source: str, seconds: float, *, silent: bool = False) -> Ended:
        asked = self._client.execute(source, silent=silent, store_history=False, allow_stdin=False)
        return self._until_idle(asked, seconds)

    def _until_idle(self, asked: str, seconds: float) -> Ended:
        """Listen until the kernel is done with a request; an error in it is how it ended."""
        ended, deadline = Ended(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                message = self._client.get_iopub_msg(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if not self._manager.is_alive():
                    return Ended(DIED)
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind == "error":
                ended = Ended(ERROR, str(content["ename"]), str(content["evalue"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return ended
        return Ended(TIMED_OUT)

    def _interrupted(self) -> bool:
        """Interrupt what runs; whether the kernel is free again."""
        self._manager.interrupt_kernel()
        return not self._talk("pass", _GRACE_SECONDS, silent=True).how

    def _start_over(self) -> None:
        """Go on in a new kernel, in which the earlier cells have been run."""
        self._client.stop_channels()
        self._manager.restart_kernel(now=True)
        self._connect()
        for source, seconds in self._ran:
            self._talk(source, seconds)

    def _connect(self) -> None:
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=READY_SECONDS)
