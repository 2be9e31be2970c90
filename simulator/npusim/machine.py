"""The machine: one host clock, the devices this process sees, and the list of what happened."""

from __future__ import annotations

import sys

from npusim.clock import HostClock
from npusim.constants import value
from npusim.device import Device
from npusim.error_table import errors
from npusim.exceptions import InvalidDeviceError, NpusimError
from npusim.plog import ERROR, INFO, Plog
from npusim.records import RecordLog
from npusim.settings import Settings


class Node:
    """A host and its devices.

    Args:
        settings: what the environment decided.

    Attributes:
        host: the host's virtual clock.
        records: everything that happened.
        settings: as given.
        cost_model: whether operators take time.
        launch_blocking: whether every launch waits for its end (ASCEND_LAUNCH_BLOCKING).
        log: the process's log.
        logs_launches: whether the log wants a line for every launch.
    """

    __slots__ = (
        "_devices",
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
        self.cost_model = settings.cost_model
        self.launch_blocking = settings.launch_blocking
        self.log = Plog(settings.log)
        self.logs_launches = self.log.wants(INFO)
        self._devices: dict[int, Device] = {}

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
            seen = "device 0" if len(visible) == 1 else f"devices 0 to {len(visible) - 1}"
            raise InvalidDeviceError(
                f"device {index!r} was asked for (error code 107001); this process sees {seen}. "
                "Check the index and ASCEND_RT_VISIBLE_DEVICES."
            )
        made = self._devices[index] = Device(self, index, visible[index], self.settings.chip)
        return made

    def spend(self, constant: str) -> None:
        """Lets the host time of one API call pass, where the cost model is on."""
        if self.cost_model:
            self.host.now += value(constant)

    def set_cost_model(self, *, enabled: bool) -> None:
        """Turns time on or off for what is launched from now on."""
        self.cost_model = enabled
        for device in self._devices.values():
            device.forget_costs()


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
        made = _Current.node = Node(Settings())
        NpusimError.listener = lambda error: _log_error(made, error)
    return _Current.node


def reset() -> None:
    """Forgets the machine: the next `node()` builds it anew from the environment. For tests."""
    if _Current.node is not None:
        _Current.node.log.close()
    _Current.node = None
    NpusimError.listener = None


def _log_error(node: Node, error: NpusimError) -> None:
    """The line that an error leaves: its code, name and message, from where it was raised."""
    depth = 2
    frame = sys._getframe(depth)  # noqa: SLF001 - the only way to name the position of the raise
    while frame.f_code.co_name == "__init__" and frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    entry = errors.get(error.code)
    name = "" if entry is None or not error.code else f" ({entry.name})"
    node.log.write(ERROR, "RUNTIME", f"error code {error.code}{name}: {error}", depth=depth + 1)


def cost_model_enabled(enabled: bool | None = None) -> bool:  # noqa: FBT001 - a switch, as the faces call it
    """Turns the cost model on or off.

    Without an argument only tells. Off: durations are 0, values never change.
    """
    if enabled is not None:
        node().set_cost_model(enabled=enabled)
    return node().cost_model
