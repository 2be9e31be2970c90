"""`torch_npu.profiler.profile`: what a program does on the NPU, step by step (profiler.py of Ascend/pytorch).

Errors are reported in one message and never end the training, as by the real profiler.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Self

from torch_npu._sim import runtime
from torch_npu.profiler import _folder, _output, scheduler
from torch_npu.profiler._messages import info, no_exception, warn
from torch_npu.profiler.experimental_config import supported_export_type
from torch_npu.profiler.profiler_interface import _ProfInterface, analyse_folder, supported_activities
from torch_npu.profiler.scheduler import ProfilerAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch_npu.profiler._capture import Capture

__all__ = ["analyse", "profile", "supported_activities", "tensorboard_trace_handler"]

_MAX_METADATA = 50 * 1024
_MAX_TEXT = 4096
_METRICS = ("self_cpu_time_total", "self_npu_time_total")
running: list[Capture] = []


class _KinetoProfile:
    """A recording that the program begins and ends itself, with `start` and `stop`.

    Args:
        activities: `ProfilerActivity.CPU`, `.NPU` or both, which is the default.
        record_shapes: shapes and types of operators' inputs.
        profile_memory: memory that tensors take and give back.
        with_stack: call stacks.
        with_flops: accepted; the real profiler does not show it either.
        with_modules: a bar for every `nn.Module`.
        experimental_config: an `_ExperimentalConfig`.
        custom_trace_id_callback: gives each trace its identity.
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
    ) -> None:
        self.metadata: dict[str, Any] = {}
        self.prof_if = _ProfInterface(
            activities=activities,
            record_shapes=record_shapes,
            profile_memory=profile_memory,
            with_stack=with_stack,
            with_flops=with_flops,
            with_modules=with_modules,
            experimental_config=experimental_config,
            metadata=self.metadata,
            custom_trace_id_callback=custom_trace_id_callback,
        )
        self.prof_if.keep_folder = False

    @no_exception()
    def start(self) -> None:
        """Begins to record."""
        self.prof_if.init_trace()
        self.prof_if.start_trace()

    @no_exception()
    def stop(self) -> None:
        """Ends the recording."""
        self.prof_if.stop_trace()
        self.prof_if.finalize_trace()

    @no_exception()
    def export_chrome_trace(self, output_path: str) -> None:
        """Writes the timeline as one JSON file, for Perfetto or chrome://tracing."""
        capture = self._recorded()
        if capture is not None:
            path = Path(output_path).absolute()
            path.parent.mkdir(parents=True, exist_ok=True)
            _output.write_trace(path, capture)

    @no_exception()
    def export_stacks(self, output_path: str, metric: str = _METRICS[0]) -> None:
        """Writes call stacks with their microseconds, a line each, for a flame graph.

        Args:
            output_path: a file that ends in .log.
            metric: "self_cpu_time_total" or "self_npu_time_total".
        """
        if not self.prof_if.switches["with_stack"]:
            warn("Function export_stacks() requires with_stack=True.")
            return
        if metric not in _METRICS:
            warn(
                "Metric should be self_cpu_time_total or self_npu_time_total."
                "Here it is presumed to be self_cpu_time_total."
            )
            metric = _METRICS[0]
        capture = self._recorded()
        if capture is None:
            return
        path = Path(output_path).absolute()
        if path.suffix != ".log":
            warn("Input file is not log file. Change to log file.")
            path = path.with_suffix(".log")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(_output.stack_lines(capture, metric)), encoding="utf-8")

    @no_exception()
    def export_memory_timeline(self, output_path: str, device: str | None = None) -> None:
        """Not simulated.

        Raises:
            NotImplementedError: always, reported as a message.
        """
        raise NotImplementedError(
            "export_memory_timeline is not simulated: use profile_memory=True and read operator_memory.csv."
        )

    @no_exception()
    def add_metadata(self, key: str, value: str) -> None:
        """Puts a text into profiler_metadata.json."""
        if self._accepts(key, value):
            self.metadata[key] = value

    @no_exception()
    def add_metadata_json(self, key: str, value: str) -> None:
        """Puts JSON into profiler_metadata.json."""
        if not self._accepts(key, value):
            return
        try:
            self.metadata[key] = json.loads(value)
        except ValueError:
            warn("The metadata value must be json format string. Skip this metadata")

    def _accepts(self, key: object, value: object) -> bool:
        if not isinstance(key, str) or not isinstance(value, str):
            warn("The key and value of metadata must be string. Skip this metadata.")
            return False
        if len(key) > _MAX_TEXT or len(value) > _MAX_TEXT:
            warn("Invalid input key or value. Skip this metadata.")
            return False
        if getsizeof(self.metadata) + getsizeof(key) + getsizeof(value) >= _MAX_METADATA:
            warn("Too many metadata added. Skip this metadata")
            return False
        if key in self.metadata:
            warn(f"{key} is already saved as metadata, override it.")
        return True

    def _recorded(self) -> Capture | None:
        capture = self.prof_if.capture
        if capture is None or capture.running:
            warn("Invalid profiling path.")
            return None
        return capture


@no_exception()
def tensorboard_trace_handler(
    dir_name: Any = None,
    worker_name: Any = None,
    analyse_flag: Any = True,
    async_mode: bool = False,
) -> Callable[[Any], None]:
    """What to do when a recording is ready: write the profile's folder and, if wanted, its results.

    Args:
        dir_name: the folder in which folders of profiles are made; by default
            $ASCEND_WORK_PATH/profiling_data or the current folder.
        worker_name: how their names begin; by default the computer's name.
        analyse_flag: False leaves the raw data for `analyse`.
        async_mode: accepted; results are written at once.

    Raises:
        RuntimeError: dir_name is a file; reported as a message.
    """
    valid = isinstance(worker_name, str) and 0 < len(worker_name) < _folder.MAX_WORKER
    if worker_name is not None and not valid:
        warn("Invalid parameter worker_name, reset it to default.")
    _folder.Place.worker = worker_name if valid else None
    if dir_name is not None and (not isinstance(dir_name, str) or not dir_name):
        warn("Invalid parameter dir_name, reset it to default.")
        dir_name = None
    _folder.Place.parent = None if dir_name is None else _folder.check_parent(dir_name)
    if not isinstance(analyse_flag, bool):
        warn("analyse_flag is not bool, set by default.")
        analyse_flag = True

    def handler(prof: Any) -> None:
        if analyse_flag:
            prof.prof_if.analyse()

    return handler


class profile(_KinetoProfile):
    """Records a training loop, as a context manager or between `start` and `stop`.

    Args:
        activities: `ProfilerActivity.CPU`, `.NPU` or both, which is the default.
        schedule: which steps, for example `torch_npu.profiler.schedule(wait=1, warmup=1, active=2)`; every
            step by default. With it the loop calls `step` at the end of each step.
        on_trace_ready: called with the profile when a recording is complete; see `tensorboard_trace_handler`.
        record_shapes: shapes and types of operators' inputs.
        profile_memory: memory that tensors take and give back.
        with_stack: call stacks.
        with_flops: accepted; the real profiler does not show it either.
        with_modules: a bar for every `nn.Module`.
        experimental_config: an `_ExperimentalConfig`.
        execution_trace_observer: started and stopped with the profile.
        custom_trace_id_callback: gives each trace its identity.
        use_cuda: has no meaning here.
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Any = None,
        on_trace_ready: Any = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
        use_cuda: bool | None = None,
    ) -> None:
        super().__init__(
            activities=activities,
            record_shapes=record_shapes,
            profile_memory=profile_memory,
            with_stack=with_stack,
            with_flops=with_flops,
            with_modules=with_modules,
            experimental_config=experimental_config,
            custom_trace_id_callback=custom_trace_id_callback,
        )
        self.record_steps = callable(schedule)
        if schedule is not None and not callable(schedule):
            warn("schedule is not Callable, set by default.")
        if on_trace_ready is not None and not callable(on_trace_ready):
            warn("on_trace_ready is not Callable, set by default.")
            on_trace_ready = None
        if use_cuda is not None:
            warn("This is npu environment, use_cuda is invalid")
        self.schedule: Callable[[int], ProfilerAction] = (
            schedule if schedule is not None and self.record_steps else scheduler.always
        )
        self.prof_if.schedule = self.schedule
        self.prof_if.keep_folder = on_trace_ready is not None
        self.on_trace_ready = on_trace_ready
        self.execution_trace_observer = execution_trace_observer
        self.step_num = 0
        self.current_action = self.schedule(0)
        self.stopped = True
        self._failed = False
        self._offset = 0
        self._step_place = -1
        self._step_began = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __del__(self) -> None:
        if not getattr(self, "stopped", True):
            self.stop()

    @no_exception()
    def start(self) -> None:
        """Begins with the step's action.

        Raises:
            RuntimeError: the folder cannot be made; reported as a message, and nothing is recorded.
        """
        self._failed = True
        self._act(ProfilerAction.NONE, self.current_action)
        self._failed = self.stopped = False
        self._begin_step()
        if self.execution_trace_observer:
            self.execution_trace_observer.start()

    @no_exception()
    def stop(self) -> None:
        """Ends the recording, and the profile."""
        if self.stopped:
            return
        self._end_step()
        self.stopped = True
        self._act(self.current_action, None)
        if self.execution_trace_observer:
            self.execution_trace_observer.stop()

    @no_exception()
    def step(self) -> None:
        """Ends a step of the training loop and begins the next."""
        if self.stopped:
            if not self._failed:  # of a failure was told when it happened
                warn("Profiler is stopped, step takes no effect!")
            return
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        try:
            self._act(before, self.current_action)
        except Exception:
            self.stopped = self._failed = True
            raise
        self._begin_step()

    def set_custom_trace_id_callback(self, callback: Callable[[], str]) -> None:
        """Gives the traces that follow their identity."""
        self.prof_if.custom_trace_id_callback = callback

    def get_trace_id(self) -> str:
        """The identity of the current trace."""
        return self.prof_if.trace_id

    @classmethod
    def enable_profiler_in_child_thread(
        cls,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
    ) -> None:
        """Records the operators of the calling thread as well, into the profile that is running."""
        for capture in running:
            capture.watch_thread()

    @classmethod
    def disable_profiler_in_child_thread(cls) -> None:
        """Ends what `enable_profiler_in_child_thread` began in this thread."""
        runtime.sim_device(runtime.current_device()).synchronize()
        for capture in running:
            capture.unwatch_thread()

    def _begin_step(self) -> None:
        capture = self.prof_if.capture
        if self.record_steps and capture is not None and capture.running:
            self._step_place = capture.begin_range(f"ProfilerStep#{self.step_num + self._offset}")
            self._step_began = capture.now()

    def _end_step(self) -> None:
        capture = self.prof_if.capture
        if self.record_steps and capture is not None and capture.running and self._step_place >= 0:
            capture.end_range(self._step_place)
            capture.steps.append((self.step_num + self._offset, self._step_began, capture.now()))
        self._step_place = -1

    def _act(self, before: ProfilerAction, now: ProfilerAction | None) -> None:
        """Does what leads from one action to the next; None is the end."""
        recording = {ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE}
        complaint = _complaint(before, now) if self.record_steps else ""
        if complaint:
            warn(complaint)
        goes_on = before is ProfilerAction.RECORD and now in recording
        if before in recording and not goes_on:
            self._finish(ready=before is ProfilerAction.RECORD_AND_SAVE or now is None)
        if before is ProfilerAction.WARMUP and now in {ProfilerAction.NONE, None}:
            self.prof_if.delete_prof_dir()
        begins = before is ProfilerAction.NONE or (before in recording and not goes_on)
        if begins and now not in {ProfilerAction.NONE, None}:
            self.prof_if.init_trace()
        if now in recording and not goes_on:
            self.prof_if.start_trace()
            running.append(self._capture())

    def _capture(self) -> Capture:
        capture = self.prof_if.capture
        assert capture is not None  # noqa: S101 - start_trace made it
        return capture

    def _finish(self, *, ready: bool) -> None:
        capture = self._capture()
        if capture in running:
            running.remove(capture)
        self.prof_if.stop_trace()
        self.prof_if.finalize_trace()
        if ready and self.on_trace_ready is not None:
            self.on_trace_ready(self)


def _complaint(before: ProfilerAction, now: ProfilerAction | None) -> str:
    """What is wrong with a schedule that goes from one action to the next; "" where nothing is."""
    name = before.name
    if now is None:
        return {
            ProfilerAction.WARMUP: (
                "Incorrect schedule: Stop profiler while current state is WARMUP "
                "which will result in empty parsed data."
            ),
            ProfilerAction.RECORD: (
                "Incorrect schedule: Stop profiler while current state is RECORD "
                "which may result in incomplete parsed data."
            ),
            ProfilerAction.RECORD_AND_SAVE: (
                "Stop profiler while current state is RECORD_AND_SAVE, "
                "perhaps the scheduling cycle has not yet completed."
            ),
        }.get(before, "")
    wrong = {
        (ProfilerAction.WARMUP, ProfilerAction.NONE),
        (ProfilerAction.RECORD, ProfilerAction.NONE),
        (ProfilerAction.RECORD, ProfilerAction.WARMUP),
    }
    return f"Incorrect schedule: {name} followed by {now.name}" if (before, now) in wrong else ""


@no_exception()
def analyse(
    profiler_path: str,
    max_process_number: int = max(1, (os.cpu_count() or 2) // 2),
    export_type: str | list[str] | None = None,
) -> None:
    """Writes the results of profiles that were collected with `analyse_flag=False`, or writes them again.

    Args:
        profiler_path: a profile's folder `…_ascend_pt`, or a folder of such.
        max_process_number: accepted; profiles are read one after the other.
        export_type: "text"; None is what the profile was collected with.

    Raises:
        RuntimeError: there is no such path; reported as a message.
    """
    if not isinstance(max_process_number, int) or max_process_number <= 0:
        warn("Invalid max_process_number, reset it to default!")
    wanted = [export_type] if isinstance(export_type, str) else export_type
    if wanted is not None and not (isinstance(wanted, list) and set(wanted) <= supported_export_type()):
        warn(f"Invalid parameter export_type: {export_type}, reset it to None.")
    path = Path(profiler_path).expanduser().absolute()
    if not path.exists():
        raise RuntimeError(f"The path does not exist: {path}")
    found = _folder.profiles_below(path)
    if not found:
        info(f"No profile was found at: {path}")
    for folder in found:
        analyse_folder(folder)
