"""Measures the simulated hardware alone: accounting operators, an allocation, a million records."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count, islice

# Before npusim reads it: what is measured is not the file for npu-smi.
os.environ["NPUSIM_SHARE_STATE"] = "0"

import npusim

ROUNDS = 30
MILLION = 1_000_000
SHAPES, KINDS = 25, 6
SIZES = [1024 * i for i in range(1, 400, 7)]


def microseconds(work: Callable[[], int]) -> float:
    """The least time of one of the things that `work` does and counts."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        done = work()
        best = min(best, (time.perf_counter() - start) / done)
    return round(best * 1e6, 2)


def launches(stream: npusim.Stream) -> int:
    """Launches of an operator whose cost is known already."""
    x = npusim.TensorSpec((64, 64), "float16")
    for _ in range(1000):
        stream.launch(npusim.Op("Add", "elementwise", [x, x], [x]))
    return 1000


def operators(n: int) -> list[npusim.Op]:
    """One operator of each usual kind, of shapes that no other n gives."""
    spec = npusim.TensorSpec

    def half(*shape: int) -> npusim.TensorSpec:
        return spec(shape, "float16")

    row = half(64, n)
    return [
        npusim.Op("MatMulV2", "matmul", [half(n, 1024), half(1024, 512)], [half(n, 512)]),
        npusim.Op("Conv2D", "conv2d", [half(n, 64, 28, 28), half(128, 64, 3, 3)], [half(n, 128, 28, 28)]),
        npusim.Op("Add", "elementwise", [row, row], [row]),
        npusim.Op("ReduceSum", "reduce", [row], [half(64)]),
        npusim.Op("SoftmaxV2", "softmax", [row], [row]),
        npusim.Op("Transpose", "transpose", [row], [half(n, 64)]),
    ]


def fresh_launches(stream: npusim.Stream, numbers: Iterator[int]) -> int:
    """Launches of operators of shapes that were never seen, and so are priced anew."""
    for n in islice(numbers, SHAPES):
        for op in operators(n):
            stream.launch(op)
    return SHAPES * KINDS


def allocations(memory: npusim.CachingAllocator) -> int:
    """Blocks of many sizes, allocated and freed."""
    for block in [memory.allocate(size) for size in SIZES]:
        memory.free(block)
    return len(SIZES)


def peak_mb() -> float:
    """The most memory that this process ever took; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    """Print the figures."""
    device = npusim.node().device(0)
    launch = microseconds(lambda: launches(device.default_stream))
    numbers = count(1)
    fresh = microseconds(lambda: fresh_launches(device.default_stream, numbers))
    allocation = microseconds(lambda: allocations(device.memory))
    while len(npusim.node().records) < MILLION:
        launches(device.default_stream)
    rows = [
        ("npusim_launch_us", launch, "us", "under 5"),
        ("npusim_fresh_shape_us", fresh, "us", "under 5; of shapes never seen, and the time to make them"),
        ("npusim_alloc_free_us", allocation, "us", "4.1 before figures were counted in place"),
        ("npusim_million_records_mb", round(peak_mb(), 1), "MB", "under 200, the whole process"),
    ]
    print(json.dumps([dict(zip(("name", "value", "unit", "against"), row, strict=True)) for row in rows]))


if __name__ == "__main__":
    main()
