"""`torch.npu.backends`: the cache of plans that the device keeps for Fourier transforms."""

from __future__ import annotations

from typing import Any

from torch_npu._sim import fft_plans
from torch_npu.npu._backends import *  # noqa: F403 - the real module has them under both names


class NPUFFTPlanCache:
    """The cache: `size` plans of at most `max_size`, and `clear()`."""

    def __getattr__(self, name: str) -> int:
        if name == "size":
            return len(fft_plans.plans)
        if name == "max_size":
            return fft_plans.Limit.most
        raise AttributeError("Unknown attribute " + name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "size":
            raise RuntimeError(
                ".size is a read-only property showing the number of plans currently in the cache."
            )
        if name != "max_size":
            raise AttributeError("Unknown attribute " + name)
        fft_plans.limit(value)

    def clear(self) -> None:
        """Forgets all plans."""
        fft_plans.plans.clear()


fft_plan_cache = NPUFFTPlanCache()
