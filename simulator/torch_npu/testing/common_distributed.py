"""Tests with several ranks (torch_npu/testing/common_distributed.py of Ascend/pytorch)."""

from __future__ import annotations

import functools
import unittest
from typing import TYPE_CHECKING, Any, NamedTuple

import torch.distributed as dist

from torch_npu import npu

if TYPE_CHECKING:
    from collections.abc import Callable

_MULTI = 75


class TestSkip(NamedTuple):
    """Why a test's process ended without testing."""

    exit_code: int
    message: str


TestSkip.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name
TEST_SKIPS = {
    "multi-npu": TestSkip(_MULTI, "Multi-NPU condition not satisfied"),
    **{f"multi-npu-{n}": TestSkip(_MULTI, f"Need at least {n} ASCEND devices") for n in range(1, 9)},
    "hccl": TestSkip(76, "c10d not compiled with HCCL support"),
    "known_issues": TestSkip(77, "Test skipped due to known issues"),
}


def skipIfUnsupportMultiNPU(npu_number_needed: int) -> Callable[..., Any]:  # noqa: N802 - the real name
    """Skips a test where there are fewer NPUs."""

    def decorate(func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            if npu.device_count() < npu_number_needed:
                raise unittest.SkipTest(f"Multi-NPU {npu_number_needed} condition not satisfied")
            return func(self, *args, **kwargs)

        return wrapper

    return decorate


def init_pg(backend: str = "hccl", world_size: int = 1, rank: int = 0, file_name: str = "file://") -> None:
    """Joins the default group through a file, with the NPU of the rank's number.

    Raises:
        RuntimeError: another backend than hccl and gloo, or more ranks than NPUs.
    """
    if backend == "hccl" and npu.device_count() < world_size:
        raise RuntimeError(TEST_SKIPS[f"multi-npu-{world_size}"].message)
    if backend not in {"hccl", "gloo"}:
        raise RuntimeError(f"Backend {backend} not supported!")
    dist.init_process_group(
        backend=backend, world_size=world_size, rank=rank, init_method=f"file://{file_name}"
    )
    if backend == "hccl":
        npu.set_device(rank)


def with_comms(func: Callable[..., Any] | None) -> Callable[..., Any]:
    """A test of a class with world_size, rank, file_name and destroy_pg, run within a group.

    Raises:
        RuntimeError: there is no test.
    """
    if func is None:
        raise RuntimeError("Test function is None.")

    @functools.wraps(func)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        backend = "hccl" if npu.device_count() >= self.world_size else "gloo"
        init_pg(backend, self.world_size, self.rank, self.file_name)
        npu.manual_seed(0)
        func(self, *args, **kwargs)
        self.destroy_pg()

    return wrapper
