"""Helpers of tests (torch_npu/testing/common_utils.py of Ascend/pytorch)."""
# ruff: noqa: N803 - the arguments of the real one

from __future__ import annotations

import atexit
import copy
import functools
import itertools
import json
import os
import threading
import unittest
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import torch_npu
from torch_npu.npu.utils import get_cann_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PERF_TEST_ENABLE = os.getenv("PERF_TEST_ENABLE", "").upper() in {"ON", "1", "YES", "TRUE", "Y"}
PERF_BASELINE_FILE = os.getenv("PERF_BASELINE_FILE") or str(Path.cwd() / "performance_baseline.json")
_SLEEP_CYCLES = 1_000_000
_draw = (
    np.random
)  # numpy's global numbers: a test that seeds them gets the tensors that the real helpers give


@contextmanager
def freeze_rng_state() -> Iterator[None]:
    """Leaves the host's random numbers as they were."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


def iter_indices(tensor: torch.Tensor) -> Iterable[Any]:
    """Every index of a tensor; numbers for one dimension, else tuples."""
    if tensor.dim() <= 1:
        return range(tensor.numel() if tensor.dim() else 0)
    return itertools.product(*map(range, tensor.shape))


def is_iterable(obj: object) -> bool:
    """Whether it can be iterated over."""
    try:
        iter(obj)  # type: ignore[call-overload]  # that is the question
    except TypeError:
        return False
    return True


def get_npu_device() -> str:
    """The device of the tests: npu:0, or what SET_NPU_DEVICE says."""
    return f"npu:{os.environ.get('SET_NPU_DEVICE', '0')}"


def set_npu_device() -> str:
    """Makes the device of the tests the current one, and returns it."""
    device = get_npu_device()
    torch.npu.set_device(device)  # type: ignore[attr-defined]  # ours
    return device


def _both(
    value: np.ndarray[Any, Any], npu_format: int, device: str | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same numbers on the CPU and on the NPU."""
    host = torch.from_numpy(value)
    moved = host.to(device or get_npu_device())
    return host, moved if npu_format == -1 else torch_npu.npu_format_cast(moved, npu_format)


def create_common_tensor(
    item: Any,
    minValue: float,
    maxValue: float,
    device: str | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random numbers on both devices.

    Args:
        item: numpy dtype, format (-1: as it is) and shape.
        minValue: the smallest.
        maxValue: the largest.
        device: an NPU; that of the tests by default.

    Returns:
        The CPU's tensor and the NPU's.
    """
    dtype, npu_format, shape = item[0], item[1], item[2]
    numbers = _draw.uniform(minValue, maxValue, shape).astype(dtype)
    return _both(np.asarray(numbers), npu_format, device)


def create_dtype_tensor(
    shape: Any,
    dtype: torch.dtype,
    npu_format: int = -1,
    min_value: float = -5,
    max_value: float = 5,
    no_zero: bool = False,
    device: str | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random numbers of a type on both devices; integers are int32, as in the real one."""
    if dtype is torch.bool:
        numbers = _draw.randint(0, 2, size=shape).astype(bool)
    elif dtype in {torch.half, torch.float}:
        kind = np.float16 if dtype is torch.half else np.float32
        numbers = _draw.uniform(min_value, max_value, shape).astype(kind)
    else:
        numbers = _draw.randint(int(min_value), int(max_value) + 1, size=shape).astype(np.int32)
    if no_zero:
        numbers = np.where(numbers != 0, numbers, np.ones_like(numbers))
    return _both(np.asarray(numbers), npu_format if dtype in {torch.half, torch.float} else -1, device)


def test_2args_broadcast(fn: Callable[..., torch.Tensor]) -> list[list[Any]]:
    """A function of two tensors on both devices, for two ways of broadcasting; numpy arrays, CPU first."""
    found = []
    for shape in ((1, 1, 1), (4, 5)):
        x, y = (_draw.rand(*s).astype(np.float32) for s in ((2, 3, 4, 5), shape))
        (cpu_x, npu_x), (cpu_y, npu_y) = _both(x, -1, None), _both(y, -1, None)
        found.append([fn(cpu_x, cpu_y).numpy(), fn(npu_x, npu_y).cpu().numpy()])
    return found


test_2args_broadcast.__test__ = False  # type: ignore[attr-defined]  # a helper, whatever its name


def check_operators_in_prof(
    expected_operators: list[str], prof: Any, unexpected_operators: list[str] | None = None
) -> bool | None:
    """Whether a profile has all expected operators, which are taken off the list, and no unexpected one."""
    averages = prof.key_averages()
    if not averages:
        print("torch profiling is empty, please check it")  # noqa: T201 - as the real one
        return None
    for item in averages:
        name = item.key.replace("cached_", "")
        if name in (unexpected_operators or []):
            return False
        if name in expected_operators:
            expected_operators.remove(name)
    return not expected_operators


def _skipping(unless: Callable[[], str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that skips a test where a function gives a reason."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            reason = unless()
            if reason:
                raise unittest.SkipTest(reason)
            return fn(*args, **kwargs)

        return wrapper

    return decorate


class SkipIfNoLapack:
    """Skips a test where PyTorch has no Lapack."""

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The test that skips itself."""
        return _skipping(lambda: "" if torch._C.has_lapack else "PyTorch compiled without Lapack")(fn)


class SkipIfNotRegistered:
    """Skips tests of Caffe2, which is gone."""

    def __call__(self, message: str) -> Callable[..., Any]:
        """The decorator."""
        return unittest.skip("Cannot import `caffe2.python.core`")


class SupportedDevices:
    """Skips a test on other chips.

    Args:
        supported_devices: the first ten letters of chips' names, for example "Ascend910B".
    """

    def __init__(self, supported_devices: list[str]) -> None:
        self.supported_devices = supported_devices

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The test that skips itself."""

        def reason() -> str:
            name = torch_npu.npu.get_device_name(0)
            short = name[:12] if name.startswith("Ascend910_") else name[:10]
            if short in self.supported_devices:
                return ""
            return f"Only run on {self.supported_devices!r}, current device is {short}."

        return _skipping(reason)(fn)


def _version(text: str) -> tuple[int, ...]:
    """The numbers of a version, a release candidate before its release."""
    main, _, candidate = text.upper().partition("RC")
    numbers = [int(n) for n in main.strip(".").split(".") if n.isdigit()]
    return (*numbers, *[0] * (3 - len(numbers)), int(candidate) - 100 if candidate.isdigit() else 0)


class SkipIfNotGteCANNVersion:
    """Skips a test on an older CANN.

    Args:
        base_version: the oldest that will do.
        module: whose version counts.
    """

    def __init__(self, base_version: str, module: str = "CANN") -> None:
        self.base_version = base_version
        self.module = module

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The test that skips itself."""

        def reason() -> str:
            current = get_cann_version(self.module)
            if _version(current) >= _version(self.base_version):
                return ""
            return f"Only run on {self.base_version} or greater, current cann version is {current}."

        return _skipping(reason)(fn)


class Baseline:
    """Figures of earlier runs, in a JSON file.

    Args:
        baselineFile: the file; it need not exist.
    """

    def __init__(self, baselineFile: str) -> None:
        self._file = Path(baselineFile)
        self._lock = threading.Lock()
        self._figures: dict[str, Any] = {}
        if self._file.exists():
            self._figures = json.loads(self._file.read_text(encoding="utf-8"))

    def get_baseline(self, resourceId: str) -> Any:
        """An earlier figure, or None."""
        return self._figures.get(resourceId)

    def set_baseline(self, resourceId: str, baseline: Any) -> None:
        """Remembers a figure."""
        with self._lock:
            self._figures[resourceId] = baseline

    def save_baseline(self) -> None:
        """Writes the file."""
        with self._lock:
            self._file.write_text(json.dumps(self._figures), encoding="utf-8")


PerfBaseline = Baseline(PERF_BASELINE_FILE)


@atexit.register
def dump_baseline() -> None:
    """Writes the figures of this run, where PERF_TEST_ENABLE is set."""
    if PERF_TEST_ENABLE:
        PerfBaseline.save_baseline()


def _create_scaling_models_optimizers(
    device: str = "npu", optimizer_ctor: Any = torch.optim.SGD, optimizer_kwargs: Any = None
) -> tuple[Any, ...]:
    """Two equal models of two layers, with an optimizer each: for training with a loss scale and without."""
    control = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)).to(device)
    scaling = copy.deepcopy(control)
    options = {"lr": 1.0} | (optimizer_kwargs or {})
    optimizers = [optimizer_ctor(model.parameters(), **options) for model in (control, scaling)]
    return control, scaling, *optimizers


def _create_scaling_case(
    device: str = "npu",
    dtype: torch.dtype = torch.float,
    optimizer_ctor: Any = torch.optim.SGD,
    optimizer_kwargs: Any = None,
) -> tuple[Any, ...]:
    """The two models and optimizers, four pairs of inputs and targets, a loss, and the step to spoil."""
    made = _create_scaling_models_optimizers(device, optimizer_ctor, optimizer_kwargs)
    pairs = [tuple(torch.randn(8, 8, dtype=dtype, device=device) for _ in range(2)) for _ in range(4)]
    return *made, pairs, torch.nn.MSELoss().to(device), 2


@functools.lru_cache
def get_cycles_per_ms() -> float:
    """Cycles of a core in a millisecond: the chip's clock."""
    from torch_npu._sim import runtime

    chip = runtime.sim_device(runtime.current_device()).chip
    return float(chip.clock_mhz) * 1000
