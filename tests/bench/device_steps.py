"""Times training steps on the simulated NPU and on the CPU, alternating; prints figures as JSON."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import torch
import torch_npu  # noqa: F401 - makes the device "npu"
from torch import nn

THREADS = 2
REPEATS = 30
OPS = 2000


def perceptron(device: str) -> Callable[[], None]:
    """One training step of a perceptron of three layers at batch 64."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    return _step(net.to(device), torch.rand(64, 784), torch.randint(10, (64,)), device)


def resnet18(device: str) -> Callable[[], None]:
    """One training step of ResNet-18 at batch 16 on 64 x 64 images."""
    torch.manual_seed(0)
    stages = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
    blocks = [b for i, o, s in stages for b in (_Block(i, o, s), _Block(o, o, 1))]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    net = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
    return _step(net.to(device), torch.rand(16, 3, 64, 64), torch.randint(1000, (16,)), device)


class _Block(nn.Module):
    """The residual block of ResNet-18."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        same = channels == out and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the body's result to what came in."""
        return torch.relu(self.body(x) + self.skip(x))


def _step(net: nn.Module, x: torch.Tensor, y: torch.Tensor, device: str) -> Callable[[], None]:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    x, y = x.to(device), y.to(device)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


def ratio(make: Callable[[str], Callable[[], None]], repeats: int) -> float:
    """The median time of a step on the NPU over that on the CPU, both measured in turn."""
    steps = {device: make(device) for device in ("cpu", "npu:0")}
    times: dict[str, list[float]] = {device: [] for device in steps}
    for number in range(repeats + 3):
        for device, step in steps.items():
            start = time.perf_counter()
            step()
            if number >= 3:
                times[device].append(time.perf_counter() - start)
    return statistics.median(times["npu:0"]) / statistics.median(times["cpu"])


def overhead_us() -> float:
    """What one small addition costs on the NPU beyond the same on the CPU."""
    spent = {}
    for device in ("cpu", "npu:0"):
        a = torch.ones(8, device=device)
        runs = []
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(OPS):
                torch.add(a, a)
            runs.append((time.perf_counter() - start) / OPS)
        spent[device] = statistics.median(runs)
    return (spent["npu:0"] - spent["cpu"]) * 1e6


def main() -> None:
    """Print the figures."""
    torch.set_num_threads(THREADS)
    mlp, net, op = ratio(perceptron, 3 * REPEATS), ratio(resnet18, REPEATS), overhead_us()
    rows = [
        ("resnet18_step_vs_cpu", round(net, 2), "times", "at most 1.10"),
        ("mlp_step_vs_cpu", round(mlp, 2), "times", "at most 1.6"),
        ("op_overhead_us", round(op, 1), "us", "under 15"),
    ]
    print(json.dumps([dict(zip(("name", "value", "unit", "against"), row, strict=True)) for row in rows]))


if __name__ == "__main__":
    main()
