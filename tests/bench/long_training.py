"""Trains 10,000 steps on the simulated NPU and prints what memory grew, of the host and of the device."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import torch
import torch_npu  # noqa: F401 - makes the device "npu"
from torch import nn

STEPS = 10_000
WARM_UP = 500
MIB = 2**20


def resident() -> float:
    """MiB of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / MIB


def main() -> None:
    """One figure for the host, one for the device."""
    torch.set_num_threads(2)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.LayerNorm(64), nn.Dropout(0.1), nn.Linear(64, 10))
    net = net.to("npu")
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("npu")
    inputs, targets = torch.randn(16, 32), torch.randint(0, 10, (16,))

    def train(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast("npu"):
                loss = nn.functional.cross_entropy(net(inputs.to("npu")), targets.to("npu"))
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    train(WARM_UP)
    gc.collect()
    host, device = resident(), torch.npu.memory_allocated()
    train(STEPS)
    gc.collect()
    grown, held = resident() - host, torch.npu.memory_allocated() - device
    figures = [
        ("leak_host_mib", round(grown, 1), "MiB", f"within 20 after {STEPS} steps"),
        ("leak_device_bytes", held, "bytes", f"0 after {STEPS} steps"),
    ]
    names = ("name", "value", "unit", "against")
    print(json.dumps([dict(zip(names, figure, strict=True)) for figure in figures]))


if __name__ == "__main__":
    main()
