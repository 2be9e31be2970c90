"""One recording of a profile: begins, ends, and becomes files (profiler_interface.py of Ascend/pytorch)."""

from __future__ import annotations

import json
import os
import uuid
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim import runtime
from torch_npu.profiler import _folder, _output
from torch_npu.profiler._capture import Capture, Wanted
from torch_npu.profiler._messages import info, no_exception, warn
from torch_npu.profiler.experimental_config import AiCMetrics, ProfilerLevel, _ExperimentalConfig
from torch_npu.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["supported_activities"]

SWITCHES = ("record_shapes", "profile_memory", "with_stack", "with_flops", "with_modules")
_MAX_TRACE_ID = 1024
_ENVIRONMENT = (
    "ASCEND_GLOBAL_LOG_LEVEL",
    "HCCL_RDMA_TC",
    "HCCL_RDMA_SL",
    "ACLNN_CACHE_LIMIT",
    "HOST_CACHE_CAPACITY",
    "ASCEND_ENHANCE_ENABLE",
    "PYTORCH_NPU_ALLOC_CONF",
    "ASCEND_LAUNCH_BLOCKING",
    "HCCL_ALGO",
)


class ProfilerActivity(Enum):
    """Whose activities are recorded."""

    CPU = 0
    NPU = 1


def supported_activities() -> set[ProfilerActivity]:
    """The host and the device."""
    return {ProfilerActivity.CPU, ProfilerActivity.NPU}


class _ProfInterface:
    """Settings of a profile and its recordings, one after the other."""

    def __init__(
        self,
        activities: Iterable[Any] | None = None,
        schedule: Any = None,
        metadata: dict[str, Any] | None = None,
        experimental_config: Any = None,
        custom_trace_id_callback: Any = None,
        **switches: Any,
    ) -> None:
        self.activities = set(activities) if activities else supported_activities()
        self.schedule = schedule
        self.metadata = {} if metadata is None else metadata
        self.experimental_config = experimental_config or _ExperimentalConfig()
        self.custom_trace_id_callback = custom_trace_id_callback
        self.switches = {name: switches.get(name, False) for name in SWITCHES}
        self.trace_id = ""
        self.prof_path = ""
        # without a handler nothing is written until an export asks for it, or ASCEND_WORK_PATH says where
        self.keep_folder = True
        self.capture: Capture | None = None
        self._check()

    def _check(self) -> None:
        if not self.activities <= supported_activities():
            warn("Invalid activities, only CPU and NPU are supported, reset it to default.")
            self.activities = supported_activities()
        for name, value in self.switches.items():
            if not isinstance(value, bool):
                warn(f"Parameter {name} is of boolean type, reset it to False.")
                self.switches[name] = False
        if not isinstance(self.experimental_config, _ExperimentalConfig):
            warn("Parameter experimental_config is an instance of _ExperimentalConfig, reset it to default.")
            self.experimental_config = _ExperimentalConfig()

    def init_trace(self) -> None:
        """Makes the folder and the trace's identity.

        Raises:
            RuntimeError: the folder cannot be made.
        """
        kept = self.keep_folder or os.environ.get("ASCEND_WORK_PATH")
        self.prof_path = str(_folder.new_folder(chosen=self.keep_folder)) if kept else ""
        self.trace_id = self._new_trace_id()

    def warmup_trace(self) -> None:
        """The profiler runs without keeping anything; nothing is to do."""

    def start_trace(self) -> None:
        """Begins to record."""
        config = self.experimental_config
        runtime.initialize()
        host = ProfilerActivity.CPU in self.activities
        self.capture = Capture(
            Wanted(
                **self.switches,
                calls=host and (self.switches["with_stack"] or self.switches["with_modules"]),
                ranges=config.tx_enabled,
                domain=config.wants_domain,
                gc_threshold=config._gc_detect_threshold if host else None,
            )
        )
        self.capture.start()

    def stop_trace(self) -> None:
        """Ends the recording once the device is done."""
        if self.capture is not None and self.capture.running:
            self.capture.stop()

    def finalize_trace(self) -> None:
        """Writes the raw data, the settings and the metadata."""
        if self.capture is None or not self.prof_path:
            return
        folder = Path(self.prof_path)
        _folder.save_raw(folder, self.capture)
        rank = _rank()
        name = "profiler_info.json" if rank is None else f"profiler_info_{rank}.json"
        _dump(folder / name, self._info(rank))
        environment = {variable: os.environ.get(variable, "") for variable in _ENVIRONMENT}
        metadata = self.metadata | {"ENV_VARIABLES": environment, "trace_id": self.trace_id}
        _dump(folder / "profiler_metadata.json", metadata)
        self.metadata.clear()

    def _info(self, rank: int | None) -> dict[str, Any]:
        """profiler_info.json: the settings, and when the recording began and ended."""
        from torch_npu.npu.utils import get_cann_version

        capture = self.capture
        config = {
            "common_config": {
                "activities": sorted(str(a) for a in self.activities),
                "schedule": getattr(self.schedule, "__dict__", {}),
                **self.switches,
            },
            "experimental_config": vars(self.experimental_config),
        }
        found = {
            "config": config,
            "start_info": {
                "syscnt_enable": False,
                "freq": 100,
                "start_cnt": 0,
                "start_monotonic": capture.began if capture else 0,
            },
            "end_info": {
                "FWKProfilerEndTime": capture.ended if capture else 0,
                "FWKProfilerEndMonotonic": capture.ended if capture else 0,
            },
            "torch_npu_version": __version__,
            "cann_version": get_cann_version(),
        }
        return found if rank is None else found | {"rank_id": rank}

    def delete_prof_dir(self) -> None:
        """Removes the folder of a recording that holds nothing."""
        folder = Path(self.prof_path)
        if self.prof_path and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def analyse(self, **_kwargs: Any) -> None:
        """Writes the result files of the recording that ended last."""
        if self.prof_path:
            analyse_folder(Path(self.prof_path))

    def _new_trace_id(self) -> str:
        """The trace's identity: the program's own where it gives one."""
        callback: Any = self.custom_trace_id_callback
        if callback is None:
            return f"{uuid.uuid4().int:032X}"
        if not callable(callback):
            warn("Parameter custom_trace_id_callback is not callable, reset it to default.")
            return f"{uuid.uuid4().int:032X}"
        try:
            found = callback()
        except Exception as failure:  # noqa: BLE001 - the program's own function
            warn(f"Parameter custom_trace_id_callback raised an exception: {failure}, reset it to default.")
            return f"{uuid.uuid4().int:032X}"
        if isinstance(found, str) and len(found) <= _MAX_TRACE_ID:
            return found
        warn(
            f"Parameter custom_trace_id_callback should return str(max length: {_MAX_TRACE_ID}), "
            "reset it to default."
        )
        return f"{uuid.uuid4().int:032X}"


@no_exception()
def analyse_folder(folder: Path) -> None:
    """Writes ASCEND_PROFILER_OUTPUT of one profile from its raw data and settings."""
    info(f"Start parsing profiling data in sync mode at: {folder}")
    settings = _settings(folder)
    common = settings.get("common_config", {})
    activities = common.get("activities", [])
    expert = settings.get("experimental_config", {})
    level = expert.get("_profiler_level", ProfilerLevel.Level0)
    measured = level in {ProfilerLevel.Level1, ProfilerLevel.Level2}
    asked = expert.get("_aic_metrics", AiCMetrics.AiCoreNone) if measured else AiCMetrics.AiCoreNone
    if asked not in {AiCMetrics.AiCoreNone, AiCMetrics.PipeUtilization}:
        warn("Of aic_metrics only PipeUtilization is simulated: the columns of the others are left out.")
    if "ProfilerActivity.NPU" not in activities:
        level = ProfilerLevel.Level_none
    rank = _rank()
    _output.write_output(
        folder,
        _folder.load_raw(folder),
        memory=bool(common.get("profile_memory")),
        host="ProfilerActivity.CPU" in activities,
        level=level,
        metrics="PipeUtilization" if asked == AiCMetrics.PipeUtilization else "",
        rank=-1 if rank is None else rank,
    )
    info(f"All profiling data parsed at: {folder}")


def _settings(folder: Path) -> dict[str, Any]:
    for file in sorted(folder.glob("profiler_info*.json")):
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["config"]
        return found
    raise RuntimeError(f"No profiling data that can be read in {folder}: profiler_info.json is missing.")


def _rank() -> int | None:
    if "RANK" in os.environ:
        return int(os.environ["RANK"])
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank()
    return None


def _dump(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=4, default=str), encoding="utf-8")
