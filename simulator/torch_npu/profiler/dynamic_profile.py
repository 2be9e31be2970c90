"""Profiles begun from outside while a program trains: `profiler_config.json` is read again when it changed.

Imitates torch_npu/profiler/dynamic_profile.py of Ascend/pytorch; the file is looked at in each step instead
of by a process of its own, and the program's log is standard output.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch_npu.profiler import (
    AiCMetrics,
    ProfilerActivity,
    _ExperimentalConfig,
    profile,
    schedule,
    tensorboard_trace_handler,
)
from torch_npu.profiler._messages import error, info, no_exception, warn
from torch_npu.profiler.profiler_interface import SWITCHES

__all__ = ["init", "set_state", "start", "step"]

CONFIG_NAME = "profiler_config.json"
AT_ONCE = -1
_DEFAULT: dict[str, Any] = {
    "activities": ["CPU", "NPU"],
    "prof_dir": "./",
    "analyse": False,
    "async_mode": False,
    "record_shapes": False,
    "profile_memory": False,
    "with_flops": False,
    "with_modules": False,
    "with_stack": False,
    "active": 1,
    "warmup": 0,
    "start_step": 0,
    "is_rank": False,
    "rank_list": [],
    "experimental_config": {
        "profiler_level": "Level0",
        "aic_metrics": "AiCoreNone",
        "l2_cache": False,
        "op_attr": False,
        "gc_detect_threshold": None,
        "data_simplification": True,
        "record_op_args": False,
        "export_type": ["text"],
        "mstx": False,
        "mstx_domain_include": [],
        "mstx_domain_exclude": [],
        "host_sys": [],
        "sys_io": False,
        "sys_interconnection": False,
    },
}


class _State:
    """The program's one dynamic profiler."""

    file: Path | None = None
    changed = 0
    step = 0
    waiting: dict[str, Any] | None = None
    profile: profile | None = None
    left = 0


@no_exception()
def init(path: str) -> None:
    """Begins to look at `profiler_config.json` in a folder; a missing one is made with the defaults.

    Args:
        path: the folder.

    Raises:
        OSError: it cannot be made or written; reported as a message.
    """
    if _State.file is not None:
        warn("Init dynamic profiling repeatedly")
        return
    folder = Path(path).expanduser().absolute()
    if folder.is_file():
        error(f"The path '{path}' is invalid, and profiler will not be enabled.")
        return
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / CONFIG_NAME
    if not file.exists():
        file.write_text(json.dumps(_DEFAULT, indent=4), encoding="utf-8")
    _State.file, _State.changed = file, file.stat().st_mtime_ns


@no_exception()
def set_state(state_step: dict[str, int]) -> None:
    """Sets the number of the current step, as `{"cur_step": n}`: for a training that was resumed."""
    step_now = state_step.get("cur_step", 0) if isinstance(state_step, dict) else None
    if not isinstance(step_now, int) or step_now < 0:
        error("Dynamic profiler cur_step must be a non-negative integer.")
        return
    _State.step = step_now


@no_exception()
def step() -> None:
    """Ends a step of the training loop: looks at the file, and begins or ends a profile that is due."""
    _State.step += 1
    _look()
    if _State.profile is not None:
        _State.profile.step()
        _State.left -= 1
        if _State.left == 0:
            _State.profile.stop()
            _State.profile = None
            info(f"Stop Dynamic Profiler at {_State.step} step.")
        return
    config = _State.waiting
    if config is None:
        return
    due = config["start_step"]
    if due in {AT_ONCE, _State.step}:
        _State.waiting = None
        _begin(config)
    elif _State.step > due:
        warn(f"Dynamic Profiler config is not effective. The start_step={due}, current_step={_State.step}")
        _State.waiting = None


@no_exception()
def start(config_path: str | None = None) -> None:
    """Begins a profile at once.

    Args:
        config_path: a file like `profiler_config.json`; by default the one of `init`.
    """
    if _State.profile is not None:
        error("Profiler already started. Cannot call start interface while the profiler is active.")
        return
    file = Path(config_path) if config_path else _State.file
    if file is None or not file.is_file():
        error(f"The provided config_path is invalid: {config_path}. Please check the config file.")
        return
    _begin(_read(file))


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return _DEFAULT | found


def _look() -> None:
    file = _State.file
    if file is None or not file.is_file() or file.stat().st_mtime_ns == _State.changed:
        return
    _State.changed = file.stat().st_mtime_ns
    config = _read(file)
    if config["start_step"]:
        _State.waiting = config


def _begin(config: dict[str, Any]) -> None:
    if config["is_rank"] and int(os.environ.get("RANK", "0")) not in config["rank_list"]:
        return
    expert = dict(config["experimental_config"])
    metrics = expert.get("aic_metrics")
    expert["aic_metrics"] = getattr(AiCMetrics, str(metrics), metrics)
    analysed = config["analyse"] and not config["is_rank"]
    _State.profile = profile(
        activities=[ProfilerActivity[name] for name in config["activities"]],
        schedule=schedule(wait=0, warmup=config["warmup"], active=config["active"], repeat=1),
        on_trace_ready=tensorboard_trace_handler(config["prof_dir"], analyse_flag=analysed),
        experimental_config=_ExperimentalConfig(**expert),
        **{name: config[name] for name in SWITCHES},
    )
    _State.profile._offset = _State.step
    _State.left = config["active"] + config["warmup"]
    _State.profile.start()
    for key, value in config.get("metadata", {}).items():
        _State.profile.add_metadata_json(str(key), json.dumps(value))
    info(f"Start Dynamic Profiler at {_State.step} step.")
