"""NVIDIA's A100 in the terms of the cost model: an SM for a core, its tensor cores for the Cube.

What the model needs and NVIDIA does not print (how much of a peak is reached, how well units overlap, a
task's overhead) is taken as fitted on Ascend chips, since nothing better can be had without a GPU.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from npusim import CONSTANTS, Chip, Constant, Cost, cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from npusim import Op

NAME = "NVIDIA A100-SXM4-40GB"
_PAPER = "NVIDIA A100 Tensor Core GPU Architecture, whitepaper v1.0"
_SHEET = "NVIDIA A100 40GB datasheet; the same in glennklockwood.com/garden/processors/A100"
_DISPATCH = (
    "jiahuanglin.xyz, lesson 18, from PyTorch op to kernel launch: 5 to 25 us of host work an operator"
)
_ROWS = (
    ("sms", 108, "1", "published", _PAPER, "streaming multiprocessors"),
    ("clock_mhz", 1410, "MHz", "published", _PAPER, "boost clock"),
    ("half_fma", 1024, "1/cycle", "published", _PAPER, "float16 multiply-adds a cycle and SM, tensor cores"),
    ("float_fma", 64, "1/cycle", "published", _PAPER, "float32 multiply-adds a cycle and SM, TF32 off"),
    ("l2_bytes", 40 << 20, "B", "published", _PAPER, "level 2 cache"),
    ("l2_rate", 47, "B/cycle", "derived", _PAPER, "5120 bytes a cycle of the whole cache by 108 SMs"),
    ("memory_bandwidth", 1555.0, "GB/s", "published", _SHEET, "HBM2"),
    ("memory_bytes", 40 << 30, "B", "published", _SHEET, "HBM2"),
    ("host_launch_ns", 10_000, "ns", "derived", _DISPATCH, "within that range, for short operators in C++"),
)
FIGURES: dict[str, Constant] = {row[0]: Constant(*row) for row in _ROWS}


def figure(name: str) -> int:
    """One of the figures as a whole number."""
    return int(FIGURES[name].value)


def _chip(cube: tuple[int, int, int]) -> Chip:
    """The A100 with a Cube of that size in each SM."""
    row: dict[str, Any] = dict.fromkeys(Chip._fields) | {
        "soc": NAME,
        "architecture": "Ampere",
        "family": NAME,
        "ai_cores": figure("sms"),
        "clock_mhz": figure("clock_mhz"),
        "cube_fp16": cube,
        "cube_int8": cube,
        "vector_lanes": 2 * figure("float_fma"),
        "l0c_bytes": 256 << 10,  # the registers of an SM
        "l2_bytes": figure("l2_bytes"),
        "memory_bytes": figure("memory_bytes"),
        "l2_rate": figure("l2_rate"),
        "ub_to_l2_rate": figure("l2_rate"),
    }
    return Chip(**row)


TENSOR_CORES = _chip((8, 16, 8))  # 1024 multiply-adds
CUDA_CORES = _chip((4, 16, 4))  # the model takes a quarter of them in float32: 64


@contextmanager
def known() -> Iterator[None]:
    """The A100's memory is known to the cost model in here, and not after."""
    name = f"memory_bandwidth.{NAME}"
    CONSTANTS[name] = FIGURES["memory_bandwidth"]._replace(name=name)
    try:
        yield
    finally:
        del CONSTANTS[name]


def kernel_cost(op: Op) -> Cost:
    """What an operator costs there; call it within `known()`."""
    half = any(spec.dtype in {"float16", "bfloat16"} for spec in op.inputs)
    return cost(TENSOR_CORES if half else CUDA_CORES, op)
