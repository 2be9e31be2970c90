"""torch_npu.profiler: what a training loop leaves in ASCEND_PROFILER_OUTPUT."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch_npu
from torch import nn
from torch_npu.profiler import ProfilerActivity, dynamic_profile
from torch_npu.profiler import profiler as profiler_module

BOTH = [ProfilerActivity.CPU, ProfilerActivity.NPU]


def level(name, **options):
    """The settings that ask for a level."""
    chosen = getattr(torch_npu.profiler.ProfilerLevel, name)
    return torch_npu.profiler._ExperimentalConfig(profiler_level=chosen, **options)


def train(steps=4, prof=None, net=None):
    """A few steps of a perceptron, with a range and a step marker."""
    net = net or nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).npu()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        x = torch.ones(4, 8).npu()
        with torch.profiler.record_function("forward"):
            y = net(x)
        y.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        if prof is not None:
            prof.step()


def record(folder, steps=4, **options):
    """Profiles a training with wait 1, warmup 1, active 2 at Level1 and returns the profile's folder."""
    with torch_npu.profiler.profile(
        activities=options.pop("activities", BOTH),
        experimental_config=options.pop("experimental_config", level("Level1")),
        schedule=torch_npu.profiler.schedule(wait=1, warmup=1, active=2, repeat=1),
        on_trace_ready=torch_npu.profiler.tensorboard_trace_handler(str(folder), worker_name="me"),
        **options,
    ) as prof:
        train(steps, prof)
    (found,) = folder.glob("me_*_ascend_pt")
    return found


def rows(folder, name):
    """A result file as a list of dictionaries."""
    with (folder / "ASCEND_PROFILER_OUTPUT" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def trace(folder):
    """The events of trace_view.json."""
    return json.loads((folder / "ASCEND_PROFILER_OUTPUT" / "trace_view.json").read_text(encoding="utf-8"))


def test_the_active_steps_are_recorded(tmp_path):
    """A schedule of wait 1, warmup 1, active 2 leaves kernels of steps 2 and 3, and their times."""
    folder = record(tmp_path)
    kernels = rows(folder, "kernel_details.csv")
    assert {k["Step Id"] for k in kernels} == {"2", "3"}
    assert sum(k["Type"] == "MatMulV2" for k in kernels) == 10
    steps = rows(folder, "step_trace_time.csv")
    assert [s["Step"] for s in steps] == ["2", "3"]
    assert all(float(s["Computing"]) > 0 for s in steps)
    info = json.loads((folder / "profiler_info.json").read_text())
    assert "ProfilerActivity.NPU" in info["config"]["common_config"]["activities"]


def test_operators_and_ranges_of_the_host(tmp_path):
    """operator_details.csv tells operators, ranges and the optimizer, with shapes and stacks."""
    folder = record(tmp_path, record_shapes=True, with_stack=True)
    found = {row["Name"]: row for row in rows(folder, "operator_details.csv")}
    assert {"aten::addmm", "aten::mm", "forward", "Optimizer.step#SGD.step"} <= set(found)
    assert "4,16" in found["aten::addmm"]["Input Shapes"]
    assert "test_profiler.py" in found["aten::addmm"]["Call Stack"]
    forward = found["forward"]
    assert float(forward["Device Total Duration(us)"]) > 0
    assert float(forward["Device Self Duration(us)"]) == 0
    assert float(forward["Host Total Duration(us)"]) >= float(forward["Host Self Duration(us)"])


def test_level1_measures_the_cores_units(tmp_path):
    """From Level1 on kernel_details.csv tells how long the Cube worked; AiCoreNone leaves that out."""
    tables = []
    for metrics in (torch_npu.profiler.AiCMetrics.PipeUtilization, torch_npu.profiler.AiCMetrics.AiCoreNone):
        folder = record(tmp_path / metrics, experimental_config=level("Level1", aic_metrics=metrics))
        tables.append(rows(folder, "kernel_details.csv"))
    measured, plain = tables
    product = next(k for k in measured if k["Type"] == "MatMulV2")
    assert 0 < float(product["aic_mac_time(us)"]) <= float(product["Duration(us)"])
    assert "aic_mac_time(us)" not in plain[0]


HOST = {"analyse.done", "trace_view.json", "operator_details.csv"}
DEVICE = {"kernel_details.csv", "step_trace_time.csv", "task_time.csv"}
DETAILS = {"op_statistic.csv", "api_statistic.csv"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, HOST | DEVICE),  # Level0 is the default
        ({"experimental_config": level("Level_none")}, HOST),
        ({"experimental_config": level("Level1")}, HOST | DEVICE | DETAILS),
        ({"experimental_config": level("Level2")}, HOST | DEVICE | DETAILS),
        ({"experimental_config": level("Level1"), "activities": [ProfilerActivity.CPU]}, HOST),
        (
            {"experimental_config": level("Level1"), "activities": [ProfilerActivity.NPU]},
            (HOST | DEVICE | DETAILS) - {"operator_details.csv"},
        ),
    ],
)
def test_each_level_writes_its_tables(tmp_path, options, expected):
    """Which files there are follows level and activities, as on a server."""
    handler = torch_npu.profiler.tensorboard_trace_handler(str(tmp_path))
    with torch_npu.profiler.profile(on_trace_ready=handler, **options):
        train(1)
    (folder,) = tmp_path.glob("*/ASCEND_PROFILER_OUTPUT")
    assert {path.name for path in folder.iterdir()} == expected


def test_level0_knows_times_only(tmp_path):
    """At Level0, the default, kernels have names and times, but neither types nor shapes."""
    folder = record(tmp_path, experimental_config=None)
    kernels = rows(folder, "kernel_details.csv")
    assert all(float(k["Duration(us)"]) > 0 for k in kernels)
    assert {(k["Type"], k["Accelerator Core"], k["Block Num"]) for k in kernels} == {("N/A", "N/A", "0")}
    assert "Input Shapes" not in kernels[0]
    events = trace(folder)
    assert "Node@launch" not in {e["name"] for e in events}
    assert "torch_to_npu" in {e["name"] for e in events}


def test_the_timeline_links_operators_to_kernels(tmp_path):
    """trace_view.json has steps, ranges and operators on the host, and an arrow from mm to its kernel."""
    events = trace(record(tmp_path))
    names = [e["name"] for e in events if e["ph"] == "X"]
    assert {"ProfilerStep#2", "ProfilerStep#3", "forward", "aten::mm", "MatMulV2"} <= set(names)
    assert "ProfilerStep#1" not in names
    starts = {e["id"] for e in events if e["ph"] == "s" and e["name"] == "torch_to_npu"}
    kernels = {e["ts"] for e in events if e["ph"] == "X" and e["name"] == "MatMulV2"}
    assert kernels <= starts


def test_the_same_training_gives_the_same_times(tmp_path):
    """Times are virtual: two runs of the same program leave the same tables."""
    import npusim
    from torch_npu._sim import runtime

    tables = []
    for run in ("a", "b"):
        npusim.reset()
        runtime.rebuild()
        torch.manual_seed(0)
        folder = record(tmp_path / run)
        tables.append([rows(folder, "kernel_details.csv"), rows(folder, "operator_details.csv")])
    assert tables[0] == tables[1]


def test_memory_of_tensors(tmp_path):
    """With profile_memory each block has the operator that asked for it, its size and its lifetime."""
    folder = record(tmp_path, profile_memory=True)
    blocks = rows(folder, "operator_memory.csv")
    assert "aten::addmm" in {b["Name"] for b in blocks}
    freed = [b for b in blocks if b["Release Time(us)"]]
    assert freed
    assert all(float(b["Duration(us)"]) >= 0 and float(b["Size(KB)"]) > 0 for b in freed)
    assert rows(folder, "memory_record.csv")
    plain = record(tmp_path / "plain")
    assert not (plain / "ASCEND_PROFILER_OUTPUT" / "operator_memory.csv").exists()


def test_marks_of_the_program(tmp_path):
    """With mstx=True ranges of torch.npu.mstx appear on the host's line and on the stream's."""
    expert = torch_npu.profiler._ExperimentalConfig(mstx=True, mstx_domain_exclude=["noise"])
    with torch_npu.profiler.profile(
        on_trace_ready=torch_npu.profiler.tensorboard_trace_handler(str(tmp_path)), experimental_config=expert
    ):
        with torch.npu.mstx.annotate("mine", torch.npu.current_stream()):
            torch.ones(4, device="npu").add_(1)
        torch.npu.mstx.mark("here")
        torch.npu.mstx.mark("not", domain="noise")
    (folder,) = tmp_path.iterdir()
    bars = [e for e in trace(folder) if e["ph"] == "X" and e["cat"] == "mstx"]
    assert sorted(b["name"] for b in bars) == ["here", "mine", "mine"]
    assert len({b["pid"] for b in bars}) == 2


def test_other_profilers_can_take_the_place_of_marks(monkeypatch):
    """Marks and ranges go through the names of the compiled part, with the stream's numbers."""
    seen = []
    calls = torch_npu._C._mstx
    for name in ("_mark", "_mark_on_host", "_range_start", "_range_start_on_host", "_range_end"):
        monkeypatch.setattr(calls, name, lambda *given, name=name: seen.append((name, *given)) or 7)
    stream = torch.npu.current_stream()
    torch.npu.mstx.mark("a")
    torch.npu.mstx.mark("b", stream, "mine")
    with torch.npu.mstx.annotate("c", stream):
        pass
    torch.npu.mstx.range_end(torch.npu.mstx.range_start("d"))
    where = (stream.stream_id, stream.device_index, stream.device_type)
    assert seen == [
        ("_mark_on_host", "a", "default"),
        ("_mark", "b", *where, "mine"),
        ("_range_start", "c", *where, "default"),
        ("_range_end", 7, "default"),
        ("_range_start_on_host", "d", "default"),
        ("_range_end", 7, "default"),
    ]


def test_marks_outside_a_profile():
    """Without a profile marks do nothing; ranges nest by range_push, and a wrong message is warned of."""
    assert torch.npu.mstx.range_push("a") == 0
    assert torch.npu.mstx.range_push("b") == 1
    assert [torch.npu.mstx.range_pop() for _ in range(3)] == [1, 0, -1]
    with pytest.warns(UserWarning, match="Invalid message for mstx.mark"):
        torch.npu.mstx.mark(5)

    @torch.npu.mstx.mstx_range("f")
    def f(x):
        return x + 1

    assert f(1) == 2


def functions(folder):
    """The bars of Python functions."""
    return [e for e in trace(folder) if e.get("cat") == "python_function"]


@pytest.mark.parametrize("switch", ["with_modules", "with_stack"])
def test_python_functions(tmp_path, switch):
    """Each module has a bar with its number, each function with its place, one in C with its name."""
    names = [bar["name"] for bar in functions(record(tmp_path, **{switch: True}))]
    for module in ("Linear_0", "Linear_1", "ReLU_0", "Sequential_0"):
        assert names.count(f"nn.Module: {module}") == 2
    assert any(name.endswith("): train") and "test_profiler.py(" in name for name in names)
    assert any(name.startswith("torch/optim/sgd.py(") and name.endswith("): step") for name in names)
    assert any(
        name.startswith("<built-in method linear of") or "built-in function linear" in name for name in names
    )


def test_python_functions_know_what_is_around_them(tmp_path):
    """Parents lie around their children, by number and by time; a module's bar has its number."""
    bars = functions(record(tmp_path, with_stack=True))
    known = {bar["args"]["Python id"]: bar for bar in bars}
    assert len(known) == len(bars)
    for bar in bars:
        parent = known.get(bar["args"]["Python parent id"])
        assert parent is None or float(parent["ts"]) <= float(bar["ts"])
    linear = next(bar for bar in bars if bar["name"] == "nn.Module: Linear_1")
    assert linear["args"]["Python module id"] == 1
    assert linear["dur"] > 0
    chain = []
    while linear is not None:
        chain.append(linear["name"])
        linear = known.get(linear["args"]["Python parent id"])
    assert "nn.Module: Sequential_0" in chain
    assert any(name.endswith("): train") for name in chain)


def test_the_simulator_s_own_functions_have_no_bars(tmp_path):
    """What is C++ on a server does not show as Python."""
    names = [bar["name"] for bar in functions(record(tmp_path, with_stack=True))]
    assert names
    hidden = ("/_sim/", "npusim/", "torch_npu/profiler/", "_python_dispatch")
    assert not [name for name in names if any(part in name for part in hidden)]


def test_no_python_functions_unasked(tmp_path):
    """Without the switches, and without the host's activities, there are none; another's profile stays."""
    seen = []
    sys.setprofile(lambda *_: seen.append(1))
    mine = sys.getprofile()
    try:
        plain = record(tmp_path / "plain")
        device = record(
            tmp_path / "device", with_stack=True, activities=[torch_npu.profiler.ProfilerActivity.NPU]
        )
        record(tmp_path / "stack", with_stack=True)
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
    assert not functions(plain)
    assert not functions(device)
    assert seen


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    """One clear message; training goes on, its values untouched, and a later profile works."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    handler = torch_npu.profiler.tensorboard_trace_handler(str(blocked / "below"))
    prof = torch_npu.profiler.profile(
        schedule=torch_npu.profiler.schedule(wait=0, warmup=1, active=1),
        on_trace_ready=handler,
    )
    capsys.readouterr()
    with prof:
        train(3, prof)
    said = capsys.readouterr().out
    assert said.count("profiler.py:") == 1
    assert "Failed to make directory" in said
    assert "ERR00010 PTA system call failed" in said
    assert record(tmp_path / "later").is_dir()


def test_results_later(tmp_path):
    """analyse_flag=False leaves raw data, from which analyse writes the same results."""
    at_once = record(tmp_path / "at_once")
    with torch_npu.profiler.profile(
        on_trace_ready=torch_npu.profiler.tensorboard_trace_handler(
            str(tmp_path / "later"), analyse_flag=False
        ),
        experimental_config=level("Level1"),
    ):
        train(2)
    (folder,) = (tmp_path / "later").iterdir()
    assert not (folder / "ASCEND_PROFILER_OUTPUT").exists()
    profiler_module.analyse(str(tmp_path / "later"))
    assert sum(k["Type"] == "MatMulV2" for k in rows(folder, "kernel_details.csv")) == 10
    before = rows(at_once, "kernel_details.csv")
    (at_once / "ASCEND_PROFILER_OUTPUT" / "kernel_details.csv").unlink()
    profiler_module.analyse(str(at_once))
    assert rows(at_once, "kernel_details.csv") == before


def test_analyse_of_nothing(tmp_path, capsys):
    """`analyse` of a path that does not exist, or without raw data, says so in one message."""
    profiler_module.analyse(str(tmp_path / "no"))
    assert "The path does not exist" in capsys.readouterr().out
    (tmp_path / "x_ascend_pt").mkdir()
    profiler_module.analyse(str(tmp_path))
    assert "profiler_info.json is missing" in capsys.readouterr().out


def test_exports_without_a_handler(tmp_path):
    """Without on_trace_ready nothing is written but what is exported."""
    with torch_npu.profiler.profile(with_stack=True) as prof:
        train(1)
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    assert any(e["name"] == "aten::addmm" for e in json.loads((tmp_path / "trace.json").read_text()))
    prof.export_stacks(str(tmp_path / "stacks.log"), "self_npu_time_total")
    assert "test_profiler.py" in (tmp_path / "stacks.log").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["stacks.log", "trace.json"]


def test_a_profile_without_a_handler_where_the_environment_says_where(tmp_path, monkeypatch):
    """With ASCEND_WORK_PATH every recording leaves raw data there, which analyse turns into results."""
    monkeypatch.setenv("ASCEND_WORK_PATH", str(tmp_path))
    torch_npu.profiler.tensorboard_trace_handler(str(tmp_path / "elsewhere"), worker_name="me")
    prof = torch_npu.profiler._KinetoProfile(with_stack=True)
    prof.start()
    train(1)
    prof.stop()
    prof.export_stacks(str(tmp_path / "new" / "stacks.log"))
    assert (tmp_path / "new" / "stacks.log").read_text()
    profiler_module.analyse(str(tmp_path / "profiling_data"))
    (folder,) = (tmp_path / "profiling_data").iterdir()
    assert not folder.name.startswith("me_")
    assert rows(folder, "kernel_details.csv")
    assert not (tmp_path / "elsewhere").exists()


def test_metadata(tmp_path, capsys):
    """add_metadata and add_metadata_json reach profiler_metadata.json with the trace's identity."""
    with torch_npu.profiler.profile(
        on_trace_ready=torch_npu.profiler.tensorboard_trace_handler(str(tmp_path)),
        custom_trace_id_callback=lambda: "run 7",
    ) as prof:
        prof.add_metadata("model", "perceptron")
        prof.add_metadata_json("sizes", "[8, 16]")
        prof.add_metadata_json("wrong", "{")
        prof.add_metadata("number", 3)
        assert prof.get_trace_id() == "run 7"
    (folder,) = tmp_path.iterdir()
    found = json.loads((folder / "profiler_metadata.json").read_text())
    assert (found["model"], found["sizes"], found["trace_id"]) == ("perceptron", [8, 16], "run 7")
    assert "number" not in found
    said = capsys.readouterr().out
    assert "must be json format string" in said
    assert "must be string" in said


def test_wrong_settings_are_replaced(capsys):
    """Wrong arguments are told of and replaced, as by the real profiler."""
    expert = torch_npu.profiler._ExperimentalConfig(profiler_level="Level9", export_type="xml", l2_cache=1)
    assert expert._profiler_level == "Level0"
    assert expert.export_type == ["text"]
    assert expert._l2_cache is False
    schedule = torch_npu.profiler.schedule(wait=-1, warmup=1, active=0)
    assert (schedule.wait, schedule.active) == (0, 1)
    with pytest.raises(ValueError, match="ERR04003 PROF"):
        schedule(-1)
    said = capsys.readouterr().out
    assert "Invalid parameter profiler_level" in said
    assert "Invalid parameter active, reset it to 1." in said


def test_incomplete_schedules_are_told_of(tmp_path, capsys):
    """A loop that ends within the warmup is told that nothing will be there."""
    with torch_npu.profiler.profile(
        schedule=torch_npu.profiler.schedule(wait=0, warmup=5, active=1),
        on_trace_ready=torch_npu.profiler.tensorboard_trace_handler(str(tmp_path)),
    ) as prof:
        train(1, prof)
    assert "current state is WARMUP" in capsys.readouterr().out
    assert not list(tmp_path.glob("*/ASCEND_PROFILER_OUTPUT"))


def test_several_cycles_leave_several_folders(tmp_path):
    """repeat=2 leaves two folders, each with its own steps."""
    with torch_npu.profiler.profile(
        schedule=torch_npu.profiler.schedule(wait=1, warmup=0, active=1, repeat=2),
        on_trace_ready=torch_npu.profiler.tensorboard_trace_handler(str(tmp_path)),
    ) as prof:
        train(6, prof)
    steps = [rows(f, "step_trace_time.csv")[0]["Step"] for f in sorted(tmp_path.iterdir())]
    assert steps == ["1", "3"]


def test_a_profile_while_another_mode_is_entered():
    """Stopping a profile leaves the modes that the program entered since in place."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        seen = 0

        def __torch_dispatch__(self, func, _types, args=(), kwargs=None):
            Count.seen += 1
            return func(*args, **(kwargs or {}))

    prof = torch_npu.profiler.profile()
    prof.start()
    with Count():
        prof.stop()
        before = Count.seen
        torch.ones(2, device="npu").add_(1)
        assert Count.seen > before


def test_dynamic_profile(tmp_path, monkeypatch):
    """A training that polls dynamic_profile is profiled when the file names its step."""
    monkeypatch.setattr(dynamic_profile._State, "file", None)
    monkeypatch.setattr(dynamic_profile._State, "step", 0)
    dynamic_profile.init(str(tmp_path))
    file = tmp_path / "profiler_config.json"
    settings = json.loads(file.read_text()) | {
        "start_step": 2,
        "prof_dir": str(tmp_path / "out"),
        "analyse": True,
    }
    for step in range(5):
        if step == 1:
            file.write_text(json.dumps(settings))
        train(1)
        dynamic_profile.step()
    (folder,) = (tmp_path / "out").iterdir()
    assert sum(k["Name"] == "MatMulV2" for k in rows(folder, "kernel_details.csv")) == 5


@pytest.mark.slow
def test_the_vendors_analyser_reads_it(tmp_path):
    """msprof-analyze advisor and compare read a profile and report its times."""
    folder = record(tmp_path / "prof", record_shapes=True, with_stack=True)
    for arguments in (
        ["advisor", "all", "-d", str(folder), "-o", str(tmp_path / "out")],
        ["compare", "-d", str(folder), "-bp", str(folder), "--output_path", str(tmp_path / "out")],
    ):
        done = subprocess.run(
            [str(Path(sys.executable).with_name("msprof-analyze")), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
    reports = {p.suffix for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert {".html", ".xlsx"} <= reports
