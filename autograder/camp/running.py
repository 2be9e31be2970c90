"""A kernel that runs, warm in a sandbox where the machine has one, and what a cell in it says."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

from nbformat.v4 import output_from_msg

from camp.warm import Backend, Limits, no_sandbox, usable
from camp.warm.direct import DirectKernel
from camp.warm.talk import Life, Talk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.manager import KernelManager
    from nbformat import NotebookNode

DATA_TYPE = "application/vnd.cann-camp.data+json"
MAX_OUTPUT_BYTES = 200_000
READY_SECONDS = 60
_MAX_ERROR_CHARS = 10_000
_MAX_ANSWERS = 20
_OUTPUTS = {"stream", "display_data", "execute_result", "error"}


class _Heard:
    """What one cell says, up to a bound, and a probe's data apart from it."""

    def __init__(self) -> None:
        self.outputs: list[NotebookNode] = []
        self.data: list[Any] = []  # all that was sent in a probe's name; the signed one counts
        self._kept = Counter[str]()

    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        """Take in one message."""
        if kind == "clear_output":
            self.outputs.clear()
        elif kind in _OUTPUTS and self._keep(kind, content):
            last = self.outputs[-1] if self.outputs else {}
            if kind == "stream" and last.get("name") == content["name"]:
                last["text"] += content["text"]
            else:
                message = {"header": {"msg_type": kind}, "content": content, "metadata": {}}
                self.outputs.append(output_from_msg(message))

    def _keep(self, kind: str, content: dict[str, Any]) -> bool:
        """Whether a message is to be heard; what is too long in it is cut."""
        if kind == "error":
            content["evalue"], content["traceback"] = str(content["evalue"])[:_MAX_ERROR_CHARS], []
            return True
        if kind == "stream":
            # The first so many characters of each stream, however the kernel cuts them into messages.
            content["text"] = content["text"][: MAX_OUTPUT_BYTES - self._kept[content["name"]]]
            self._kept[content["name"]] += len(content["text"])
            return bool(content["text"])
        if DATA_TYPE in content["data"]:
            self.data = [*self.data[-_MAX_ANSWERS:], content["data"][DATA_TYPE]]
            return False
        self._kept["display"] += len(json.dumps(content, default=str))
        return self._kept["display"] <= MAX_OUTPUT_BYTES


class Running:
    """A kernel that has been started; made by `started`.

    Attributes:
        data: what the last cell sent as a probe's answer, as far as its outputs were looked through.
    """

    def __init__(self, talk: Talk, life: Life) -> None:
        self._talk, self._life = talk, life
        self.data: list[Any] = []

    def execute(self, source: str, seconds: float) -> list[NotebookNode]:
        """Run a cell and return its outputs; an error in it is one of them.

        Args:
            source: the cell's text.
            seconds: how long it may take.

        Raises:
            TalkTimeoutError: it took longer.
            KernelEndedError: it ended the kernel.
        """
        heard = _Heard()
        self._talk.execute(source, seconds, heard)
        self.data = heard.data
        return heard.outputs

    @property
    def ended_by(self) -> str:
        """Why it ended, if that is known: "memory", "cpu" or ""."""
        return str(getattr(self._life, "ended_by", ""))


@contextlib.contextmanager
def started(folder: Path, home: Path, environment: dict[str, str], seed: int) -> Iterator[Running]:
    """Start a kernel, and end it with the context.

    Args:
        folder: for its sockets; its path is short.
        home: a folder whose files it finds where it runs.
        environment: its variables.
        seed: of its random generators.

    Raises:
        SandboxError: this machine has no sandbox for it, and nobody asked by name to do without.
    """
    with contextlib.ExitStack() as stack:
        life: Life
        found = usable()
        if found.safe:
            life = stack.enter_context(DirectKernel(folder, home, environment, seed=seed))
            connection = life.connection
        elif found.backend is not Backend.NONE:
            raise no_sandbox(found)
        else:
            connection, life = stack.enter_context(_cold(folder, home, environment))
        talk = Talk(connection, life, Limits().output_bytes)
        stack.callback(talk.close)
        talk.wait_until_ready(READY_SECONDS)
        yield Running(talk, life)


class _Managed:
    """The life of a kernel that a manager started; it has to be looked after."""

    waited = 0.0

    def __init__(self, manager: KernelManager) -> None:
        self._manager = manager

    def ended(self) -> bool:
        """Whether its process has ended."""
        return not self._manager.is_alive()

    def fileno(self) -> int:
        """Nothing tells."""
        return -1


@contextlib.contextmanager
def _cold(folder: Path, home: Path, environment: dict[str, str]) -> Iterator[tuple[dict[str, Any], _Managed]]:
    """A kernel of this very Python, whatever kernels the user has installed; leaves no process behind."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import KernelManager

    manager = KernelManager(
        kernel_name="python3",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        transport="ipc",
        ip=str(folder / "k"),
        connection_file=str(folder / "kernel.json"),
    )
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the terminal is the grader's
    manager.start_kernel(env=environment, cwd=str(home), **silent)
    group = getattr(manager.provisioner, "pgid", None)
    try:
        connection: dict[str, Any] = {**manager.get_connection_info()}
        connection["key"] = bytes(connection["key"]).decode()
        yield connection, _Managed(manager)
    finally:
        manager.shutdown_kernel(now=True)
        if group and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
