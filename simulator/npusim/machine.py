"""The machine: one host clock, the devices this process sees, and the list of what happened."""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from typing import TYPE_CHECKING

from npusim.callbacks import Callbacks
from npusim.clock import HostClock
from npusim.compilation import Compiler
from npusim.constants import value
from npusim.contexts import Contexts
from npusim.device import Device
from npusim.error_table import errors
from npusim.exceptions import InvalidDeviceError, NpusimError
from npusim.plog import ERROR, INFO, LogSettings, Plog, log_root
from npusim.records import RecordLog
from npusim.settings import Settings

if TYPE_CHECKING:
    from npusim.shared_state import Publisher


class Node:
    """A host and its devices.

    Args:
        settings: what the environment decided.

    Attributes:
        host: the host's virtual clock.
        callbacks: functions of the host that streams call, and which thread processes whose.
        compiler: which operators were compiled, where they are compiled when first met.
        contexts: the contexts, and which is current in each thread.
        records: everything that happened.
        settings: as given.
        cost_model: whether operators take time.
        launch_blocking: whether every launch waits for its end (ASCEND_LAUNCH_BLOCKING).
        log: the process's log.
        logs_launches: whether the log wants a line for every launch.
    """

    __slots__ = (
        "_devices",
        "_publisher",
        "callbacks",
        "compiler",
        "contexts",
        "cost_model",
        "host",
        "launch_blocking",
        "log",
        "logs_launches",
        "records",
        "settings",
    )

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.host = HostClock()
        self.records = RecordLog()
        self.callbacks = Callbacks(self.host)
        self.compiler = Compiler()
        self.cost_model = settings.cost_model
        self.launch_blocking = settings.launch_blocking
        self.log = Plog(settings.log)
        self.logs_launches = self.log.wants(INFO, "RUNTIME")
        self._devices: dict[int, Device] = {}
        self._publisher: Publisher | None = None
        self.contexts = Contexts(self)

    @property
    def device_count(self) -> int:
        """How many devices this process sees."""
        return len(self.settings.visible)

    def device(self, index: int) -> Device:
        """The device of that index, made at first use.

        Raises:
            InvalidDeviceError: no such device (107001).
        """
        found = self._devices.get(index)
        if found is not None:
            return found
        visible = self.settings.visible
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(visible):
            seen = (
                f"devices 0 to {len(visible) - 1}" if len(visible) > 1 else "device 0" if visible else "none"
            )
            hint = self.settings.visible_note or "Check the index and ASCEND_RT_VISIBLE_DEVICES."
            raise InvalidDeviceError(
                f"device {index!r} was asked for (error code 107001); this process sees {seen}. {hint}"
            )
        made = self._devices[index] = Device(self, index, visible[index], self.settings.chip)
        if self.settings.share_state:
            self.share_state()
        return made

    def share_state(self) -> None:
        """Shows other processes from now on what this one holds: see `npusim.shared_state`."""
        from npusim.shared_state import Publisher

        if self._publisher is None:
            self._publisher = Publisher()
        self.publish()

    def publish(self) -> None:
        """Tells other processes what this one holds, where it shares its state."""
        if self._publisher is None:
            return
        now = max(self.host.now, 1)
        devices = [self._devices[index] for index in sorted(self._devices)]
        memory = {device.physical: device.hbm.used for device in devices}
        busy = {device.physical: min(100, 100 * device.busy // now) for device in devices}
        self._publisher.publish(self.settings.chip.soc, memory, busy)

    def close(self) -> None:
        """Stops sharing and closes the log."""
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None
        self.log.close()

    def spend(self, constant: str) -> None:
        """Lets the host time of one API call pass, where the cost model is on."""
        if self.cost_model:
            self.host.now += value(constant)

    def set_cost_model(self, *, enabled: bool) -> None:
        """Turns time on or off for what is launched from now on."""
        self.cost_model = enabled
        for device in self._devices.values():
            device.forget_costs()

    def set_jit_compile(self, *, enabled: bool) -> None:
        """Whether operators are compiled when they are first met, from now on."""
        self.compiler.enabled = enabled
        for device in self._devices.values():
            device.forget_costs()  # which makes it ask the compiler again


class _Current:
    """Holds the process-wide machine."""

    node: Node | None = None


def node() -> Node:
    """The process-wide machine, built from the environment at first use.

    Raises:
        EnvironmentVariableError: a variable holds a value that it does not accept.
        UnknownChipError: NPUSIM_SOC names no known chip.
    """
    if _Current.node is None:
        try:
            settings = Settings()
        except NpusimError as error:
            log = Plog(LogSettings(root=log_root(dict(os.environ))))
            log.write(ERROR, "RUNTIME", f"error code {error.code}: {error}")
            log.close()
            raise
        made = _Current.node = Node(settings)
        NpusimError.listener = lambda error: _log_error(made, error)
        if folder := os.environ.get("NPUSIM_MSPROF_OUTPUT"):
            atexit.register(_write_profile, made, folder)
        if settings.visible_note:
            made.log.write(ERROR, "RUNTIME", settings.visible_note)
            warnings.warn(settings.visible_note, RuntimeWarning, stacklevel=2)
    return _Current.node


def _write_profile(node: Node, folder: str) -> None:
    """What `msprof` asked this process for: its records, written when it ends, into a new PROF folder."""
    if not len(node.records):
        return
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from npusim.profiler_output import write_msprof_output

    try:
        with TemporaryDirectory(dir=folder) as made:
            found = write_msprof_output(Path(made), node.records, chip=node.settings.chip)
            number = len(list(Path(folder).glob("PROF_*"))) + 1
            found.rename(Path(folder) / found.name.replace("000001", f"{number:06}", 1))
    except OSError as error:
        print(f"msprof: '{folder}' cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201 - too late to raise


def reset() -> None:
    """Forgets the machine: the next `node()` builds it anew from the environment. For tests."""
    if _Current.node is not None:
        _Current.node.close()
    _Current.node = None
    NpusimError.listener = None


def _log_error(node: Node, error: NpusimError) -> None:
    """The line that an error leaves: its code, name and message, from where it was raised."""
    if sys.is_finalizing():  # nothing can be imported or written any more
        return
    depth = 2
    frame = sys._getframe(depth)  # noqa: SLF001 - the only way to name the position of the raise
    while frame.f_code.co_name == "__init__" and frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    entry = errors.get(error.code)
    name = "" if entry is None or not error.code else f" ({entry.name})"
    node.log.write(ERROR, error.component, f"error code {error.code}{name}: {error}", depth=depth + 1)


def cost_model_enabled(enabled: bool | None = None) -> bool:  # noqa: FBT001 - a switch, as the faces call it
    """Turns the cost model on or off.

    Without an argument only tells. Off: durations are 0, values never change.
    """
    if enabled is not None:
        node().set_cost_model(enabled=enabled)
    return node().cost_model
