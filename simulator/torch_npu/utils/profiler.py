"""A profiler that records one step of a training loop and then ends the program."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from torch_npu.profiler import ProfilerLevel, _ExperimentalConfig, profile, tensorboard_trace_handler
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Profile", "Singleton"]

_ACCEPTED = {
    "TORCH": {
        "enabled",
        "record_shapes",
        "with_flops",
        "profile_memory",
        "with_stack",
        "use_kineto",
        "use_cpu",
    },
    "ASCEND_PROFILER": {"activities", "schedule", "record_shapes", "profile_memory", "with_stack"},
}


def Singleton(cls: type) -> Callable[..., Any]:  # noqa: N802 - the real name
    """Class decorator: every call gives the object of the first one."""
    objects: dict[type, Any] = {}

    def single(*args: Any, **kwargs: Any) -> Any:
        if cls not in objects:
            objects[cls] = cls(*args, **kwargs)
        return objects[cls]

    return single


@Singleton
class Profile:
    """Records step `start_step` of a loop that calls `start` and `end` around each step.

    After that step it writes what it recorded and ends the program.

    Args:
        start_step: which step, the first is 1.
        save_path: the folder for what is written.
        profile_type: "TORCH", "ASCEND_PROFILER", or None: nothing is recorded.
        use_npu: accepted.
        record_shape: whether shapes are written.
        experimental_config: for "ASCEND_PROFILER"; None is Level2.
        **kwargs: more for the profiler.

    Raises:
        ValueError: the profiler does not take one of these, or the folder cannot be made.
    """

    def __init__(
        self,
        start_step: int = 10,
        save_path: str = "./npu_profiling",
        profile_type: str | None = None,
        use_npu: bool = True,
        record_shape: bool = True,
        experimental_config: _ExperimentalConfig | None = None,
        **kwargs: Any,
    ) -> None:
        self.start_step = start_step
        self.save_path = Path(save_path)
        self.profile_type = profile_type
        self.step_count = 0
        self.count = 0
        self.prof: Any = None
        if profile_type not in _ACCEPTED:
            return
        accepted = _ACCEPTED[profile_type]
        if not kwargs.keys() <= accepted:
            raise ValueError(
                f"Args '{list(kwargs)}' invalid, expect args '{sorted(accepted)}'." + pta_error(ErrCode.VALUE)
            )
        try:
            self.save_path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"the path of '{save_path}' is invalid." + pta_error(ErrCode.VALUE)) from error
        if profile_type == "TORCH":
            self.prof = torch.autograd.profiler.profile(**kwargs)
            return
        config = experimental_config or _ExperimentalConfig(profiler_level=ProfilerLevel.Level2)
        kwargs.setdefault("record_shapes", record_shape)
        handler = tensorboard_trace_handler(save_path)
        self.prof = profile(on_trace_ready=handler, experimental_config=config, **kwargs)

    def start(self) -> None:
        """A step begins.

        Raises:
            RuntimeError: the last one did not end.
        """
        if self.count:
            raise RuntimeError("start interface can only be called once" + pta_error(ErrCode.INTERNAL))
        self.count += 1
        if self.prof is not None:
            self.step_count += 1
            if self.step_count == self.start_step:
                self.prof.__enter__()

    def end(self) -> None:
        """A step ends; after the recorded one, the program does.

        Raises:
            RuntimeError: none began.
            SystemExit: it was the recorded one.
        """
        if not self.count:
            raise RuntimeError("start interface must be called after end" + pta_error(ErrCode.INTERNAL))
        self.count = 0
        if self.prof is None or self.step_count != self.start_step:
            return
        self.prof.__exit__(None, None, None)
        if self.profile_type == "TORCH":
            name = f"torch_prof_{time.strftime('%Y%m%d%H%M%S')}.json"
            self.prof.export_chrome_trace(str(self.save_path / name))
        sys.exit()
