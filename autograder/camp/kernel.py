"""One kernel that runs one submission's answers, and answers probes with plain data.

A kernel that hangs or dies costs the cell that did it: the next one starts a new kernel, in which the
cells that had run before are run again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from camp.checks import Data, KernelDiedError, ProbeFailedError, ProbeTimeoutError
from camp.errors import KernelStartError
from camp.warm import usable
from camp.warm.client import WarmNotebookClient, client_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from jupyter_client.manager import KernelManager
    from nbformat import NotebookNode

DATA_TYPE = "application/vnd.cann-camp.data+json"
MAX_DATA_BYTES = 1_000_000
MAX_OUTPUT_BYTES = 200_000
_MAX_ERROR_CHARS = 10_000
_MAX_SOCKET_FOLDER = 80
"""A socket's path may have about 107 bytes; what is left is for its name."""
_WHY_ENDED = {
    "memory": "your code took more memory than it may, and was ended",
    "cpu": "your code took more processor time than it may, and was ended",
}
_KEEP_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")

# IPython's own `exit` and `quit` end the kernel a moment later, in the middle of another task; these raise
# SystemExit in the cell, as in a script. The seed makes unseeded answers the same in every run.
_PREPARE = """
exit = quit = __import__("sys").exit
__import__("random").seed(0)
"""

# Built-ins are taken from their module: a learner may have given their names to something else.
_PROBE = """
def _camp_probe():
    import builtins, IPython.display, json
    inside = builtins.dict(builtins.globals())
    inside.pop("_camp_probe", None)
    inside.update(json.loads({inputs!r}))
    builtins.exec(builtins.compile({code!r}, "<hidden check>", "exec"), inside)
    if "result" not in inside:
        raise NameError("the hidden check got no result")
    data = json.dumps(inside["result"])
    if builtins.len(data) > {limit}:
        raise builtins.ValueError("it gave back %d bytes; at most {limit} are read" % builtins.len(data))
    IPython.display.display({{ {mime!r}: data }}, raw=True)
try:
    _camp_probe()
finally:
    del _camp_probe
"""


class CellTimedOutError(Exception):
    """A cell took longer than it may; its kernel is gone."""


class _Client(WarmNotebookClient):
    """An nbclient for strangers: keeps outputs up to a bound and a probe's data apart from them."""

    def forget(self) -> None:
        """Make ready for the next cell."""
        self.kept = Counter[str]()
        self.data: Any = None  # what a probe gave back: a string, if nobody forged it

    def create_kernel_manager(self) -> KernelManager:
        """The kernel of this very Python, whatever kernels the user has installed under its name."""
        manager = super().create_kernel_manager()
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
        return manager

    async def _async_poll_kernel_alive(self) -> None:
        with contextlib.suppress(
            AssertionError
        ):  # the kernel was stopped while nbclient still asked after it
            await super()._async_poll_kernel_alive()

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        if self._keep(msg["msg_type"], msg["content"]):
            return super().process_message(msg, cell, cell_index)
        return None

    def _keep(self, kind: str, content: dict[str, Any]) -> bool:
        """Whether a message is to be heard; what is too long in it is cut."""
        if kind == "error":
            content["evalue"], content["traceback"] = str(content["evalue"])[:_MAX_ERROR_CHARS], []
        elif kind == "stream":
            # The first so many characters of each stream, however the kernel cuts them into messages.
            content["text"] = content["text"][: MAX_OUTPUT_BYTES - self.kept[content["name"]]]
            self.kept[content["name"]] += len(content["text"])
            return bool(content["text"])
        elif kind == "display_data" and DATA_TYPE in content["data"]:
            self.data = content["data"][DATA_TYPE]
            return False
        elif kind in {"display_data", "execute_result", "update_display_data"}:
            self.kept["display"] += len(json.dumps(content, default=str))
            return self.kept["display"] <= MAX_OUTPUT_BYTES
        return not kind.startswith("comm")  # widgets have nobody to talk to


class Kernel:
    """A kernel for one submission; use as a context manager.

    Args:
        timeout: seconds of wall time that one cell or probe may take.
        files: what lies beside the notebook, by its path there.
        environment: variables for the kernel, besides the few it needs of this process.
    """

    def __init__(
        self,
        timeout: int,
        files: Mapping[str, Path] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._timeout = timeout
        self._files = files or {}
        self._environment = environment or {}
        self._client: _Client | None = None
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
            KernelDiedError: it ended the kernel, or forged what a kernel says.
            KernelStartError: this machine cannot start a kernel.
        """
        outputs = self._execute(self._ready(), source, timeout or self._timeout)
        self._ran.append((source, timeout or self._timeout))
        return outputs

    def probe(self, code: str, inputs: dict[str, Data]) -> Data:
        """Run `code` in a copy of the kernel's namespace, with `inputs` in it, and return its `result`."""
        source = _PROBE.format(code=code, inputs=json.dumps(inputs), limit=MAX_DATA_BYTES, mime=DATA_TYPE)
        client = self._ready()
        try:
            outputs = self._execute(client, source, self._timeout)
        except CellTimedOutError:
            raise ProbeTimeoutError(f"your code was still running after {self._timeout} s") from None
        for output in outputs:
            if output.output_type == "error":
                raise ProbeFailedError(f"your code raised {output.ename}: {_first_line(output.evalue)}")
        return _read(client.data)

    def _execute(self, client: _Client, source: str, timeout: int) -> list[NotebookNode]:
        """Run a cell in a running kernel, which is stopped if it hangs or breaks."""
        client.timeout = client.iopub_timeout = timeout
        client.forget()
        cell = new_code_cell(source)
        try:
            client.execute_cell(cell, 0, store_history=False)
        except CellTimeoutError:
            self._stop()
            raise CellTimedOutError from None
        except DeadKernelError:
            why = _WHY_ENDED.get(getattr(client.km, "ended_by", ""), "your code ended the kernel's process")
            self._stop()
            raise KernelDiedError(why) from None
        except Exception:  # noqa: BLE001 - a forged message can break the client in any way
            self._stop()
            raise KernelDiedError("your code broke the connection to its kernel") from None
        return list(cell.outputs)

    def _ready(self) -> _Client:
        """The running kernel, or a new one in which the earlier cells have been run again."""
        while self._client is None:
            client = self._start()
            for ran in list(self._ran):
                try:
                    self._execute(client, *ran)
                except (CellTimedOutError, KernelDiedError):
                    self._ran.remove(ran)  # it ran once and not again; the other cells shall not suffer
                    break
        return self._client

    def _start(self) -> _Client:
        """Start a kernel; once more if the machine was too busy."""
        cause = ""
        for _ in range(2):
            try:
                return self._launch()
            except Exception as error:  # noqa: BLE001 - what a busy machine raises is not specified
                self._stop()
                cause = _first_line(str(error))
        raise KernelStartError(f"a kernel could not be started ({cause}); see camp doctor, then grade again")

    def _launch(self) -> _Client:
        folder = Path(self._stack.enter_context(_folder()))
        home = folder / "home"
        home.mkdir()
        for name, path in self._files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, home / name)
        client = _Client(
            new_notebook(cells=[new_code_cell()]),
            allow_errors=True,
            raise_on_iopub_timeout=True,
            **_options(folder, home),
        )
        self._stack.enter_context(_started(client, self._child_environment(folder)))
        client.forget()
        client.execute_cell(new_code_cell(_PREPARE), 0, store_history=False)
        self._client = client
        return client

    def _stop(self) -> None:
        self._client = None
        self._stack.close()

    def _child_environment(self, folder: Path) -> dict[str, str]:
        """The kernel's environment: nothing of the grader's own but what a process needs."""
        kept = {name: os.environ[name] for name in _KEEP_ENVIRONMENT if name in os.environ}
        own = {"HOME": str(folder / "home"), "IPYTHONDIR": str(folder / "ipython")}
        own |= {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        return {**kept, **own, **self._environment}


def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of the kernel's own, with a path short enough for sockets."""
    short = "/tmp" if len(tempfile.gettempdir()) > _MAX_SOCKET_FOLDER and os.name == "posix" else None  # noqa: S108
    return tempfile.TemporaryDirectory(prefix="camp-", dir=short, ignore_cleanup_errors=True)


def _options(folder: Path, home: Path) -> dict[str, Any]:
    """A warm kernel in a sandbox where this machine has one; else no more than a process of its own."""
    config = _local_only(folder)
    if usable().safe:
        options = client_options(home)
        config.merge(options["config"])
        return {**options, "config": config}
    resources = {"metadata": {"path": str(home)}}
    return {
        "config": config,
        "kernel_name": "python3",
        "shutdown_kernel": "immediate",
        "resources": resources,
    }


def _local_only(folder: Path) -> Config:
    """Have the kernel listen on sockets in its own folder instead of on the network."""
    manager = {"transport": "ipc", "ip": str(folder / "k"), "connection_file": str(folder / "kernel.json")}
    return Config({"KernelManager": manager})


@contextlib.contextmanager
def _started(client: WarmNotebookClient, environment: dict[str, str]) -> Iterator[None]:
    """Nbclient's own set-up and clean-up, with an environment for the kernel, and no process left over."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the terminal is the grader's
    with client.setup_kernel(env=environment, **silent):
        group = getattr(client.km.provisioner, "pgid", None) if client.km else None
        try:
            yield
        finally:
            if group and hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)


def _read(data: object) -> Data:
    """Read what a probe gave back, which the learner's code may have forged."""
    if isinstance(data, str) and len(data) <= MAX_DATA_BYTES:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(data)
    raise ProbeFailedError("your code gave back nothing that can be read as data")


def _first_line(text: str, limit: int = 300) -> str:
    line = (text.strip().splitlines() or ["no message"])[0]
    return line if len(line) <= limit else line[: limit - 3] + "..."
