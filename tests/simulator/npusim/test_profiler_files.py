"""The profiler's tables and trace."""

import csv
import io
import json
from pathlib import Path

import npusim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from npusim.intervals import clip, gaps, length, overlap, union
from npusim.profiler_tables import (
    KERNEL_COLUMNS,
    STATISTIC_COLUMNS,
    STEP_COLUMNS,
    Step,
    kernel_rows,
    microseconds,
    statistic_rows,
    step_rows,
    write_table,
)
from npusim.trace import trace_events, write_trace

FORMATS = {
    "kernel": "Device_id,Name,Type,Accelerator Core,Start Time(us),Duration(us),Wait Time(us),Block Num,"
    "Input Shapes,Input Data Types,Input Formats,Output Shapes,Output Data Types,Output Formats",
    "statistic": "Device_id,OP Type,Core Type,Count,Total Time(us),Min Time(us),Avg Time(us),Max "
    "Time(us),Ratio(%)",
    "step": "Device_id,Step,Computing,Communication(Not "
    "Overlapped),Overlapped,Communication,Free,Stage,Bubble,"
    "Communication(Not Overlapped and Exclude Receive),Preparing",
}


def program():
    """Three products, an addition and a copy on two streams; returns the machine."""
    node = npusim.node()
    device = node.device(0)
    x = npusim.TensorSpec((2048, 2048), "float16")
    y = npusim.TensorSpec((64, 1), "float32")
    for _ in range(3):
        device.default_stream.launch(npusim.Op("MatMulV2", "matmul", [x, x], [x]))
    device.default_stream.launch(npusim.Op("Add", "elementwise", [y, y], [y]))
    device.create_stream().copy("H2D", 1 << 20, asynchronous=True)
    device.synchronize()
    return node


def table(rows):
    """Rows as dictionaries."""
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_columns_are_the_profiler_s():
    """The columns are those of the real files, in their order."""
    assert ",".join(KERNEL_COLUMNS) == FORMATS["kernel"]
    assert ",".join(STATISTIC_COLUMNS) == FORMATS["statistic"]
    assert ",".join(STEP_COLUMNS) == FORMATS["step"]


def test_kernel_details_tell_every_kernel():
    """One row a kernel with core, times, shapes, types and formats; copies and synchronisations are none."""
    rows = table(kernel_rows(program().records))
    assert [row["Type"] for row in rows] == ["MatMulV2"] * 3 + ["Add"]
    first, last = rows[0], rows[-1]
    assert first["Accelerator Core"] == "AI_CORE"
    assert first["Input Shapes"] == '"2048,2048;2048,2048"'
    assert first["Input Data Types"] == "FLOAT16;FLOAT16"
    assert first["Input Formats"] == "ND;ND"
    assert first["Block Num"] == "20"
    assert last["Accelerator Core"] == "AI_VECTOR_CORE"
    assert last["Output Data Types"] == "FLOAT"
    ends = [float(r["Start Time(us)"]) + float(r["Duration(us)"]) for r in rows]
    for row, end in zip(rows[1:], ends[:-1], strict=True):
        assert float(row["Wait Time(us)"]) == pytest.approx(
            max(0, float(row["Start Time(us)"]) - end), abs=1e-6
        )


def test_steps_are_told_by_the_launch():
    """A kernel belongs to the step that launched it; one outside every step belongs to none."""
    records = program().records
    middle = records[2].launched
    rows = table(kernel_rows(records, [Step(1, 0, middle), Step(2, middle, records[3].launched)]))
    assert [row["Step Id"] for row in rows] == ["1", "1", "2", ""]


def test_statistics_add_up():
    """op_statistic counts kernels by type, longest first; ratios make 100."""
    rows = table(statistic_rows(program().records))
    assert [(row["OP Type"], row["Count"]) for row in rows] == [("MatMulV2", "3"), ("Add", "1")]
    assert sum(float(row["Ratio(%)"]) for row in rows) == pytest.approx(100, abs=0.01)
    product = rows[0]
    assert float(product["Total Time(us)"]) == pytest.approx(3 * float(product["Avg Time(us)"]))
    assert product["Min Time(us)"] == product["Max Time(us)"]


def test_step_times_make_up_the_stage():
    """Computing, communication alone and free time make up a step's stage."""
    records = program().records
    end = max(record.end for record in records)
    for row in table(step_rows(records, [Step(7, 0, end)])):
        assert row["Step"] == "7"
        parts = [float(row[n]) for n in ("Computing", "Communication(Not Overlapped)", "Free")]
        assert sum(parts) == pytest.approx(float(row["Stage"])) == pytest.approx(end / 1000)
    assert table(step_rows(records))[0]["Step"] == ""


def test_nothing_recorded_gives_headers_only():
    """Without records the tables have their headers and the trace is empty."""
    assert len(kernel_rows([])) == len(statistic_rows([])) == len(step_rows([])) == 1
    assert trace_events([], 10) == []


def test_tables_survive_a_csv_reader(tmp_path: Path):
    """What is written reads back the same, quotation marks and all."""
    rows = kernel_rows(program().records)
    write_table(tmp_path / "kernel_details.csv", rows)
    text = (tmp_path / "kernel_details.csv").read_text()
    assert '"""2048,2048;2048,2048"""' in text
    assert list(csv.reader(io.StringIO(text))) == rows


def test_the_trace_is_what_perfetto_reads(tmp_path: Path):
    """A JSON list of events.

    Bars have text times, kernels lie on their stream's line, arrows come in pairs.
    """
    node = program()
    write_trace(tmp_path / "trace_view.json", list(node.records), 1000)
    events = json.loads((tmp_path / "trace_view.json").read_text())
    bars = [event for event in events if event["ph"] == "X"]
    assert all(isinstance(event["ts"], str) and event["dur"] >= 0 for event in bars)
    assert {e["args"]["name"] for e in events if e["name"] == "process_name"} == {
        "CANN",
        "Ascend Hardware",
        "Overlap Analysis",
    }
    products = [event for event in bars if event["name"] == "MatMulV2"]
    assert len(products) == 3
    assert products[0]["args"]["Task Type"] == "AI_CORE"
    starts = [event["id"] for event in events if event["ph"] == "s"]
    assert starts == [event["id"] for event in events if event["ph"] == "f"]
    assert len(starts) == 5
    computing = sum(event["dur"] for event in bars if event["name"] == "Computing")
    assert computing == pytest.approx(sum(event["dur"] for event in bars if event["cat"] == "kernel"))


def test_the_files_are_the_same_every_time(tmp_path: Path):
    """The same program writes the same bytes."""
    for name in ("a", "b"):
        npusim.reset()
        write_trace(tmp_path / name, list(program().records), 1000)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("ns", "text"), [(0, "0.000"), (7, "0.007"), (1234567, "1234.567"), (-5, "-0.005")])
def test_times_keep_every_digit(ns, text):
    """Microseconds are written exactly, also for times that a float would round."""
    assert microseconds(ns) == text
    assert microseconds(1_700_000_000_123_456_789) == "1700000000123456.789"


intervals = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8)


@given(intervals, intervals)
def test_intervals_are_sets_of_moments(left, right):
    """Unions, overlaps, clips and gaps agree with sets of moments."""
    a, b = union(left), union(right)
    moments = [{t for begin, end in listed for t in range(begin, end)} for listed in (left, right)]
    assert length(a) == len(moments[0])
    assert length(overlap(a, b)) == len(moments[0] & moments[1])
    assert length(clip(a, 10, 30)) == len(moments[0] & set(range(10, 30)))
    assert length(gaps(a, 10, 30)) == len(set(range(10, 30)) - moments[0])


def test_the_whole_folder_is_written(tmp_path: Path):
    """One call writes the four files of ASCEND_PROFILER_OUTPUT, making the folders on the way."""
    folder = npusim.write_profiler_output(tmp_path / "host_1_ascend_pt", program().records)
    assert folder.name == "ASCEND_PROFILER_OUTPUT"
    assert {path.name for path in folder.iterdir()} == {
        "kernel_details.csv",
        "op_statistic.csv",
        "step_trace_time.csv",
        "trace_view.json",
    }


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path):
    """A file in the folder's place is an OSError."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken"):
        npusim.write_profiler_output(tmp_path / "taken", [])
