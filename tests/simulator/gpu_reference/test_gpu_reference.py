"""The GPU profiles that ship: what they are made of, and that the vendor's analyser compares with them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import gpu_reference
import npusim
import openpyxl
import pytest
import torch
from gpu_reference import a100, make
from gpu_reference.trainings import TRAININGS
from npusim import Op, TensorSpec
from torch_npu import profiler
from torch_npu._sim import runtime

LARGEST = 300_000


def trace(name):
    """A shipped profile."""
    return json.loads(gpu_reference.path(name).read_text(encoding="utf-8"))


def tasks(profile):
    """Its tasks of the device."""
    return [e for e in profile["traceEvents"] if e["ph"] == "X" and e["pid"] == make.DEVICE]


def test_every_training_has_one():
    """There is a profile of each training, small, and one line tells of a name that nobody knows."""
    assert set(gpu_reference.names()) == set(TRAININGS)
    assert all(gpu_reference.path(name).stat().st_size < LARGEST for name in gpu_reference.names())
    with pytest.raises(gpu_reference.UnknownReferenceError, match="'bert'; there are: classifier"):
        gpu_reference.path("bert")


@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_says_what_it_is(name):
    """A profile says that it is simulated, with which figures, and so does the name of every kernel."""
    profile = trace(name)
    assert profile["note"] == make.NOTE
    assert "not measured" in profile["note"]
    assert profile["figures"].keys() == a100.FIGURES.keys()
    kernels = [e for e in tasks(profile) if e["cat"] == "kernel"]
    assert len(kernels) > 50
    assert all(e["name"].startswith("simulated_") for e in kernels)


@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_time_goes_forward(name):
    """On the stream one task follows the other, each after its call, joined to it by an arrow."""
    profile = trace(name)
    end = 0
    calls = {e["args"]["correlation"]: e for e in profile["traceEvents"] if e.get("cat") == "cuda_runtime"}
    for task in tasks(profile):
        call = calls[task["args"]["correlation"]]
        assert task["ts"] >= max(end, call["ts"] + call["dur"]) - 0.002
        end = task["ts"] + task["dur"]
    arrows = [e["id"] for e in profile["traceEvents"] if e.get("cat") == "ac2g"]
    assert sorted(arrows) == sorted([*calls, *calls])


def test_figures_have_sources():
    """Each figure of the GPU names its source, its kind and how it was derived; they give the peak."""
    for row in a100.FIGURES.values():
        assert row.kind in {"published", "derived"}
        assert row.source
        assert row.derivation
    peak = 2 * a100.figure("half_fma") * a100.figure("sms") * a100.figure("clock_mhz") / 1e6
    assert peak == pytest.approx(312, rel=0.01)  # TFLOPS in float16 on the datasheet
    m, k, n = a100.TENSOR_CORES.cube_fp16
    assert m * k * n == a100.figure("half_fma")


def test_a_large_product_nears_the_peak():
    """A product in float16 takes little more than 312 TFLOPS allow, and in float32 16 times that."""
    times = {}
    with a100.known():
        for dtype in ("float16", "float32"):
            spec = TensorSpec((8192, 8192), dtype)
            times[dtype] = a100.kernel_cost(Op("MatMulV2", "matmul", [spec, spec], [spec])).duration
    least = 2 * 8192**3 / 312e3
    assert least < times["float16"] < 1.5 * least
    assert times["float32"] / times["float16"] == pytest.approx(16, rel=0.3)


def test_the_gpu_is_not_left_behind():
    """The constants of the cost model are as before once a GPU was priced."""
    before = dict(npusim.CONSTANTS)
    with a100.known():
        assert len(npusim.CONSTANTS) == len(before) + 1
    assert dict(npusim.CONSTANTS) == before


@pytest.fixture(autouse=True)
def machine():
    """A machine of its own."""
    npusim.reset()
    torch.npu.init()
    runtime.rebuild()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_made_anew(name):
    """The script makes the same operators again, in times near those that ship (else make them anew)."""
    shipped, made = tasks(trace(name)), tasks(make.reference(TRAININGS[name]))
    assert [e["name"] for e in made] == [e["name"] for e in shipped], "python -m gpu_reference.make"
    total = sum(e["dur"] for e in shipped)
    assert sum(e["dur"] for e in made) == pytest.approx(total, rel=0.1), "python -m gpu_reference.make"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_the_vendor_s_analyser_compares(tmp_path, name):
    """`msprof-analyze compare` sets our NPU folder beside the GPU's trace, operator by operator."""
    step = TRAININGS[name]("npu:0")
    with profiler.profile(
        schedule=profiler.schedule(wait=1, warmup=0, active=1, repeat=1),
        experimental_config=profiler._ExperimentalConfig(profiler_level=profiler.ProfilerLevel.Level1),
        on_trace_ready=profiler.tensorboard_trace_handler(str(tmp_path / "npu")),
        record_shapes=True,
    ) as prof:
        for _ in range(2):
            step()
            prof.step()
    (folder,) = (tmp_path / "npu").glob("*_ascend_pt")
    command = [str(Path(sys.executable).with_name("msprof-analyze")), "compare", "-d", str(folder)]
    command += ["-bp", str(gpu_reference.path(name)), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    assert "[ERROR]" not in said
    assert "Traceback" not in said
    assert list((tmp_path / "out").glob("performance_comparison_result_*.xlsx"))
    rows = {side: re.search(rf"\| {side} \|(.*)", said) for side in ("GPU", "NPU")}
    counts = {side: re.findall(r"\((\d+)\)", row[1])[:2] for side, row in rows.items()}
    assert counts["GPU"] == counts["NPU"]  # kernels of the Cube and of the Vector units
    assert min(map(int, counts["GPU"])) > 0
    rows = operators(next((tmp_path / "out").glob("*.xlsx")))
    assert len(rows) > 20
    both = [row for row in rows if row["GPU"] > 0 and row["NPU"] > 0]
    assert len(both) > 0.9 * len(rows)


def operators(path):
    """The sheet that sets operator beside operator: names, and microseconds of the device on both sides."""
    sheet = openpyxl.load_workbook(path)["OperatorCompare"]
    found = []
    for _, name, _, _, _, gpu, other, *_, npu, _, _ in sheet.iter_rows(min_row=4, values_only=True):
        if gpu or npu:
            found.append({"name": name or other, "GPU": gpu, "NPU": npu})
    return found
