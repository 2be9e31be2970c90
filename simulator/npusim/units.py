"""What the profiler tells of the units' work on an operator: the metrics of PipeUtilization.

Columns are those of kernel_details.csv and op_summary_*.csv (Ascend/msprof, profile_data_file_references.md):
on chips with Cube and Vector cores of their own (310B, 910B and later) one group each, otherwise one group.
What is not simulated (scalar instructions, MTE1, the instruction cache) is N/A.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.chips import Chip
    from npusim.records import Record

NA = "N/A"
PIPE_UTILIZATION = "PipeUtilization"
METRICS = ("", PIPE_UTILIZATION)
_AIC = ("mac", "scalar", "mte1", "mte2", "fixpipe")
_AIV = ("vec", "scalar", "mte2", "mte3")
_JOINT = ("vec", "mac", "scalar", "mte1", "mte2", "mte3")


def _pair(prefix: str, names: Sequence[str]) -> list[str]:
    return [f"{prefix}{name}_{part}" for name in names for part in ("time(us)", "ratio")]


SPLIT_COLUMNS = (
    "aicore_time(us)",
    "aic_total_cycles",
    *_pair("aic_", _AIC),
    "aic_icache_miss_rate",
    "aiv_time(us)",
    "aiv_total_cycles",
    *_pair("aiv_", _AIV),
    "aiv_icache_miss_rate",
    "cube_utilization(%)",
)
JOINT_COLUMNS = (
    "aicore_time(us)",
    "total_cycles",
    *_pair("", _JOINT),
    "icache_miss_rate",
    "memory_bound",
    "cube_utilization(%)",
)


def metric_columns(chip: Chip) -> tuple[str, ...]:
    """The columns of PipeUtilization on a chip."""
    return SPLIT_COLUMNS if chip.split else JOINT_COLUMNS


def metric_values(chip: Chip, record: Record) -> list[str]:
    """Their values for a kernel: microseconds, shares of its time, cycles of all its cores."""
    found = _split(chip, record) if chip.split else _joint(chip, record)
    columns = metric_columns(chip)
    if record.task.cost is None or record.unit == "AI_CPU":
        return [NA] * len(columns)
    return [found.get(column, NA) for column in columns]


def _busy(record: Record) -> dict[str, int]:
    """Nanoseconds for which each unit works on the kernel; MTE2 waits for the memory too."""
    cost = record.task.cost
    if cost is None or not record.duration:  # the cost model is off
        return {}
    load = max(cost.load, cost.memory)
    return {"mac": cost.cube, "vec": cost.vector, "mte2": load, "mte3": cost.store, "fixpipe": cost.store}


def _split(chip: Chip, record: Record) -> dict[str, str]:
    busy = _busy(record)
    on_cube = record.unit != "AI_VECTOR_CORE"
    found = _group(busy if on_cube else {}, "aic_", ("mac", "mte2", "fixpipe"), record.duration)
    vector = {} if record.unit == "AI_CORE" else busy  # results leave the Cube core through FIXPIPE
    found |= _group(vector, "aiv_", ("vec", "mte2", "mte3"), record.duration)
    clock, vector_clock = chip.clock_mhz, chip.vector_clock_mhz or chip.clock_mhz
    core = record.duration if on_cube else 0
    aside = record.duration if vector else 0
    found["aicore_time(us)"], found["aiv_time(us)"] = _us(core), _us(aside)
    found["aic_total_cycles"] = str(core * clock * record.task.blocks // 1000)
    found["aiv_total_cycles"] = str(aside * vector_clock * record.task.blocks // 1000)
    found["cube_utilization(%)"] = _utilization(record, chip) if on_cube else "0"
    return found


def _joint(chip: Chip, record: Record) -> dict[str, str]:
    busy = _busy(record)
    found = _group(busy, "", ("vec", "mac", "mte2", "mte3"), record.duration)
    found["aicore_time(us)"] = _us(record.duration)
    found["total_cycles"] = str(record.duration * chip.clock_mhz * record.task.blocks // 1000)
    most = max(busy.get("mac", 0), busy.get("vec", 0))
    found["memory_bound"] = _ratio(busy.get("mte2", 0), most) if most else NA
    found["cube_utilization(%)"] = _utilization(record, chip)
    return found


def _group(busy: dict[str, int], prefix: str, names: Sequence[str], duration: int) -> dict[str, str]:
    found = {}
    for name in names:
        found[f"{prefix}{name}_time(us)"] = _us(busy.get(name, 0))
        found[f"{prefix}{name}_ratio"] = _ratio(busy.get(name, 0), duration)
    return found


def _us(ns: int) -> str:
    return f"{ns // 1000}.{ns % 1000:03d}" if ns else "0"


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if part and whole else "0"


def _utilization(record: Record, chip: Chip) -> str:
    """Cycles of the cores in use by those of all cores, as the reference defines it."""
    return f"{100 * min(record.task.blocks, chip.cubes) / chip.cubes:.3f}" if record.duration else "0"
