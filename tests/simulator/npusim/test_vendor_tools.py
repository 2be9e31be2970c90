"""The vendor's own analyser of profiler folders reads ours."""

import subprocess
import sys
from pathlib import Path

import npusim
import pytest

pytestmark = pytest.mark.slow


def training(extra: str | None):
    """Three steps of products, additions, an AI CPU operator and an all-reduce, as a profiler would see them.

    Args:
        extra: an operator more in each step.
    """
    npusim.reset()
    node = npusim.node()
    device = node.device(0)
    compute, talk = device.default_stream, device.create_stream()
    x, y = npusim.TensorSpec((2048, 2048), "float16"), npusim.TensorSpec((64, 1000), "float32")
    plan = [
        ("aten::mm", npusim.Op("MatMulV2", "matmul", [x, x], [x])),
        ("aten::add", npusim.Op("Add", "elementwise", [y, y], [y])),
        ("aten::nonzero", npusim.Op("NonZero", "aicpu", [y], [y])),
    ]
    if extra is not None:
        plan.append(("aten::_softmax", npusim.Op(extra, "softmax", [y], [y])))
    ops, steps = [], []
    for number in range(3):
        begin = node.host.now
        inner = []
        for name, op in plan * 4:
            called = node.host.now
            compute.launch(op)
            inner.append(npusim.HostOp(name, called, node.host.now, stack="train.py(7): step"))
        compute.copy("H2D", 1 << 22, asynchronous=True)
        talk.communicate("all_reduce", 1 << 24, 8)
        device.synchronize()
        ops += [
            npusim.HostOp(f"ProfilerStep#{number}", begin, node.host.now, category="user_annotation"),
            *inner,
        ]
        steps.append(npusim.Step(number, begin, node.host.now))
    return node, steps, ops


def profile(folder: Path, extra: str | None) -> Path:
    """Writes the folder of one run."""
    node, steps, ops = training(extra)
    memory = [
        npusim.MemoryChange(
            name="aten::empty",
            device=0,
            address=i,
            nbytes=1 << 20,
            stream=0,
            taken=True,
            time=1000 * i,
            allocated=(i + 1) << 20,
            reserved=20 << 20,
            active=(i + 1) << 20,
        )
        for i in range(4)
    ]
    npusim.write_profiler_output(
        folder, node.records, steps, host_ops=ops, memory=memory, metrics="PipeUtilization", rank=0
    )
    return folder


def analyse(*arguments: str, cwd: Path) -> str:
    """Runs msprof-analyze; what it said. It must end well and tell of no error."""
    command = [str(Path(sys.executable).with_name("msprof-analyze")), *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    assert "[ERROR]" not in said, said[-2000:]
    assert "Traceback" not in said, said[-2000:]
    return said


def test_the_advisor_advises(tmp_path: Path):
    """`msprof-analyze advisor all` reads a folder of ours, and its advice sees the AI CPU operator."""
    folder = profile(tmp_path / "host_1_20260101120000000_ascend_pt", None)
    said = analyse("advisor", "all", "-d", str(folder), "-o", str(tmp_path / "out"), "-l", "en", cwd=tmp_path)
    assert list((tmp_path / "out").glob("mstt_advisor_*.html"))
    assert "AICPU" in said or "AI CPU" in said


def test_two_runs_compare(tmp_path: Path):
    """`msprof-analyze compare` sets two folders of ours side by side."""
    fast = profile(tmp_path / "host_1_20260101120000000_ascend_pt", None)
    slow = profile(tmp_path / "host_2_20260101130000000_ascend_pt", "SoftmaxV2")
    said = analyse("compare", "-d", str(slow), "-bp", str(fast), "-o", str(tmp_path / "out"), cwd=tmp_path)
    assert list((tmp_path / "out").glob("performance_comparison_result_*.xlsx"))
    assert "Computing Time" in said


def test_msprof_s_folder_is_read_too(tmp_path: Path):
    """The advisor reads what `write_msprof_output` leaves, as it reads msprof's own."""
    node, _, _ = training(None)
    npusim.write_msprof_output(tmp_path / "run", node.records, stamp="20260101120000000")
    out = tmp_path / "out"
    analyse(
        "advisor", "computation", "-d", str(tmp_path / "run"), "-pt", "msprof", "-o", str(out), cwd=tmp_path
    )
    assert list(out.glob("mstt_advisor_*.html"))
