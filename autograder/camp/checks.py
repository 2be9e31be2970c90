"""What a hidden check is written with: `check` names its task and points, `Ask` questions the kernel.

Hidden checks are the functions of `exercises/<assignment>/checks.py`. They run in the grader. What they
expect stays there: into the learner's kernel goes only a probe (a few lines of Python) with the inputs of
the check's choice, and back comes plain data.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

Data = Any
"""Plain data: what JSON can hold."""

RETURNS_NOTHING = "It returns nothing: print only shows a value, return hands it over."
"""The reason to give where a function gave None."""


class CheckFailedError(Exception):
    """The learner's answer is not right; the text is what the learner reads.

    Attributes:
        status: how the check ended, as the verdict says it; see `camp.verdict.Status`.
        expected: what would have been right, for the instructor alone; empty where nothing was compared.
    """

    status = "failed"

    def __init__(self, message: str = "", *, expected: str = "") -> None:
        super().__init__(message)
        self.expected = expected


class ProbeFailedError(CheckFailedError):
    """The learner's code raised, or gave back something that is not plain data."""

    status = "error"


class NoMemoryError(ProbeFailedError):
    """The learner's code asked for more memory than it may have."""

    status = "out of memory"


class TamperedError(ProbeFailedError):
    """The learner's code replaced a part of the libraries that the check sees the device through."""

    status = "refused"


class ProbeTimeoutError(CheckFailedError):
    """The learner's code did not come back within the time a cell may take."""

    status = "timed out"


class KernelDiedError(CheckFailedError):
    """The learner's code ended the kernel's process."""

    status = "killed"


class OutOfMemoryError(KernelDiedError):
    """The kernel was ended because all that the learner's code started together took too much memory."""

    status = "out of memory"


class Prober(Protocol):
    """The side of the kernel that a check may touch."""

    def probe(self, code: str, inputs: dict[str, Data], beside: str = "") -> Data:
        """Run `code` in a copy of the learner's namespace and return its `result`.

        With `beside`, which is run first and out of its sight, also what that collected, as a pair.
        """
        ...


class Device(Protocol):
    """How a device's events are collected in the kernel, and judged here; `npusim.replay.Timed` is one."""

    witness: str
    """Code that the kernel runs beside the probe, out of its sight. It defines `begin()` and `end()`, which
    bound what is collected, and leaves that in `collected`."""

    def read(self, data: Data) -> Any:
        """The events, if they hold.

        Raises:
            ValueError: they cannot have come from the device; the text says what shows it.
        """
        ...


@dataclass(frozen=True)
class Check:
    """One hidden check: a task, its points, a title that the learner may read, and the function."""

    task: str
    points: int
    title: str
    function: Callable[[Ask], None]

    @property
    def name(self) -> str:
        """The function's name, which identifies the check within its task."""
        return self.function.__name__


CheckFunction = Callable[["Ask"], None]


def check(task: str, *, points: int, title: str) -> Callable[[CheckFunction], CheckFunction]:
    """Declare a function of `checks.py` as a hidden check of a task.

    Args:
        task: the task's id in `camp.toml`.
        points: what the check is worth; a task's points are the sum over its checks.
        title: what the learner reads of it; it must not give the answer away.
    """

    def declare(function: CheckFunction) -> CheckFunction:
        function.__camp_check__ = Check(task, points, title, function)  # type: ignore[attr-defined]
        return function

    return declare


class Ask:
    """Questions one learner's kernel on behalf of one check.

    Attributes:
        random: a `random.Random` seeded by the course's seed, the learner and the task, so that values
            differ between learners and are the same on every machine.
        device_ms: the device time that counts, where the check judges by it; goes into the verdict.
    """

    device_ms: float | None = None

    def __init__(self, kernel: Prober, seed: str, on_simulator: str = "") -> None:
        self._kernel = kernel
        self._on_simulator = on_simulator
        self.random = random.Random(seed)  # noqa: S311 - reproducible on purpose, no secret

    def run(self, probe: str, **inputs: Data) -> Data:
        """Run a probe in the learner's kernel and return what it left in `result`.

        Args:
            probe: Python source; sees the learner's names and the inputs, and assigns `result`.
            inputs: plain data that the probe sees under these names.

        Raises:
            ProbeFailedError: it raised, or `result` is missing, too large, or not plain data.
            ProbeTimeoutError: it took longer than a cell may.
            KernelDiedError: it ended the kernel.
        """
        return self._kernel.probe(probe, inputs)

    def on_device(self, device: Device, probe: str, **inputs: Data) -> tuple[Data, Any]:
        """Run a probe that judges by what the device did; return its result and the device's events.

        Times are not taken from the kernel: its events are asked for, and what they cost is computed here
        again. So a check looks for the work that the answer needs among them (operators, shapes, bytes),
        computes from them what counts, and notes that in `device_ms`::

            TIMED = Timed()                  # from npusim.replay
            PROBE = '''
            begin()                          # waits for the device; what follows counts
            y = work(x)
            end()
            result = y.tolist()
            '''
            came, events = ask.on_device(TIMED, PROBE, x=x)
            ask.device_ms = TIMED.ms(events)

        Args:
            device: what collects the events in the kernel and judges them here.
            probe: as for `run`; calls `begin()` and `end()`, each on a line of its own, around what counts.
            inputs: as for `run`.

        Raises:
            TamperedError: the events cannot have come from the device as it was installed, or the learner's
                code works on the simulated device itself.
            ProbeFailedError: as for `run`; so for the other two.
            ProbeTimeoutError: as for `run`.
            KernelDiedError: as for `run`.
        """
        if self._on_simulator:
            raise TamperedError(
                f"your code uses {self._on_simulator}, which no real device has; device time is not judged so"
            )
        answer = self._kernel.probe(probe, inputs, device.witness)
        try:
            came, collected = answer
            return came, device.read(collected)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise TamperedError(f"what the device did cannot be judged: {error}") from None

    def expect(self, holds: object, *, given: Data = None, expected: Data, came: Data, why: str = "") -> None:
        """End the check as failed unless `holds`.

        The learner reads what was given, what came and why that is wrong; `expected` is kept for the
        instructor, or the values of hidden checks would be copied into the next answer.

        Raises:
            CheckFailedError: `holds` is false.
        """
        if holds:
            return
        parts = [] if given is None else [f"given {_short(given)}"]
        parts += [f"got {_short(came)}"]
        raise CheckFailedError("; ".join(parts) + (f". {why}" if why else ""), expected=_short(expected))

    def close(self, a: Data, b: Data, *, rtol: float = 1e-5, atol: float = 1e-6) -> bool:
        """Whether two numbers, or two nested lists of numbers of one shape, agree within tolerance."""
        if isinstance(a, list | tuple) and isinstance(b, list | tuple):
            return len(a) == len(b) and all(
                self.close(x, y, rtol=rtol, atol=atol) for x, y in zip(a, b, strict=True)
            )
        if not _is_number(a) or not _is_number(b):
            return False
        try:
            return a == b or math.isclose(a, b, rel_tol=rtol, abs_tol=atol)
        except OverflowError:  # a whole number of more digits than a float has room for
            return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Data, limit: int = 200) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
