"""Indices beyond what they index: they fail on the device, and are told where the host waits."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional

BEYOND = torch.tensor([0, 5])
CASES = {
    "GatherV2": lambda x, i: functional.embedding(i, x),
    "GatherElements": lambda x, i: x.gather(0, i[None]),
    "Index": lambda x, i: x[i],
    "IndexPutV2": lambda x, i: x.index_put_((i,), x.new_zeros(2, 4)),
    "ScatterElements": lambda x, i: x.scatter(0, i[None], 1.0),
    "InplaceIndexAdd": lambda x, i: x.index_add(0, i, x.new_ones(2, 4)),
    "IndexFill": lambda x, i: x.index_fill_(0, i, 2.0),
    "NLLLoss": lambda x, i: functional.cross_entropy(x[:2], i),
}


@pytest.mark.parametrize("kernel", CASES)
def test_a_bad_index_is_told_where_the_host_waits(kernel):
    """The call returns; the next synchronise raises the vector cores' code and names the kernel."""
    CASES[kernel](torch.ones(3, 4).npu(), BEYOND.npu())
    with pytest.raises(
        RuntimeError, match="AclrtSynchronizeDeviceWithTimeout, error code is 507035"
    ) as caught:
        torch.npu.synchronize()
    assert "The vector core execution is abnormal." in str(caught.value)
    assert f"fault kernel_name={kernel}" in str(caught.value)


@pytest.mark.parametrize(
    "read",
    [
        lambda t: t.cpu(),
        lambda t: t.sum().item(),
        str,
        lambda t: t.tolist(),
        lambda t: torch.empty(2, 4).copy_(t),
        lambda t: t.nonzero(),
        lambda _: torch.npu.current_stream().record_event().synchronize(),
    ],
)
def test_whatever_waits_tells_it(read):
    """Reading back in any way, or waiting for an event, raises; then the session goes on."""
    rows = nn.Embedding(3, 4).npu()(BEYOND.npu())
    with pytest.raises(RuntimeError, match="error code is 507035"):
        read(rows)
    assert (torch.ones(2).npu() + 1).tolist() == [2, 2]


def test_the_kernel_s_assertion_is_printed(capfd):
    """What indexes rows prints index and bound before it stops, as GatherV3 and IndexCheck do."""
    table = torch.ones(3, 4).npu()
    for act, words in (
        (lambda: table.index_select(0, BEYOND.npu()), "Index 5 out of range[0 3)!"),
        (lambda: table[:, torch.tensor([9]).npu()], "in dimension 0: index value 9 exceeds bounds 4!"),
        (lambda: table[torch.tensor([-7]).npu()], "index value -7 is too negative for bounds 3!"),
    ):
        act()
        with pytest.raises(RuntimeError, match="error code is 507035"):
            torch.npu.synchronize()
        assert words in capfd.readouterr().out


def test_only_the_first_of_several_is_told():
    """Two bad lookups are one fault, of the first."""
    table = torch.ones(3, 4).npu()
    table.gather(0, BEYOND.npu()[None])
    table[BEYOND.npu()]
    with pytest.raises(RuntimeError, match="kernel_name=GatherElements"):
        torch.npu.synchronize()
    torch.npu.synchronize()


def test_a_fault_stays_with_its_stream():
    """Waiting for another stream tells nothing."""
    other = torch.npu.Stream()
    torch.ones(3).npu()[torch.tensor([9]).npu()]
    other.synchronize()
    with pytest.raises(RuntimeError, match="error code is 507035"):
        torch.npu.default_stream().synchronize()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda x: x[7], IndexError),
        (lambda x: x[0, 7], IndexError),
        (lambda x: x.select(0, 7), IndexError),
        (lambda x: x.index_select(5, torch.tensor([0]).npu()), IndexError),
        (lambda x: x[torch.tensor([0]).npu(), torch.tensor([0]).npu(), torch.tensor([0]).npu()], IndexError),
        (lambda x: x.gather(0, torch.zeros(1, 1, 1, dtype=torch.int64).npu()), RuntimeError),
        (lambda x: x[torch.ones(7, dtype=torch.bool).npu()], IndexError),
    ],
)
def test_what_the_host_knows_is_refused_at_once(act, error):
    """A Python number, a dimension or a shape that does not fit needs no device."""
    with pytest.raises(error):
        act(torch.ones(3, 4).npu())
    torch.npu.synchronize()


def test_a_backward_pass_over_bad_classes_harms_nothing():
    """Forward and backward over a class that there is not are one fault, and the gradient has its shape."""
    x = torch.ones(2, 3).npu().requires_grad_()
    functional.cross_entropy(x, torch.tensor([0, 1_000_000_000]).npu()).backward()
    with pytest.raises(RuntimeError, match="kernel_name=NLLLoss"):
        torch.npu.synchronize()
    assert x.grad.shape == (2, 3)


def run(code, **env):
    """Runs a program; what it printed and how it ended."""
    return subprocess.run(
        [sys.executable, "-c", "import torch\nt = torch.ones(3).npu()\ni = torch.tensor([9]).npu()\n" + code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_launch_blocking_tells_it_in_the_line():
    """With ASCEND_LAUNCH_BLOCKING=1 the operator's own line raises."""
    done = run("t[i]\nprint('went on')", ASCEND_LAUNCH_BLOCKING="1")
    assert done.returncode == 1
    assert "error code is 507035" in done.stderr
    assert "went on" not in done.stdout


@pytest.mark.slow
def test_a_program_that_never_waits_is_warned_at_its_end():
    """The fault is told where torch_npu shuts down; the program's own end stays as it was."""
    done = run("t[i]\nprint('went on')")
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert "NPU warning, error code is 507035" in done.stderr
    assert "(function npuSynchronizeUsedDevices)" in done.stderr


@pytest.mark.slow
def test_older_chips_report_an_ai_core():
    """Where vector and Cube cores are one, the code is 507015, and no assertion is printed."""
    done = run("t[i]\ntorch.npu.synchronize()", NPUSIM_SOC="Ascend910A")
    assert "error code is 507015" in done.stderr
    assert "0x800000" in done.stderr
    assert "[ASSERT]" not in done.stdout


def test_a_captured_lookup_fails_when_it_is_replayed():
    """Capturing computes nothing on the device; a replay over bad indices does."""
    table, index = torch.ones(3, 4).npu(), torch.tensor([0, 1]).npu()
    graph = torch.npu.NPUGraph()
    with torch.npu.graph(graph):
        rows = table.index_select(0, index)
    graph.replay()
    assert rows.sum().item() == 8
    index.copy_(BEYOND)
    graph.replay()
    with pytest.raises(RuntimeError, match="error code is 507035"):
        torch.npu.synchronize()
