"""One kernel that runs one submission's answers, and answers probes with plain data.

A kernel that hangs or dies costs the cell that did it: the next one starts a new kernel, in which the
cells that had run before are run again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from camp.checks import (
    Data,
    KernelDiedError,
    NoMemoryError,
    OutOfMemoryError,
    ProbeFailedError,
    ProbeTimeoutError,
    TamperedError,
)
from camp.errors import KernelStartError
from camp.inside import ASK, BEGIN, END
from camp.running import DATA_TYPE, READY_SECONDS, Running, started
from camp.scratch import scratch_folder
from camp.warm.orders import LONGEST_FOLDER
from camp.warm.talk import KernelEndedError, TalkTimeoutError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import TracebackType

    from nbformat import NotebookNode

MAX_DATA_BYTES = 1_000_000
_WHY_ENDED = {
    "memory": "your code took more memory than it may, and was ended",
    "cpu": "your code took more processor time than it may, and was ended",
}
# What Python, NumPy and PyTorch raise when the machine's memory, not the device's, has no room left.
_NO_MEMORY = frozenset({"MemoryError", "_ArrayMemoryError", "ArrayMemoryError"})
_NO_MEMORY_WORDS = ("DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory")
_KEEP_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")

# IPython's own `exit` and `quit` end the kernel a moment later, in the middle of another task; these raise
# SystemExit in the cell, as in a script. The seed makes unseeded answers the same in every run.
_PREPARE = """
exit = quit = __import__("sys").exit
__import__("random").seed({seed})
def _camp():
    inside = {{"__name__": "camp.inside", "__builtins__": dict(vars(__import__("builtins")))}}
    exec(compile({text!r}, "<grader>", "exec"), inside)
    inside["start"](get_ipython(), {mime!r}, {limit})
_camp()
del _camp
__import__("linecache").clearcache()
"""
_PROBE = "__import__('sys').audit({event!r}, {order!r}, {signed!r})"
# Calls that stand alone on their line; see `camp.inside`, where the names are.
_BEGIN, _END = (re.compile(rf"(?m)^(\s*){name}\(\)$") for name in ("begin", "end"))
_INSIDE = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")


class CellTimedOutError(Exception):
    """A cell took longer than it may; its kernel is gone."""


class Kernel:
    """A kernel for one submission; use as a context manager.

    Args:
        timeout: seconds of wall time that one cell or probe may take.
        files: what lies beside the notebook, by its path there.
        environment: variables for the kernel, besides the few it needs of this process.
        seed: of its random generators; a submission draws the same numbers in every run.
    """

    def __init__(
        self,
        timeout: int,
        files: Mapping[str, Path] | None = None,
        environment: dict[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        self._seed = seed
        self._timeout = timeout
        self._files = files or {}
        self._environment = environment or {}
        self._running: Running | None = None
        self._stack = contextlib.ExitStack()
        self._ran: list[tuple[str, int]] = []
        self._key, self._asked = b"", 0
        self.begin("")

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

    def begin(self, seed: str) -> None:
        """Begin to ask on behalf of one check: what its probes draw at random depends on this text alone."""
        self._task, self._drawn = seed, 0

    def probe(self, code: str, inputs: dict[str, Data], beside: str = "") -> Data:
        """Run `code` in a copy of the kernel's namespace, with `inputs` in it, and return its `result`.

        Args:
            code: what to run.
            inputs: further names in it.
            beside: code that is run first, where `code` cannot see it; see `camp.checks.Device`. With it, a
                pair is returned, of the result and of what it collected.

        Raises:
            ProbeFailedError: it raised, or left nothing that can be read as data.
            ProbeTimeoutError: it took too long.
            TamperedError: the learner's code replaced a part of the libraries meanwhile.
        """
        running = self._ready()
        self._asked += 1
        self._drawn += 1
        for call, constant in ((_BEGIN, BEGIN), (_END, END)):
            code = call.sub(rf"\1{constant!r}()", code) if beside else code
        order = json.dumps([self._asked, code, inputs, seed_of(f"{self._task}/{self._drawn}"), beside])
        source = _PROBE.format(event=ASK, order=order, signed=_signature(self._key, order))
        try:
            outputs = self._execute(running, source, self._timeout)
        except CellTimedOutError:
            raise ProbeTimeoutError(f"your code was still running after {self._timeout} s") from None
        for output in outputs:
            if output.output_type == "error":
                raise failure(output.ename, output.evalue)
        return _read(running.data, self._asked, self._key)

    def leave_out(self, sources: Collection[str]) -> list[tuple[str, int]]:
        """Start over without some of the cells that were run; return all that were, for `start_over`."""
        ran = self._ran
        self.start_over([cell for cell in ran if cell[0] not in sources])
        return ran

    def start_over(self, ran: list[tuple[str, int]]) -> None:
        """Go on in a new kernel, in which just these cells have been run."""
        self._stop()
        self._ran = ran

    def _execute(self, running: Running, source: str, timeout: int) -> list[NotebookNode]:
        """Run a cell in a running kernel, which is stopped if it hangs or breaks."""
        try:
            return running.execute(source, timeout)
        except TalkTimeoutError:
            self._stop()
            raise CellTimedOutError from None
        except KernelEndedError:
            by = running.ended_by
            self._stop()
            why = _WHY_ENDED.get(by, "your code ended the kernel's process")
            raise (OutOfMemoryError if by == "memory" else KernelDiedError)(why) from None
        except Exception:  # noqa: BLE001 - a forged message can break the conversation in any way
            self._stop()
            raise KernelDiedError("your code broke the connection to its kernel") from None

    def _ready(self) -> Running:
        """The running kernel, or a new one in which the earlier cells have been run again."""
        while self._running is None:
            running = self._start()
            for ran in list(self._ran):
                try:
                    self._execute(running, *ran)
                except (CellTimedOutError, KernelDiedError):
                    self._ran.remove(ran)  # it ran once and not again; the other cells shall not suffer
                    break
        return self._running

    def _start(self) -> Running:
        """Start a kernel; once more if the machine was too busy."""
        cause = ""
        for _ in range(2):
            try:
                return self._launch()
            except Exception as error:  # noqa: BLE001 - what a busy machine raises is not specified
                self._stop()
                cause = _first_line(str(error))
        raise KernelStartError(f"a kernel could not be started ({cause}); see camp doctor, then grade again")

    def _launch(self) -> Running:
        folder = self._stack.enter_context(scratch_folder(LONGEST_FOLDER))
        home = folder / "home"
        home.mkdir()
        for name, path in self._files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, home / name)
        environment = self._child_environment(folder)
        running = self._stack.enter_context(started(folder, home, environment, self._seed))
        prepare = _PREPARE.format(seed=self._seed, text=_INSIDE, mime=DATA_TYPE, limit=MAX_DATA_BYTES)
        running.execute(prepare, READY_SECONDS)
        self._key, self._asked = bytes.fromhex(running.data[0]), 0
        self._running = running
        return running

    def _stop(self) -> None:
        self._running = None
        self._stack.close()

    def _child_environment(self, folder: Path) -> dict[str, str]:
        """The kernel's environment: nothing of the grader's own but what a process needs."""
        kept = {name: os.environ[name] for name in _KEEP_ENVIRONMENT if name in os.environ}
        own = {"HOME": str(folder / "home"), "IPYTHONDIR": str(folder / "ipython")}
        own |= {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        return {**kept, **own, **self._environment}


def failure(name: str, text: str) -> ProbeFailedError:
    """What to make of an exception in the learner's code, as the kernel reports it.

    Args:
        name: its class.
        text: its message.
    """
    message = f"your code raised {name}: {_first_line(text)}"
    if name == "GradedCodeError":
        return TamperedError(f"your code was refused: {_first_line(text)}")
    if name in _NO_MEMORY or any(words in text for words in _NO_MEMORY_WORDS):
        return NoMemoryError(message)
    return ProbeFailedError(message)


def seed_of(text: str) -> int:
    """A seed that all random generators take, of 32 bits, for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def _signature(key: bytes, text: str) -> str:
    return hashlib.blake2b(text.encode(), key=key).hexdigest()


def _read(sent: list[Any], number: int, key: bytes) -> Data:
    """Read what a probe gave back: of all that was sent in its name, what is signed for this question."""
    for one in sent:
        if not (isinstance(one, list) and [type(part) for part in one] == [int, str, str, str]):
            continue
        at, data, replaced, signed = one
        genuine = hmac.compare_digest(_signature(key, f"{at} {replaced} {data}"), signed)
        if not genuine or at != number or len(data) > MAX_DATA_BYTES:
            continue
        if names := json.loads(replaced):
            raise TamperedError(
                f"your code replaced {', '.join(names)}; answers are graded with the libraries as installed"
            )
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(data)
    raise ProbeFailedError("your code gave back nothing that can be read as data")


def _first_line(text: str, limit: int = 300) -> str:
    line = (text.strip().splitlines() or ["no message"])[0]
    return line if len(line) <= limit else line[: limit - 3] + "..."
