"""One kernel that runs one submission's answers, and answers probes with plain data.

A kernel that hangs or dies costs the cell that did it: the next one starts a new kernel, in which the
cells that had run before are run again.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from camp.checks import Data, KernelDiedError, ProbeFailedError, ProbeTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from nbformat import NotebookNode

DATA_TYPE = "application/vnd.cann-camp.data+json"
MAX_DATA_BYTES = 1_000_000
MAX_OUTPUT_BYTES = 200_000
_KEEP_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")

_PROBE = """
def _camp_probe():
    import IPython.display, json
    inside = dict(globals())
    inside.update(json.loads({inputs!r}))
    exec(compile({code!r}, "<hidden check>", "exec"), inside)
    if "result" not in inside:
        raise NameError("the hidden check got no result")
    data = json.dumps(inside["result"])
    if len(data) > {limit}:
        raise ValueError(f"the answer is {{len(data)}} bytes of data; at most {limit} are read")
    IPython.display.display({{ {mime!r}: data }}, raw=True)
_camp_probe()
"""


class CellTimedOutError(Exception):
    """A cell took longer than it may; its kernel is gone."""


class _CappedClient(NotebookClient):
    """An nbclient that stops keeping outputs past a bound, so that a printing loop fills no memory."""

    kept_bytes = 0

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        if msg["msg_type"] in {"stream", "display_data", "execute_result", "update_display_data"}:
            self.kept_bytes += len(json.dumps(msg["content"], default=str))
            if self.kept_bytes > MAX_OUTPUT_BYTES:
                return None
        return super().process_message(msg, cell, cell_index)


class Kernel:
    """A kernel for one submission; use as a context manager.

    Args:
        timeout: seconds of wall time that one cell or probe may take.
        environment: variables for the kernel, besides the few it needs of this process.
    """

    def __init__(self, timeout: int, environment: dict[str, str] | None = None) -> None:
        self._timeout = timeout
        self._environment = environment or {}
        self._client: _CappedClient | None = None
        self._stack = contextlib.ExitStack()
        self._ran: list[tuple[str, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def run(self, source: str, *, timeout: int | None = None) -> list[NotebookNode]:
        """Run a cell and return its outputs; an error in it is one of them.

        Args:
            source: the cell's text.
            timeout: seconds that this cell may take, where that is not the kernel's own bound.

        Raises:
            CellTimedOutError: it took too long.
            KernelDiedError: it ended the kernel.
        """
        outputs = self._execute(source, timeout or self._timeout)
        self._ran.append((source, timeout or self._timeout))
        return outputs

    def probe(self, code: str, inputs: dict[str, Data]) -> Data:
        """Run `code` in a copy of the kernel's namespace, with `inputs` in it, and return its `result`."""
        source = _PROBE.format(code=code, inputs=json.dumps(inputs), limit=MAX_DATA_BYTES, mime=DATA_TYPE)
        try:
            outputs = self._execute(source, self._timeout)
        except CellTimedOutError:
            raise ProbeTimeoutError(f"your code was still running after {self._timeout} s") from None
        for output in outputs:
            if output.output_type == "error":
                raise ProbeFailedError(f"your code raised {output.ename}: {_first_line(output.evalue)}")
        data = [o.data[DATA_TYPE] for o in outputs if DATA_TYPE in o.get("data", {})]
        try:
            return json.loads(data[-1])
        except (IndexError, TypeError, ValueError):
            raise ProbeFailedError("your code gave back nothing that can be read as data") from None

    def _execute(self, source: str, timeout: int) -> list[NotebookNode]:
        """Run a cell in the kernel, which is made ready first."""
        client = self._ready()
        client.timeout = timeout
        cell = new_code_cell(source)
        client.kept_bytes = 0
        try:
            client.execute_cell(cell, 0, store_history=False)
        except CellTimeoutError:
            self._stop()
            raise CellTimedOutError from None
        except DeadKernelError:
            self._stop()
            raise KernelDiedError("your code ended the kernel's process") from None
        return list(cell.outputs)

    def _ready(self) -> _CappedClient:
        """The running kernel, or a new one in which the earlier cells have been run again."""
        if self._client is not None:
            return self._client
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="camp-")))
        client = _CappedClient(
            new_notebook(cells=[new_code_cell()]),
            config=_local_only(folder),
            timeout=self._timeout,
            kernel_name="python3",
            allow_errors=True,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(folder)}},
        )
        self._stack.enter_context(_started(client, self._child_environment(folder)))
        self._client = client
        for source, client.timeout in self._ran:
            client.execute_cell(new_code_cell(source), 0, store_history=False)
        return client

    def _stop(self) -> None:
        self._client = None
        self._stack.close()

    def _child_environment(self, home: Path) -> dict[str, str]:
        """The kernel's environment: nothing of the grader's own but what a process needs."""
        kept = {name: os.environ[name] for name in _KEEP_ENVIRONMENT if name in os.environ}
        own = {"HOME": str(home), "IPYTHONDIR": str(home), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        return {**kept, **own, **self._environment}


def _local_only(folder: Path) -> Config:
    """Have the kernel listen on sockets in its own folder instead of on the network."""
    return Config({"KernelManager": {"transport": "ipc", "ip": str(folder / "k")}})


@contextlib.contextmanager
def _started(client: NotebookClient, environment: dict[str, str]) -> Iterator[None]:
    """Nbclient's own set-up and clean-up, with an environment for the kernel."""
    with client.setup_kernel(env=environment):
        yield


def _first_line(text: str, limit: int = 300) -> str:
    line = (text.strip().splitlines() or ["no message"])[0]
    return line if len(line) <= limit else line[: limit - 3] + "..."
