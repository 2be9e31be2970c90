"""The command `npu-smi`: what devices there are, and what running processes hold on them.

    npu-smi info                 the table
    npu-smi info -l              devices by number
    npu-smi info -t board -i 0   one device's board; with -c 0, its chip
    npu-smi info -t usages -i 0  one device's use

Layout as the driver prints it for 910 (HBM) and for 310 (DDR) chips. What is not simulated (power,
temperature) is NA, as on machines that cannot tell. Where a real npu-smi is installed, it runs instead.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from npusim.constants import of_chip, reported_memory
from npusim.exceptions import NpusimError
from npusim.settings import Settings
from npusim.shared_state import ProcessState, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.chips import Chip

VERSION = "24.1.rc2"  # the driver release whose layout this is
MIB = 1 << 20
USAGE = "usage: npu-smi info [-l | -t board -i NPU [-c CHIP] | -t usages -i NPU]"


class Layout(NamedTuple):
    """Widths of the table's three columns, and its headings."""

    widths: tuple[int, int, int]
    first: tuple[str, str, str]
    second: tuple[str, str, str]
    processes: str


_HBM = Layout(
    (27, 15, 52),
    (" NPU   Name", " Health", " Power(W)    Temp(C)           Hugepages-Usage(page)"),
    (" Chip", " Bus-Id", " AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)"),
    f"{'| NPU     Chip':28}| Process id    | {'Process name':25}| {'Process memory(MB)':24}|",
)
_DDR = Layout(
    (31, 17, 54),
    (" NPU     Name", " Health", " Power(W)     Temp(C)           Hugepages-Usage(page)"),
    (" Chip    Device", " Bus-Id", " AICore(%)    Memory-Usage(MB)"),
    f"{'| NPU     Chip':32}| Process id      | {'Process name':25}| {'Process memory(MB)':26}|",
)


class Usage(NamedTuple):
    """A device's memory in MiB, and per cent of time that it works."""

    used: int
    total: int
    busy: int


def has_hbm(chip: Chip) -> bool:
    """Whether the chip's memory is HBM, which has a column of its own."""
    return chip.soc.startswith("Ascend910")


def usage(chip: Chip, index: int, processes: Sequence[ProcessState]) -> Usage:
    """What is used of a device: what the driver keeps, and what processes hold."""
    reserved = int(of_chip("memory_reserved", chip) or 0)
    total = (reported_memory(chip) + reserved) if has_hbm(chip) else reported_memory(chip)
    held = sum(process.memory.get(index, 0) for process in processes)
    kept = reserved if has_hbm(chip) else 0
    busy = min(100, sum(process.busy.get(index, 0) for process in processes))
    return Usage((held + kept) // MIB, total // MIB, busy)


def info_table(chip: Chip, count: int, processes: Sequence[ProcessState]) -> str:
    """The table of `npu-smi info`."""
    layout = _HBM if has_hbm(chip) else _DDR
    inner = sum(layout.widths) + 2
    line = _rule(layout, "-")
    double = _rule(layout, "=")
    gap = " " * (17 if has_hbm(chip) else 33)
    lines = [f"+{'-' * inner}+", f"|{f' npu-smi {VERSION}{gap}Version: {VERSION}':{inner}}|", line]
    lines += [_cells(layout, layout.first), _cells(layout, layout.second), double]
    for index in range(count):
        lines += [*_device_rows(chip, layout, index, usage(chip, index, processes)), double]
    lines += [line, layout.processes, double]
    for index in range(count):
        lines += [*_process_rows(layout, index, processes), double]
    return "\n".join(lines)


def _rule(layout: Layout, stroke: str) -> str:
    return "+" + "+".join(stroke * width for width in layout.widths) + "+"


def _cells(layout: Layout, texts: Sequence[str]) -> str:
    return "|" + "|".join(f"{text:{width}}" for text, width in zip(texts, layout.widths, strict=True)) + "|"


def _device_rows(chip: Chip, layout: Layout, index: int, used: Usage) -> list[str]:
    name = chip.soc.removeprefix("Ascend")
    bus = f" {_bus(index)}"
    memory = f"{used.used:<4} / {used.total}"
    if layout is _HBM:
        first = (f" {index:<6}{name}", " OK", f" {'NA':12}{'NA':18}0    / 0")
        second = (" 0", bus, f" {used.busy:<12}{'0    / 0':18}{memory}")
    else:
        first = (f" {index:<8}{name}", " OK", f" {'NA':13}{'NA':18}0     / 0")
        second = (f" {0:<8}{index}", bus, f" {used.busy:<13}{memory}")
    return [_cells(layout, first), _cells(layout, second)]


def _process_rows(layout: Layout, index: int, processes: Sequence[ProcessState]) -> list[str]:
    inner = sum(layout.widths) + 2
    mine = [process for process in processes if index in process.memory]
    if not mine:
        return [f"|{f' No running processes found in NPU {index}':{inner}}|"]
    left, middle, right = layout.widths
    return [
        f"|{f' {index:<8}0':{left}}|{f' {process.pid}':{middle}}| {process.name[:24]:25}"
        f"|{f' {process.memory[index] // MIB}':{right - 27}}|"
        for process in mine
    ]


def listing(count: int) -> str:
    """`npu-smi info -l`."""
    blocks = [_field("Total Count", count), ""]
    for index in range(count):
        blocks += [_field("NPU ID", index), _field("Chip Count", 1), ""]
    return "\n".join(blocks)


# PCI device numbers of Huawei (0x19E5) by chip family, as lspci and the driver's own output print them
_PCI_DEVICES = {"Ascend310": "0xD100", "Ascend310P": "0xD500", "Ascend910": "0xD801", "Ascend910B": "0xD802"}


def board(chip: Chip, index: int) -> str:
    """`npu-smi info -t board -i`: what the board is. What a simulated one has not is NA."""
    names = ("Product Name", "Model", "Manufacturer", "Serial Number")
    fields: list[tuple[str, object]] = [("NPU ID", index), *((name, "NA") for name in names)]
    fields += [("Software Version", VERSION), ("Firmware Version", "NA"), ("Compatibility", "OK")]
    fields += [(name, "NA") for name in ("Board ID", "PCB ID", "BOM ID")]
    fields += [("PCIe Bus Info", _bus(index)), ("Slot ID", "NA"), ("Class ID", "NA")]
    fields += [("PCI Vendor ID", "0x19E5"), ("PCI Device ID", _PCI_DEVICES.get(chip.family, "NA"))]
    fields += [("Subsystem Vendor ID", "NA"), ("Subsystem Device ID", "NA"), ("Chip Count", 1)]
    return "\n".join(_field(name, value) for name, value in fields)


def chip_board(chip: Chip, index: int) -> str:
    """`npu-smi info -t board -i -c`: what the chip is. Its name after Ascend is the soc_version."""
    dies = ("VDie ID", "NDie ID") if chip.soc.startswith("Ascend910") else ("Die ID",)
    fields = (
        ("NPU ID", index),
        ("Chip ID", 0),
        ("Chip Type", "Ascend"),
        ("Chip Name", chip.soc.removeprefix("Ascend")),
        ("Chip Version", "V1"),
        ("Board ID", "NA"),
        ("PCB ID", "NA"),
        ("BOM ID", "NA"),
        *((die, "NA") for die in dies),
        ("Chip Position ID", 0),
        ("PCIe Bus Info", _bus(index)),
        ("Firmware Version", "NA"),
    )
    return "\n".join(_field(name, value) for name, value in fields)


def usages(chip: Chip, index: int, processes: Sequence[ProcessState]) -> str:
    """`npu-smi info -t usages -i`: what is used of a device. What is not simulated is NA."""
    used = usage(chip, index, processes)
    rate = used.used * 100 // used.total
    hbm = has_hbm(chip)
    ddr = (0, 0) if hbm else (used.total, rate)
    fields: list[tuple[str, object]] = [("DDR Capacity(MB)", ddr[0]), ("DDR Usage Rate(%)", ddr[1])]
    fields += [("DDR Hugepages Total(page)", 0), ("DDR Hugepages Usage Rate(%)", 0)]
    if hbm:
        fields += [("HBM Capacity(MB)", used.total), ("HBM Usage Rate(%)", rate)]
    fields.append(("Aicore Usage Rate(%)", used.busy))
    if chip.split:
        fields.append(("Aivector Usage Rate(%)", "NA"))
    fields += [("Aicpu Usage Rate(%)", "NA"), ("Ctrlcpu Usage Rate(%)", "NA")]
    if chip.vectors and not chip.split and chip.vectors > chip.cubes:
        fields.append(("Vectorcore Usage Rate(%)", "NA"))
    fields.append(("DDR Bandwidth Usage Rate(%)", "NA"))
    if hbm:
        fields.append(("HBM Bandwidth Usage Rate(%)", "NA"))
    fields.append(("Chip ID", 0))
    head = [_field("NPU ID", index), _field("Chip Count", 1), ""]
    return "\n".join([*head, *(_field(name, value) for name, value in fields)])


def _bus(index: int) -> str:
    return f"0000:{0xC1 + index:02X}:00.0"


def _field(name: str, value: object) -> str:
    return f"\t{name:31}: {value}"


def run(arguments: Sequence[str]) -> tuple[int, str]:
    """The command without its surroundings: exit code and text.

    Args:
        arguments: what follows `npu-smi`.
    """
    if not arguments or arguments[0] in {"-h", "--help"}:
        return 0, USAGE
    if arguments[0] in {"-v", "--version"}:
        return 0, f"npu-smi version: {VERSION}"
    if arguments[0] != "info":
        return 1, f"npu-smi: {arguments[0]!r} is not simulated; what is: {USAGE.partition(': ')[2]}"
    try:
        settings = Settings()
        return _info(settings, list(arguments[1:]))
    except NpusimError as error:
        return 1, f"npu-smi: {error}"


def _info(settings: Settings, options: list[str]) -> tuple[int, str]:
    chip, count = settings.chip, settings.device_count
    processes = [process for process in running() if process.soc == chip.soc]
    if options in ([], ["-l"]):
        return 0, listing(count) if options else info_table(chip, count, processes)
    chosen = dict(zip(options[::2], options[1::2], strict=False))
    topic, number = chosen.get("-t"), chosen.get("-i", "")
    if len(options) % 2 or topic not in {"board", "usages"} or set(chosen) - {"-t", "-i", "-c"}:
        return 1, f"npu-smi: {' '.join(options)!r} is not simulated; what is: {USAGE.partition(': ')[2]}"
    if not number.isdecimal() or int(number) >= count:
        return 1, f"npu-smi: -i {number!r} names no device; this machine has NPU 0 to {count - 1}."
    if chosen.get("-c", "0") != "0":
        return 1, f"npu-smi: -c {chosen['-c']!r} names no chip; each NPU has chip 0."
    index = int(number)
    shown = chip_board(chip, index) if "-c" in chosen else board(chip, index)
    return 0, usages(chip, index, processes) if topic == "usages" else shown


def main() -> None:
    """The command line's entry. Runs a real npu-smi, where there is one beside this."""
    real = _real_command()
    if real is not None:
        os.execv(real, [real, *sys.argv[1:]])  # noqa: S606 - the real command takes over
    code, text = run(sys.argv[1:])
    try:
        print(text, file=sys.stderr if code else sys.stdout, flush=True)
    except BrokenPipeError:  # the reader, say `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at the end
    sys.exit(code)


def _real_command() -> str | None:
    """A npu-smi in the PATH that is not this script."""
    import shutil

    here = os.path.realpath(sys.argv[0])
    for folder in os.get_exec_path():
        found = shutil.which("npu-smi", path=folder)
        if found and os.path.realpath(found) != here and not _is_ours(found):
            return found
    return None


def _is_ours(path: str) -> bool:
    """Whether a command is a script that starts this module (another environment's)."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - one look at a small file
            return b"npusim" in file.read(4096)
    except OSError:
        return True


if __name__ == "__main__":
    main()
