"""Long trainings: memory of the host and of the device stays as it is."""

import subprocess
import sys

import pytest

_TRAINING = """
import gc, sys
import torch
from torch import nn

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

torch.set_num_threads(1)
net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.LayerNorm(64), nn.Linear(64, 10)).npu()
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
x, y = torch.randn(16, 32).npu(), torch.randint(0, 10, (16,)).npu()

def train(steps):
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

train(200)
gc.collect()
before, held = resident(), torch.npu.memory_allocated()
train(800)
gc.collect()
print(resident() - before, torch.npu.memory_allocated() - held)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_a_long_training_does_not_grow():
    """800 steps: the device's memory is back to the byte, the host's grows by less than 8 MB.

    Records of the timeline are kept in memory up to a bound: 10,000 steps grew by 15 MB and then no more.
    """
    run = subprocess.run(
        [sys.executable, "-c", _TRAINING], capture_output=True, text=True, check=True, timeout=120
    )
    host, device = map(float, run.stdout.split())
    assert device == 0
    assert host < 8
