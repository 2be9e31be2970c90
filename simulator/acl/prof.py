"""`acl.prof`: profiles of parts of a run, and operators as they are done.

Imitates pyACL's `acl.prof` of CANN 8. `finalize` writes what `msprof` writes (npusim's files).
"""

from __future__ import annotations

import os
import select
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import npusim

from acl._calls import AclError, integer, plain, status, values
from acl._handles import Handles
from acl._models import models
from acl._state import State, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARAM, INVALID_FILE, ALREADY_RUN, NOT_RUN = 100000, 100003, 100042, 100043
REPEAT_SUBSCRIBE, UNSUPPORTED = 148046, 200007
METRICS = {0: "", 1: "PipeUtilization", 2: "", 3: "", 4: "", 5: "", 6: "", 0xFF: ""}  # aclprofAicoreMetrics
AICORE_METRICS = 0x4
# what a subscriber reads for each operator: model, start, end (ns), type, name
_RECORD = struct.Struct("<I4xQQ64s176s")
_PIPE_BYTES = 4096  # a pipe that is ready takes as many without waiting


@dataclass
class Config:
    """What `start` collects.

    Attributes:
        devices: their numbers.
        metrics: for `npusim.write_msprof_output`.
        begin: the record that was next when it was started; None while it is not.
    """

    devices: list[int]
    metrics: str
    begin: int | None = None


@dataclass
class Run:
    """A profile between `init` and `finalize`."""

    folder: Path
    records: dict[int, Any] = field(default_factory=dict)
    metrics: str = ""


@dataclass
class Subscription:
    """Where a model's operators are written to."""

    fd: int


@dataclass
class Steps:
    """When steps began and ended, in nanoseconds, by stream."""

    times: list[tuple[int, int]] = field(default_factory=list)


configs: Handles[Config] = Handles("profiling configuration")
subscriptions: Handles[Subscription] = Handles("subscription")
steps: Handles[Steps] = Handles("step")


class _Profiler:
    run: Run | None = None


def _clear() -> None:
    _Profiler.run = None


State.finalisers += [configs.clear, subscriptions.clear, steps.clear, _clear]


# profiles on disk


@status
def init(profiler_result_path: str) -> None:
    """Say where profiles go: `ret`. Codes: 100003 no folder can be made, 100042 begun before."""
    if not isinstance(profiler_result_path, str):
        raise TypeError(f"the path must be a str, not {type(profiler_result_path).__name__}")
    if _Profiler.run is not None:
        raise AclError(ALREADY_RUN, "acl.prof.init was called before; call acl.prof.finalize first")
    try:
        folder = Path(profiler_result_path)
        if not profiler_result_path:
            raise AclError(INVALID_FILE, "the path is empty; give a folder")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise AclError(INVALID_FILE, f"'{profiler_result_path}' cannot be made: {error}") from None
    _Profiler.run = Run(folder)


def _running() -> Run:
    if _Profiler.run is None:
        raise AclError(NOT_RUN, "acl.prof.init was not called")
    return _Profiler.run


@plain()
def create_config(
    device_list: Sequence[int],
    aicore_metrics: int,
    aicore_events: int,  # noqa: ARG001 - the real one reserves it
    data_type_config: int,
) -> int:
    """What to collect: a handle; 0 where it cannot be.

    Args:
        device_list: numbers of devices.
        aicore_metrics: 1 for the units' work on each operator; 0 and 2 to 6, which need other counters, give
            no such columns; 0xFF none.
        aicore_events: 0.
        data_type_config: sum of 1 (calls), 2 (tasks), 4 (metrics), ...
    """
    if not isinstance(device_list, list):
        raise TypeError(f"device_list must be a list, not {type(device_list).__name__}")
    devices = [npusim.node().device(integer("device", number)).index for number in device_list]
    if integer("aicore_metrics", aicore_metrics) not in METRICS:
        raise AclError(PARAM, f"aicore_metrics is {aicore_metrics}; give 0 to 6 or 255 (none)")
    wanted = integer("data_type_config", data_type_config, least=0) & AICORE_METRICS
    return configs.add(Config(devices, METRICS[aicore_metrics] if wanted else ""))


@status
def destroy_config(profiler_config: int) -> None:
    """End a configuration: `ret`. Codes: 100000."""
    configs.remove(profiler_config)


@status
def start(profiler_config: int) -> None:
    """Collect from here on: `ret`. Codes: 100000, 100042 started before, 100043 `init` was not called."""
    _running()
    found = configs.get(profiler_config)
    if found.begin is not None:
        raise AclError(ALREADY_RUN, "this configuration was started before; stop it first")
    for other in configs.all():
        both = set(other.devices) & set(found.devices)
        if other.begin is not None and both:
            raise AclError(ALREADY_RUN, f"device {min(both)} is profiled already; stop that first")
    found.begin = len(npusim.node().records)


@status
def stop(profiler_config: int) -> None:
    """Collect no more: `ret`. Codes: 100000, 100043 not started."""
    _stop(_running(), configs.get(profiler_config))


def _stop(run: Run, found: Config) -> None:
    if found.begin is None:
        raise AclError(NOT_RUN, "this configuration was not started")
    for record in npusim.node().records[found.begin :]:
        if record.device in found.devices:
            run.records[record.index] = record
    run.metrics = run.metrics or found.metrics
    found.begin = None


@status
def finalize() -> None:
    """Write what was collected into PROF_...: `ret`. Codes: 100043 not begun, 100004 it cannot."""
    run = _running()
    _Profiler.run = None
    for config in configs.all():
        if config.begin is not None:
            _stop(run, config)
    if not run.records:
        return
    listed = [run.records[index] for index in sorted(run.records)]
    try:
        npusim.write_msprof_output(run.folder, listed, metrics=run.metrics, pid=os.getpid())
    except OSError as error:
        raise AclError(100004, f"{run.folder} cannot be written: {error.strerror}") from None


# steps


@plain()
def create_step_info() -> int:
    """Marks of steps: a handle."""
    return steps.add(Steps())


def destroy_step_info(step_info: int) -> None:
    """End marks of steps."""
    _destroy_steps(step_info)


@status
def _destroy_steps(step_info: int) -> None:
    steps.remove(step_info)


@status
def get_step_timestamp(step_info: int, tag: int, stream: int) -> None:
    """Mark where a step begins (tag 0) or ends (1) in a stream: `ret`. Codes: 100000, 107002, 107003."""
    found = steps.get(step_info)
    if integer("tag", tag) not in (0, 1):
        raise AclError(PARAM, f"tag is {tag}; give 0 (begin) or 1 (end)")
    found.times.append((tag, stream_of(stream).tail))


# operators as they are done


@plain()
def create_subscribe_config(time_info_switch: int, aicore_metrics: int, fd: int) -> int:
    """A subscription that writes to an open file or pipe: its handle; 0 where it cannot be.

    Args:
        time_info_switch: 1; without times there is nothing to tell (0 is refused).
        aicore_metrics: 0xFF or 0 to 6; none are told.
        fd: the descriptor to write to.
    """
    if not integer("time_info_switch", time_info_switch):
        raise AclError(PARAM, "time_info_switch is 0; give 1")
    if integer("aicore_metrics", aicore_metrics) not in METRICS:
        raise AclError(PARAM, f"aicore_metrics is {aicore_metrics}; give 0 to 6 or 255 (none)")
    try:
        os.fstat(integer("fd", fd))
    except (OSError, OverflowError):
        raise AclError(PARAM, f"fd {fd} is no open file") from None
    return subscriptions.add(Subscription(fd))


@status
def destroy_subscribe_config(prof_subscribe_config: int) -> None:
    """End a subscription's settings: `ret`. Codes: 100000."""
    subscriptions.remove(prof_subscribe_config)


@status
def model_subscribe(model_id: int, prof_subscribe_config: int) -> None:
    """Write a model's operators while it runs: `ret`. Codes: 100000, 145003 no model, 148046 done before."""
    found = subscriptions.get(prof_subscribe_config)
    model = models.get(integer("model_id", model_id))
    if model.watcher is not None:
        raise AclError(REPEAT_SUBSCRIBE, f"model {model_id} has a subscription; unsubscribe it first")
    model.watcher = lambda first: _tell(found.fd, model_id, first)


@status
def model_unsubscribe(model_id: int) -> None:
    """End that: `ret`. Codes: 100000 there is none, 145003 no model."""
    model = models.get(integer("model_id", model_id))
    if model.watcher is None:
        raise AclError(PARAM, f"model {model_id} has no subscription")
    model.watcher = None


model_un_subscribe = model_unsubscribe  # the real module has both names


def _tell(fd: int, model_id: int, first: int) -> None:
    """Write the records from `first` on; a reader that does not read loses them, and a line says so."""
    for record in npusim.node().records[first:]:
        if record.category != "kernel":
            continue
        name = f"{record.name}_{record.index}".encode()
        row = _RECORD.pack(model_id, record.start, record.end, record.name.encode()[:63], name[:175])
        try:
            ready = select.select([], [fd], [], 0)[1] if os.name == "posix" else [fd]
            if not ready:
                npusim.node().log.write(2, "PROFILING", f"fd {fd} is full: an operator was not told")
                return
            os.write(fd, row[:_PIPE_BYTES])
        except (OSError, ValueError) as error:
            npusim.node().log.write(3, "PROFILING", f"fd {fd} cannot be written: {error}")
            return


def _entry(op_info: int, op_info_len: int, index: int) -> tuple[int, int, int, str, str]:
    from acl._memory import space

    size = integer("op_info_len", op_info_len, least=1)
    if not 0 <= integer("index", index) < size // _RECORD.size:
        raise AclError(PARAM, f"index is {index}; there are {size // _RECORD.size} operators")
    raw = space.read(integer("op_info", op_info), size, "op_info")
    number, begin, end, kind, name = _RECORD.unpack_from(raw, index * _RECORD.size)
    texts = [text.split(b"\0")[0].decode("utf-8", "replace") for text in (kind, name)]
    return number, begin, end, texts[0], texts[1]


@values(0)
def get_op_desc_size() -> int:
    """Bytes that are written for each operator: `(size, ret)`."""
    return _RECORD.size


@values(0)
def get_op_num(op_info: int, op_info_len: int) -> int:
    """How many operators bytes hold: `(number, ret)`. Codes: 100000, 107000."""
    from acl._memory import space

    size = integer("op_info_len", op_info_len, least=1)
    if size % _RECORD.size:
        raise AclError(PARAM, f"op_info_len is {size}; it must be a multiple of {_RECORD.size}")
    space.read(integer("op_info", op_info), size, "op_info")
    return size // _RECORD.size


def _text(which: int) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """The three calls for a text: with its length, without, and the length."""
    what = "type" if which == 3 else "name"  # noqa: PLR2004 - its place in an entry

    @values("")
    def bounded(op_info: int, op_info_len: int, index: int, length: int) -> str:
        found = str(_entry(op_info, op_info_len, index)[which])
        if integer("length", length) < len(found) + 1:
            raise AclError(PARAM, f"length is {length}; the {what} needs {len(found) + 1}")
        return found

    @values(None)
    def whole(op_info: int, op_info_len: int, index: int) -> str:
        return str(_entry(op_info, op_info_len, index)[which])

    @values(0)
    def length_of(op_info: int, op_info_len: int, index: int) -> int:
        return len(str(_entry(op_info, op_info_len, index)[which])) + 1

    for call, name in ((bounded, ""), (whole, "_v2"), (length_of, "_len")):
        call.__name__ = f"get_op_{what}{name}"
        call.__doc__ = f"The {what} of an operator that was told, or its length: `(found, ret)`."
    return bounded, whole, length_of


get_op_type, get_op_type_v2, get_op_type_len = _text(3)
get_op_name, get_op_name_v2, get_op_name_len = _text(4)


@plain()
def get_op_start(op_info: int, op_info_len: int, index: int) -> int:
    """When an operator began, in nanoseconds of device time."""
    return _entry(op_info, op_info_len, index)[1]


@plain()
def get_op_end(op_info: int, op_info_len: int, index: int) -> int:
    """When an operator ended, in nanoseconds of device time."""
    return _entry(op_info, op_info_len, index)[2]


@plain()
def get_op_duration(op_info: int, op_info_len: int, index: int) -> int:
    """How long an operator took, in nanoseconds."""
    found = _entry(op_info, op_info_len, index)
    return found[2] - found[1]


@plain()
def get_model_id(op_info: int, op_info_len: int, index: int) -> int:
    """The model that an operator belongs to."""
    return _entry(op_info, op_info_len, index)[0]


# stamps of one's own (msproftx)


def _refused(name: str, *empty: Any) -> Callable[..., Any]:
    def refuse(*_arguments: Any) -> Any:
        raise AclError(
            UNSUPPORTED,
            f"acl.prof.{name}: stamps (msproftx) are not simulated; use events of acl.rt for times",
        )

    refuse.__name__ = name
    refuse.__doc__ = "Refused with 200007: stamps are not simulated."
    return values(*empty)(refuse) if empty else status(refuse)


create_stamp = plain()(_refused("create_stamp").__wrapped__)  # type: ignore[attr-defined]
destroy_stamp = plain(None)(_refused("destroy_stamp").__wrapped__)  # type: ignore[attr-defined]
push = _refused("push")
pop = _refused("pop")
mark = _refused("mark")
mark_ex = _refused("mark_ex")
range_start = _refused("range_start", 0)
range_stop = _refused("range_stop")
set_stamp_trace_message = _refused("set_stamp_trace_message")
set_config = _refused("set_config")
