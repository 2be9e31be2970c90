"""What torch.compile does with programs for the device."""

import os
import subprocess
import sys

import pytest

_GRAPH_BREAK = """
import warnings
import torch, torch_npu

def step(x):
    if x.sum() > 0:
        torch.npu.synchronize()
        return torch_npu.npu_swiglu(x).sum() + torch.randn(2, device=x.device).sum() * 0
    return (x - 1).sum()

warnings.simplefilter("error")
compiled = torch.compile(step, backend={backend!r})
for sign in (1, -1):
    x = torch.ones(2, 4).npu() * sign
    torch.testing.assert_close(compiled(x), step(x))
from torch._dynamo.utils import counters
print(dict(counters["graph_break"]))
"""

_DEFAULT = """
import torch, torch_npu
torch.compile(torch.nn.Linear(4, 4).npu())(torch.ones(2, 4).npu())
"""


def _run(program, **env):
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_nothing_of_the_simulator_is_traced(backend):
    """A compiled function that leaves its graph gives its values, and no line of ours is compiled."""
    done = _run(_GRAPH_BREAK.format(backend=backend))
    assert done.returncode == 0, done.stderr
    assert "_sim" not in done.stdout + done.stderr


@pytest.mark.slow
def test_inductor_is_refused_by_name_with_two_ways_out():
    """torch.compile as it is without a backend is refused in one line, and the way out it names is one."""
    done = _run(_DEFAULT)
    assert "torch.compile with backend 'inductor' is not simulated for the NPU" in done.stderr
    assert _run(_DEFAULT, TORCH_COMPILE_DISABLE="1").returncode == 0
