"""The profiler's tables of operators: op_summary_*.csv, and kernel_details.csv, which is made from it.

Columns, order and fixed words are those of Ascend/msprof (op_summary_assembler.cpp) and Ascend/pytorch
(_kernel_view_parser.py, _csv_headers.py); times are microseconds of virtual time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.profiler_tables import microseconds, operands
from npusim.units import NA, metric_columns, metric_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from npusim.chips import Chip
    from npusim.profiler_tables import Step
    from npusim.records import Record

SUMMARY_COLUMNS = (
    "Device_id",
    "Model ID",
    "Task ID",
    "Stream ID",
    "Op Name",
    "OP Type",
    "OP State",
    "Task Type",
    "Task Start Time(us)",
    "Task Duration(us)",
    "Task Wait Time(us)",
    "Block Num",
    "Mix Block Num",
    "HF32 Eligible",
    "Input Shapes",
    "Input Data Types",
    "Input Formats",
    "Output Shapes",
    "Output Data Types",
    "Output Formats",
    "Context ID",
)
NO_MODEL = 4294967295  # what the profiler writes for "not part of a model"
# kernel_details.csv calls some of them otherwise
_RENAMED = {
    "Op Name": "Name",
    "OP Type": "Type",
    "Task Type": "Accelerator Core",
    "Task Start Time(us)": "Start Time(us)",
    "Task Duration(us)": "Duration(us)",
    "Task Wait Time(us)": "Wait Time(us)",
}
# what it shows at Level0, and what where the units' work was not asked for
_BARE = ("Device_id", "Op Name", "OP Type", "Task Type", *SUMMARY_COLUMNS[8:12])
_PLAIN = (*_BARE, *SUMMARY_COLUMNS[14:20])
KERNEL_COLUMNS = tuple(_RENAMED.get(column, column) for column in _PLAIN)


def summary_rows(
    chip: Chip | None, records: Iterable[Record], *, operator_info: bool = True
) -> list[list[str]]:
    """op_summary_*.csv: kernels and collectives by device and start, with its header.

    Args:
        chip: of the devices, for the columns of PipeUtilization; None: without them.
        records: what happened.
        operator_info: with types, cores and operands, which are not collected at Level0.
    """
    more = metric_columns(chip) if chip is not None else ()
    rows = [[*SUMMARY_COLUMNS, *more]]
    ends: dict[int, int] = {}
    for record in _listed(records):
        waited = max(0, record.start - ends.get(record.device, record.start))
        ends[record.device] = max(record.end, ends.get(record.device, 0))
        row = _summary_row(record, waited, operator_info=operator_info)
        if chip is not None:
            talk = record.category == "collective"
            row += [NA] * len(more) if talk else metric_values(chip, record)
        rows.append(row)
    return rows


def kernel_rows(
    records: Iterable[Record],
    steps: Sequence[Step] = (),
    *,
    chip: Chip | None = None,
    operator_info: bool = True,
) -> list[list[str]]:
    """kernel_details.csv: kernels and collectives by device and start, with its header.

    With steps, a Step Id comes first: an operator belongs to the step in which the host launched it.

    Args:
        records: what happened.
        steps: the training loop's steps.
        chip: of the devices, for every column and those of PipeUtilization; None: without them.
        operator_info: with types, cores and operands, which are not collected at Level0.
    """
    listed = _listed(records)
    header, *rows = summary_rows(chip, listed, operator_info=operator_info)
    if chip is None:
        kept = [header.index(column) for column in (_PLAIN if operator_info else _BARE)]
        header, *rows = ([row[i] for i in kept] for row in (header, *rows))
    found = [[_RENAMED.get(column, column) for column in header], *rows]
    start = found[0].index("Start Time(us)")
    for row in rows:
        row[start] = row[start].rstrip()
    if steps:
        ids = ["Step Id", *(_step_of(record, steps) for record in listed)]
        found = [[number, *row] for number, row in zip(ids, found, strict=True)]
    return found


def _listed(records: Iterable[Record]) -> list[Record]:
    found = [record for record in records if record.category in {"kernel", "collective"}]
    return sorted(found, key=lambda r: (r.device, r.start, r.index))


def _summary_row(record: Record, waited: int, *, operator_info: bool) -> list[str]:
    # the tabulator keeps spreadsheets from rounding
    times = [f"{microseconds(record.start)}\t", microseconds(record.duration), microseconds(waited)]
    head = [str(record.device), str(NO_MODEL)]
    if record.category == "collective":
        name = [NA, NA, record.name, record.name if operator_info else NA, NA]
        row = [*head, *name, "COMMUNICATION" if operator_info else NA, *times, "0"]
        return row + [NA] * (len(SUMMARY_COLUMNS) - len(row))
    head += [str(record.index), str(record.stream), record.name]
    if not operator_info:
        row = [*head, NA, NA, NA, *times, "0"]
        return row + [NA] * (len(SUMMARY_COLUMNS) - len(row))
    row = [*head, record.name, "dynamic", record.unit, *times, str(record.task.blocks), "0", "NO"]
    return [*row, *operands(record.inputs), *operands(record.outputs), NA]


def _step_of(record: Record, steps: Sequence[Step]) -> str:
    for step in steps:
        if step.begin <= record.launched < step.end:
            return str(step.number)
    return ""
