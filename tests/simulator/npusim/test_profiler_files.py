"""The profiler's tables and trace."""

import csv
import io
import json
import re
from pathlib import Path

import npusim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from npusim.host_ops import HostOp, MemoryChange, memory_rows, operator_rows, owners, record_rows, stack_lines
from npusim.intervals import clip, gaps, length, overlap, union
from npusim.kernel_tables import KERNEL_COLUMNS, kernel_rows, summary_rows
from npusim.msprof_tables import api_rows, communication_rows, task_rows
from npusim.profiler_tables import (
    STATISTIC_COLUMNS,
    STEP_COLUMNS,
    Step,
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


def names(folder: Path):
    """Names of the files in a folder."""
    return {path.name for path in folder.iterdir()}


ALWAYS = {"kernel_details.csv", "step_trace_time.csv", "task_time.csv", "trace_view.json"}


def test_the_whole_folder_is_written(tmp_path: Path):
    """One call writes what its level holds, making the folders on the way, and the PROF folder beside."""
    parent = tmp_path / "host_1_20260102030405678_ascend_pt"
    folder = npusim.write_profiler_output(parent, program().records)
    assert folder.name == "ASCEND_PROFILER_OUTPUT"
    assert names(folder) == {*ALWAYS, "op_statistic.csv", "api_statistic.csv"}
    assert {"profiler_info.json", "profiler_metadata.json"} < names(parent)
    (prof,) = parent.glob("PROF_000001_20260102030405678_*")
    assert re.fullmatch(r"PROF_000001_\d{17}_[A-Z]{16}", prof.name)
    assert names(prof) == {"host", "device_0", "mindstudio_profiler_output"}
    date = "20260102030405"
    assert names(prof / "mindstudio_profiler_output") == {
        f"msprof_{date}.json",
        f"op_summary_{date}.csv",
        f"op_statistic_{date}.csv",
        f"task_time_{date}.csv",
        f"api_statistic_{date}.csv",
        "README.txt",
    }
    info = json.loads((prof / "device_0" / "info.json.0").read_text())
    assert info["DeviceInfo"][0]["ai_core_num"] == 20


def test_level0_knows_no_operators(tmp_path: Path):
    """Level0 collects neither types, operands nor CANN's calls, and writes no statistics."""
    folder = npusim.write_profiler_output(tmp_path, program().records, level="Level0", rank=3)
    assert names(folder) == ALWAYS
    assert (tmp_path / "profiler_info_3.json").is_file()
    with (folder / "kernel_details.csv").open(newline="") as file:
        header, first, *_ = csv.reader(file)
    assert header == list(KERNEL_COLUMNS[:8])
    assert (first[2], first[3], first[7]) == ("N/A", "N/A", "0")
    events = json.loads((folder / "trace_view.json").read_text())
    assert not {e["name"] for e in events} & {"Node@launch", "HostToDevice"}
    assert {e["args"].get("name") for e in events} >= {"Ascend Hardware"}
    (prof,) = tmp_path.glob("PROF_*")
    assert not list(prof.rglob("op_statistic*")) + list(prof.rglob("api_statistic*"))


def test_level_none_knows_nothing_of_the_device(tmp_path: Path):
    """Level_none leaves the host's operators and the trace alone."""
    node = program()
    _, ops = calls_of(node)
    folder = npusim.write_profiler_output(tmp_path, [], level="Level_none", host_ops=ops)
    assert names(folder) == {"trace_view.json", "operator_details.csv"}


@pytest.mark.parametrize(
    ("wrong", "words"), [({"level": "Level9"}, "Level9"), ({"metrics": "L2Cache"}, "L2Cache")]
)
def test_what_is_not_collected_is_refused(tmp_path: Path, wrong, words):
    """An unknown level or metric is named, with what there is."""
    with pytest.raises(npusim.InvalidArgumentError, match=words):
        npusim.write_profiler_output(tmp_path, [], **wrong)


def test_metrics_tell_the_units_work():
    """A product keeps the Cube busy, an addition the Vector unit; what is not simulated is N/A."""
    node = program()
    chip = node.settings.chip
    rows = table(kernel_rows(node.records, chip=chip))
    product, addition = rows[0], rows[-1]
    assert float(product["aic_mac_ratio"]) > 0.5
    assert float(product["aicore_time(us)"]) == float(product["Duration(us)"])
    assert product["aiv_vec_time(us)"] == "0"
    assert addition["aicore_time(us)"] == "0"
    assert 0 < float(addition["aiv_vec_ratio"]) < 1
    assert product["aic_scalar_time(us)"] == "N/A"
    assert product["Task ID"] == "0"
    joint = table(kernel_rows(node.records, chip=npusim.find_chip("Ascend310P3")))
    assert float(joint[0]["memory_bound"]) > 0
    assert "aiv_time(us)" not in joint[0]


def test_msprof_tables_have_the_real_columns():
    """op_summary, task_time, api_statistic, communication_statistic: msprof's columns, order and words."""
    node = program()
    node.device(0).default_stream.communicate("all_reduce", 1 << 20, 8)
    assert ",".join(summary_rows(None, [])[0]) == (
        "Device_id,Model ID,Task ID,Stream ID,Op Name,OP Type,OP State,Task Type,Task Start Time(us),"
        "Task Duration(us),Task Wait Time(us),Block Num,Mix Block Num,HF32 Eligible,Input Shapes,"
        "Input Data Types,Input Formats,Output Shapes,Output Data Types,Output Formats,Context ID"
    )
    summary = table(summary_rows(node.settings.chip, node.records))
    assert [row["Task Type"] for row in summary] == ["AI_CORE"] * 3 + ["AI_VECTOR_CORE", "COMMUNICATION"]
    assert summary[-1]["Stream ID"] == "N/A"
    tasks = table(task_rows(node.records))
    assert [row["kernel_type"] for row in tasks].count("KERNEL_AICORE") == 3
    assert "PCIE_DMA_SQE" in {row["kernel_type"] for row in tasks}
    for row in tasks:
        assert float(row["task_start(us)"]) + float(row["task_time(us)"]) == pytest.approx(
            float(row["task_stop(us)"])
        )
    calls = {row["API Name"]: row for row in table(api_rows(node.records))}
    assert calls["launch"]["Count"] == "4"
    assert calls["launch"]["Variance"] == "0.000"
    assert table(communication_rows(node.records))[0]["OP Type"] == "hcom_allReduce"


def calls_of(node):
    """The program's launches as a framework's operators: an outer and an inner one, then a second."""
    records = [r for r in node.records if r.category == "kernel"]
    ends = [r.launched for r in node.records][1:]
    outer = HostOp("aten::linear", records[0].launched, records[2].launched, sequence=5)
    inner = HostOp("aten::mm", records[1].launched, records[2].launched, shapes="2048,2048;2048,2048")
    last = HostOp("aten::add", records[3].launched, ends[records[3].index], thread=2, sequence=5)
    step = HostOp("ProfilerStep#0", 0, node.host.now, category="user_annotation")
    return records, [step, outer, inner, last]


def test_operator_details_add_up():
    """A kernel counts for the operator that launched it, and in the totals of those around it."""
    node = program()
    records, ops = calls_of(node)
    rows = {row["Name"]: row for row in table(operator_rows(ops, node.records))}
    assert list(rows) == ["aten::linear", "aten::mm", "aten::add"]  # steps are no operators
    duration = records[0].duration / 1000
    outer, inner, last = rows.values()
    assert float(outer["Device Self Duration(us)"]) == duration
    assert float(outer["Device Total Duration(us)"]) == 2 * duration
    assert float(outer["Device Total Duration With AICore(us)"]) == 2 * duration
    assert float(inner["Device Self Duration(us)"]) == duration
    assert float(outer["Host Self Duration(us)"]) + float(inner["Host Total Duration(us)"]) == pytest.approx(
        float(outer["Host Total Duration(us)"])
    )
    assert float(last["Device Self Duration With AICore(us)"]) == 0
    assert {index: op.name for index, op in owners(ops, node.records).items()} == {
        0: "aten::linear",
        1: "aten::mm",
        2: "ProfilerStep#0",
        3: "aten::add",
        4: "ProfilerStep#0",
    }


def test_operators_of_equal_times_nest_in_their_order():
    """An operator that takes as long as the one it calls is the outer one if it is listed first."""
    node = program()
    first = node.records[0]
    outer, inner = HostOp("a", 0, first.launched + 1), HostOp("b", 0, first.launched + 1)
    assert owners([outer, inner], node.records)[0].name == "b"


def test_arrows_are_paired_and_every_event_has_its_parts():
    """Perfetto's rules: known phases, numbers where they belong, each arrow has one end, not before it."""
    node = program()
    node.device(0).default_stream.communicate("all_reduce", 1 << 20, 8)
    _, ops = calls_of(node)
    events = trace_events(node.records, 1000, ops, pid=77)
    ends = {(e["cat"], e["name"], e["id"]): e for e in events if e["ph"] == "f"}
    starts = [e for e in events if e["ph"] == "s"]
    assert len(starts) == len(ends) > 0
    assert {e["cat"] for e in starts} == {"HostToDevice", "async_npu", "fwdbwd"}
    for event in starts:
        end = ends[event["cat"], event["name"], event["id"]]
        assert float(event["ts"]) <= float(end["ts"])
    bars = {(e["pid"], e["tid"], e["ts"]) for e in events if e["ph"] == "X"}
    assert all((e["pid"], e["tid"], e["ts"]) in bars for e in (*starts, *ends.values()))
    for event in events:
        assert event["ph"] in {"M", "X", "s", "f"}
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event["ph"] == "M" or float(event["ts"]) >= 0
        assert event["ph"] != "X" or (isinstance(event["dur"], float) and event["dur"] >= 0)
    processes = {e["pid"] for e in events if e["name"] == "process_name"}
    assert processes == {e["pid"] for e in events}


def test_memory_files_tell_every_allocation():
    """operator_memory has a row an allocation, memory_record totals at each change; what lives has no end."""
    mib = 1 << 20

    def change(name, block, time, live, *, taken):
        address, nbytes = block
        totals = {"allocated": live, "reserved": 20 * mib, "active": live}
        return MemoryChange(name, 0, address, nbytes, 0, taken=taken, time=time, **totals)

    changes = [
        change("aten::empty", (16, 2 * mib), 1000, 2 * mib, taken=True),
        change("aten::mm", (32, 512), 2000, 2 * mib + 512, taken=True),
        change("", (8, 512), 5000, 2 * mib, taken=False),
        change("", (16, 2 * mib), 5000, 0, taken=False),
    ]
    first, second = table(memory_rows(changes))
    assert (first["Size(KB)"], first["Duration(us)"], first["Release Total Reserved(MB)"]) == (
        "2048",
        "4.000",
        "20",
    )
    assert (second["Size(KB)"], second["Release Time(us)"], second["Device Type"]) == ("0.5", "", "NPU:0")
    totals = [(r["Timestamp(us)"], r["Total Allocated(MB)"]) for r in table(record_rows(changes))]
    assert totals[::2] == [("1.000", "2"), ("2.000", "2"), ("5.000", "2"), ("5.000", "0")]


def test_stacks_tell_their_own_time():
    """A stack's time is its operator's own, on the host or of the kernels that it launched itself."""
    node = program()
    records, (_, outer, inner, _) = calls_of(node)
    ops = [outer._replace(stack="b; a"), inner._replace(stack="c; b; a")]
    assert stack_lines(ops, node.records, device=True) == [
        f"a;b {records[0].duration // 1000}",
        f"a;b;c {records[1].duration // 1000}",
    ]
    alone = outer.end - outer.begin - (inner.end - inner.begin)
    assert stack_lines(ops, node.records, device=False)[0] == f"a;b {alone // 1000}"


def test_what_is_no_operator_launches_nothing():
    """A mark has a bar in the trace, on its stream too, but neither a row nor kernels of its own."""
    node = program()
    end = node.host.now
    mark = HostOp("mine", 0, end, category="mstx", span=(0, 0, 10, 30))
    assert len(operator_rows([mark], node.records)) == 1
    assert owners([mark], node.records) == {}
    bars = [e for e in trace_events(node.records, 1000, [mark]) if e["ph"] == "X" and e["name"] == "mine"]
    assert [bar["ts"] for bar in bars] == ["0.000", "0.010"]
    assert len({bar["pid"] for bar in bars}) == 2


def test_communication_files_tell_links_and_sizes(tmp_path: Path):
    """communication.json adds up sizes and times by step and link; the matrix names each peer of the rank."""
    node = npusim.node()
    stream = node.device(0).default_stream
    middle = node.host.now + 1
    stream.communicate("all_reduce", 8_000_000, 8)
    stream.communicate("send", 1_000_000, 2)
    steps = [Step(4, 0, middle), Step(5, middle, 1 << 60)]
    folder = npusim.write_profiler_output(tmp_path, node.records, steps, rank=2)
    report = json.loads((folder / "communication.json").read_text())
    assert list(report) == ["step4", "step5"]
    total = report["step4"]["collective"]["Total Op Info"]["Communication Bandwidth Info"]["HCCS"]
    assert total["Transit Size(MB)"] == pytest.approx(2 * 7)  # 1 MB to each of 7, there and back
    assert total["Transit Time(ms)"] == pytest.approx(node.records[0].duration / 1e6)
    (name, *_) = report["step5"]["p2p"]
    assert name.startswith("hcom_send__")
    matrix = json.loads((folder / "communication_matrix.json").read_text())
    links = matrix["step4"]["collective"]["allreduce-total@8001"]
    assert set(links) == {f"2-{peer}" for peer in range(8) if peer != 2}


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path):
    """A file in the folder's place is an OSError."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken"):
        npusim.write_profiler_output(tmp_path / "taken", [])


def test_what_the_face_wrote_is_kept(tmp_path: Path):
    """profiler_info.json, profiler_metadata.json and a PROF folder that are there stay, and are added to."""
    for name in ("profiler_info.json", "profiler_metadata.json"):
        (tmp_path / name).write_text('{"mine": 1}')
    (tmp_path / "PROF_000007_20260101_ABC" / "device_0").mkdir(parents=True)
    npusim.write_profiler_output(tmp_path, program().records)
    for name in ("profiler_info.json", "profiler_metadata.json"):
        assert json.loads((tmp_path / name).read_text()) == {"mine": 1}
    (prof,) = tmp_path.glob("PROF_*")
    assert "mindstudio_profiler_output" in names(prof)
