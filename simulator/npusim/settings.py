"""What the environment decides: the chip, how many devices this process sees, and the switches.

The names of the real stack are used where it has one; `NPUSIM_*` covers what a real machine decides by its
hardware.

| variable | accepts | default |
| --- | --- | --- |
| `NPUSIM_SOC` | a chip of the table, for example Ascend310B4 | Ascend910B3 |
| `NPUSIM_DEVICE_COUNT` | 1 to 64 | 8 for a 910, 4 for a 310 (a card has four), otherwise 1 |
| `NPUSIM_COST_MODEL` | 1, 0 | 1 |
| `NPUSIM_SHARE_STATE` | 1, 0 | 1: npu-smi shows what this process holds |
| `NPUSIM_FAULT` | names of `npusim.faults.FAULTS`, with commas | nothing is broken |
| `ASCEND_RT_VISIBLE_DEVICES` | ascending device numbers, with commas only; empty: none | all devices |
| `ASCEND_LAUNCH_BLOCKING` | 0, 1 | 0 |
| `ASCEND_GLOBAL_LOG_LEVEL` | 0 debug, 1 info, 2 warning, 3 error, 4 nothing | 3 |
| `ASCEND_MODULE_LOG_LEVEL` | RUNTIME=0:GE=2 and so on: levels of single modules | the global level |
| `ASCEND_SLOG_PRINT_TO_STDOUT` | 0, 1 | 0 |
| `ASCEND_PROCESS_LOG_PATH` | a folder | `log` in ASCEND_WORK_PATH, or ~/ascend/log |

`ASCEND_RT_VISIBLE_DEVICES` is read as the real runtime does (CANN's environment variable reference): up to
the first character that is neither a digit nor a comma, and up to the first number that is no device of this
machine, is listed already or is smaller than the one before it.
"""

from __future__ import annotations

import os

from npusim import faults
from npusim.chips import Chip, find_chip
from npusim.exceptions import EnvironmentVariableError
from npusim.plog import log_settings

DEFAULT_SOC = "Ascend910B3"
MAX_DEVICES = 64
_DEVICES_BY_FAMILY = {"Ascend310": 4}


class Settings:
    """The environment, read once.

    Attributes:
        chip: the chip of every device of this machine.
        visible: the physical numbers of the devices this process sees, in its order.
        visible_note: what of ASCEND_RT_VISIBLE_DEVICES was not read, and why; empty where all was.
        cost_model: whether operators take time.
        faults: what is broken on purpose; see `npusim.faults`.
        launch_blocking: whether every launch waits for its end.
        log: which log lines are written, and where.
        share_state: whether npu-smi in another process sees what this one holds.
    """

    __slots__ = (
        "chip",
        "cost_model",
        "device_count",
        "faults",
        "launch_blocking",
        "log",
        "share_state",
        "visible",
        "visible_note",
    )

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        env = dict(os.environ) if environ is None else environ
        self.chip = find_chip(env.get("NPUSIM_SOC", "") or DEFAULT_SOC, where="NPUSIM_SOC")
        self.device_count = _device_count(env, self.chip)
        self.visible, self.visible_note = _visible_devices(env, self.device_count)
        self.faults = faults.asked(env)
        self.cost_model = switch(env, "NPUSIM_COST_MODEL", default=True)
        self.launch_blocking = switch(env, "ASCEND_LAUNCH_BLOCKING", default=False)
        self.log = log_settings(env)
        self.share_state = switch(env, "NPUSIM_SHARE_STATE", default=True)


def switch(env: dict[str, str], name: str, *, default: bool) -> bool:
    """A 0/1 variable.

    Raises:
        EnvironmentVariableError: for any other value.
    """
    value = env.get(name, "")
    if value == "":
        return default
    if value not in {"0", "1"}:
        raise EnvironmentVariableError(f"{name}={value!r} is not understood: set it to 0 or 1.")
    return value == "1"


def integer(env: dict[str, str], name: str, *, default: int, low: int, high: int) -> int:
    """A whole number within bounds.

    Raises:
        EnvironmentVariableError: where it is no number, or out of bounds.
    """
    value = env.get(name, "")
    if value == "":
        return default
    # isdecimal also accepts digits of other scripts, which int() reads well
    if not value.isdecimal() or not low <= int(value) <= high:
        raise EnvironmentVariableError(
            f"{name}={value!r} is not understood: set it to a whole number from {low} to {high}."
        )
    return int(value)


def _device_count(env: dict[str, str], chip: Chip) -> int:
    default = 8 if chip.soc.startswith("Ascend910") else _DEVICES_BY_FAMILY.get(chip.family, 1)
    return integer(env, "NPUSIM_DEVICE_COUNT", default=default, low=1, high=MAX_DEVICES)


def _visible_devices(env: dict[str, str], count: int) -> tuple[tuple[int, ...], str]:
    """The devices that a process sees, and what is to be said of the rest."""
    name = "ASCEND_RT_VISIBLE_DEVICES"
    value = env.get(name)
    if value is None:
        return tuple(range(count)), ""
    devices: list[int] = []
    for part in value.split(",") if value else []:
        digits = part[: next((i for i, c in enumerate(part) if c not in "0123456789"), len(part))]
        number = int(digits or -1)
        wrong = not 0 <= number < count or number <= max(devices, default=-1)
        if not wrong:
            devices.append(number)
        if wrong or digits != part:
            seen = ",".join(map(str, devices)) or "no device"
            note = (
                f"{name}={value!r} is only read up to {part!r}, so this process sees {seen}; list devices "
                f"0 to {count - 1} in ascending order, each once, with commas and without spaces."
            )
            return tuple(devices), note
    return tuple(devices), ""
