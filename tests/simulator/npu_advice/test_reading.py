"""Reading profiles, ranking operators, and the command."""

import importlib.util
import json
from pathlib import Path

import npusim
import pytest
import torch
from click.testing import CliRunner
from npu_advice import NoProfileError, NoTimelineError, advise, rank_operators, read_profile
from npu_advice.cli import main
from npu_advice.profile import Call
from npu_advice.rules import step_ns
from npu_advice.what_if import play

_spec = importlib.util.spec_from_file_location("advice_loops", Path(__file__).with_name("conftest.py"))
loops = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(loops)

KERNEL = Call("kernel", "Add", 0, 44, duration=10)


@pytest.fixture
def profile(tmp_path):
    """A profile of npusim's own: two steps of one product that the host reads, and a hundred additions."""
    node = npusim.node()
    stream = node.device(0).default_stream
    large, small = npusim.TensorSpec((4096, 4096), "float32"), npusim.TensorSpec((16,), "float32")
    ops, steps = [], []
    for number in (7, 8):
        begin = node.host.now
        stream.launch(npusim.Op("MatMulV2", "matmul", [large, large], [large]))
        ops.append(npusim.HostOp("aten::mm", begin, node.host.now))
        for _ in range(100):
            called = node.host.now
            stream.launch(npusim.Op("Add", "elementwise", [small, small], [small]))
            ops.append(npusim.HostOp("aten::add", called, node.host.now))
        called = node.host.now
        stream.copy("D2H", 4, asynchronous=False)
        ops.append(npusim.HostOp("aten::_local_scalar_dense", called, node.host.now))
        ops.append(npusim.HostOp(f"ProfilerStep#{number}", begin, node.host.now, category="user_annotation"))
        steps.append(npusim.Step(number, begin, node.host.now))
    folder = tmp_path / "host_1_20260101120000000_ascend_pt"
    npusim.write_profiler_output(folder, node.records, steps, host_ops=ops)
    return folder, (steps[-1].end - steps[0].begin) // 2


@pytest.mark.parametrize("inner", ["", "..", "ASCEND_PROFILER_OUTPUT"])
def test_reads_what_the_profiler_left(profile, inner):
    """The folder, the one around it and the one in it are one profile; its steps last as recorded."""
    folder, lasted = profile
    found = read_profile(folder / inner)
    assert found.steps == 2
    assert {call.step for call in found.calls} == {7, 8}
    assert step_ns(found) == lasted
    product = found.calls[0]
    assert (product.name, product.shapes, product.op.name) == ("MatMulV2", ((4096, 4096),) * 2, "aten::mm")
    assert [call.waits for call in found.calls if call.kind == "copy"] == [True, True]


def test_ranking_counts_both_sides(profile):
    """A hundred launches of a microsecond stand above one product that takes less than they do."""
    rows = rank_operators(read_profile(profile[0]))
    assert [row.name for row in rows][:2] == ["Add", "MatMulV2"]
    assert rows[0].launches == 100
    assert rows[0].host > rows[0].device
    assert rows[0].cost == rows[0].host == 100 * 44_000
    assert rows[1].cost == rows[1].device


def test_play():
    """The host calls one after the other; tasks wait for their stream; a wait stops the host."""
    assert play([]) == 0
    assert play([KERNEL, KERNEL]) == 98
    assert play([KERNEL._replace(duration=100)] * 2) == 244
    assert play([KERNEL._replace(duration=100, waits=True), KERNEL]) == 198
    assert play([KERNEL._replace(duration=100), KERNEL._replace(stream=1)]) == 144
    assert play([KERNEL._replace(duration=100), Call("sync", "x", 0, 500), KERNEL]) == 198
    assert play([KERNEL._replace(gap=6, lag=5)]) == 65


def test_command_ranks_and_names_the_fix(profile):
    """The command prints the operators and the advice, with its promise, as text and as JSON."""
    done = CliRunner().invoke(main, [str(profile[0]), "--top", "2"])
    assert done.exit_code == 0
    assert "1. at least" in done.output
    assert "D2H" not in done.output
    data = json.loads(CliRunner().invoke(main, [str(profile[0]), "--json"]).output)
    assert [o["type"] for o in data["operators"]] == ["Add", "MatMulV2", "D2H"]
    promises = [a["promise_us"] for a in data["advice"]]
    assert promises == sorted(promises, reverse=True)
    assert data["advice"][0]["rule"] == "larger_batch"
    assert data["step_us"] == pytest.approx(profile[1] / 1000)


def test_unknown_chip(profile):
    """A chip that nobody knows is named in one line, with exit code 2."""
    done = CliRunner().invoke(main, [str(profile[0]), "--soc", "Ascend999"])
    assert done.exit_code == 2
    assert done.output.startswith("npu-advice: --soc: no chip is called 'Ascend999'")
    assert done.output.count("\n") == 1


def test_no_profile(tmp_path):
    """A folder without a profile, with two, or that is not there: one line that says which to name."""
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NoProfileError, match="holds no profile"):
            read_profile(folder)
    for name in "ab":
        (tmp_path / f"{name}_ascend_pt" / "ASCEND_PROFILER_OUTPUT").mkdir(parents=True)
    with pytest.raises(NoProfileError, match="2 profiles"):
        read_profile(tmp_path)
    done = CliRunner().invoke(main, [str(tmp_path)])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file"),
        ("{", "no JSON"),
        ("{}", "no list"),
        ("[]", "activities"),
        ('[{"ph": "X", "cat": "cpu_op", "name": "aten::add", "ts": "soon", "dur": 1}]', "soon"),
    ],
)
def test_broken_time_line(tmp_path, text, why):
    """A time line that is missing, cut off, something else or without tasks is refused in one line."""
    output = tmp_path / "x_ascend_pt" / "ASCEND_PROFILER_OUTPUT"
    output.mkdir(parents=True)
    if text is not None:
        (output / "trace_view.json").write_text(text)
    with pytest.raises(NoTimelineError, match=why) as caught:
        read_profile(tmp_path / "x_ascend_pt")
    assert "\n" not in str(caught.value)


def test_without_the_host_s_side(tmp_path):
    """A profile of the device alone still has its calls; it has no steps, and no lines to name."""
    from torch_npu import profiler

    def make():
        x = torch.ones(8, 8).to("npu:0")
        return lambda: (x @ x).sum().item()

    folder = loops.Loop(make).record(tmp_path, activities=[profiler.ProfilerActivity.NPU])
    found = read_profile(folder)
    assert found.steps == 1
    assert {a.where for a in advise(found)} == {()}
