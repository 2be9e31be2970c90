"""Graphs of captured work, replayed by one launch (torch_npu/npu/graphs.py of Ascend/pytorch)."""

from __future__ import annotations

import itertools
import weakref
from typing import TYPE_CHECKING, Any

from torch_npu import npu
from torch_npu._sim import capturing, pools, runtime
from torch_npu._sim.storages import NotSimulatedError
from torch_npu.npu.graphed_callables import make_graphed_callables
from torch_npu.npu.streams import Stream, stream
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    import torch

__all__ = [
    "NPUGraph",
    "graph",
    "graph_pool_handle",
    "is_current_stream_capturing",
    "make_graphed_callables",
]
_MODES = ("global", "thread_local", "relaxed")
_numbers = itertools.count(1)


def is_current_stream_capturing() -> bool:
    """Whether what this thread gives to its current stream is captured."""
    if not runtime.is_initialized():
        return False
    return isinstance(runtime.queues[runtime.current_device()], capturing.CapturedStream)


def graph_pool_handle() -> tuple[int, int]:
    """The id of a new pool of memory that graphs may share."""
    return (0, pools.new_number())


class _State:
    """The graph whose capture is underway."""

    capturing: weakref.ref[NPUGraph] | None = None


class NPUGraph:
    """Work of the device, captured to be replayed.

    The tensors of the capture are the graph's own: a program writes new inputs into them, and reads results
    from them after each replay. Their memory, and that of every value in between, stays taken until `reset`.
    """

    def __init__(self) -> None:
        self.auto_dispatch_capture = False
        self._underway: capturing.Capture | None = None
        self._captured: capturing.Capture | None = None
        self._pool: tuple[int, int] | None = None
        self._route: Any = None
        self._generators: list[torch.Generator] = []
        self._named = True  # whether get_currently_capturing_graph may return it

    def capture_begin(self, pool: tuple[int, int] | None = None, capture_error_mode: str = "global") -> None:
        """Captures from here on what is given to the current stream, which must not be the default one.

        Args:
            pool: the id of a pool of memory (`graph_pool_handle`, or another graph's `pool()`).
            capture_error_mode: accepted: "global", "thread_local" or "relaxed".

        Raises:
            RuntimeError: the graph holds a capture already, another one is underway, the mode is unknown, or
                the current stream is the default one.
        """
        index = runtime.current_device()
        if self._captured is not None or self._underway is not None:
            raise RuntimeError(
                "This NPUGraph instance already owns a captured graph. To capture a new graph, create a new "
                "instance." + pta_error(ErrCode.PARAM)
            )
        if capture_error_mode not in _MODES:
            raise RuntimeError(
                "Unknown capture error mode. Expected `global`, `thread_local`, or `relaxed`, "
                f"got {capture_error_mode}" + pta_error(ErrCode.PARAM)
            )
        if runtime.queues[index].id == 0:
            raise RuntimeError(
                "NPU graphs must be captured on a non-default stream. (However, after capture, it's ok to "
                "replay them on the default stream.)" + pta_error(ErrCode.INTERNAL)
            )
        if not capturing.only_one.acquire(blocking=False):
            raise capturing.captured("aclmdlRICaptureBegin", "Another capture is underway in this process.")
        self._pool = pool or (next(_numbers), 0)
        pools.hold(pools.number_of(self._pool))
        self._route = pools.routed(self._pool, index)
        self._route.__enter__()
        self._underway = capturing.Capture()
        for generator in self._generators:
            self._underway.watch(generator)
        self._underway.begin()
        _State.capturing = weakref.ref(self) if self._named else None

    def capture_end(self) -> None:
        """Ends the capture; the tensors it wrote are as before until the first `replay`.

        Raises:
            RuntimeError: none is underway.
        """
        if self._underway is None:
            raise RuntimeError("capture_end() called before capture_begin()." + pta_error(ErrCode.INTERNAL))
        capture, self._underway = self._underway, None
        _State.capturing = None
        try:
            capture.end()
        finally:
            self._route.__exit__(None, None, None)
            capturing.only_one.release()
        self._captured = capture

    def replay(self) -> None:
        """Does the captured work again, on the current stream; returns at once on the host's clock.

        Raises:
            RuntimeError: nothing was captured.
        """
        capture = self._needed("replay")
        with npu.device(capture.index):
            capturing.compute(capture.nodes, capture.index)
            capturing.spend(capture.steps, runtime.queues[capture.index], capture.stream.id)

    def reset(self) -> None:
        """Forgets the captured work and lets its memory go."""
        self._captured = None
        if self._pool is not None:
            pools.let_go(pools.number_of(self._pool))
            self._pool = None

    def pool(self) -> tuple[int, int]:
        """The id of the graph's pool of memory, for another capture to share.

        Raises:
            RuntimeError: nothing was captured.
        """
        self._needed("pool()")
        return self._pool or (0, 0)

    def register_generator_state(self, generator: torch.Generator) -> None:
        """Says that the capture will draw from a generator of the program's own: it draws in replays only."""
        self._generators.append(generator)

    def update(self, cpu_update_input: Any) -> None:
        """Not simulated: new arguments for operators of the graph that take them from the host.

        Raises:
            NotSimulatedError: always.
        """
        raise NotSimulatedError("NPUGraph.update is not simulated: capture the graph again.")

    def debug_dump(self, debug_path: str) -> None:
        """Not simulated: a picture of the graph.

        Raises:
            NotSimulatedError: always.
        """
        raise NotSimulatedError("NPUGraph.debug_dump is not simulated: profile a replay instead.")

    def _needed(self, what: str) -> capturing.Capture:
        if self._captured is None:
            raise RuntimeError(
                f"Called NPUGraph::{what} without a preceding successful capture."
                + pta_error(ErrCode.INTERNAL)
            )
        return self._captured

    @staticmethod
    def get_currently_capturing_graph() -> NPUGraph:
        """The graph that captures what this thread gives to its current stream.

        Raises:
            RuntimeError: none does, or a `torch.accelerator.Graph`.
        """
        if not is_current_stream_capturing():
            raise RuntimeError(
                "The current NPU stream is not currently capturing." + pta_error(ErrCode.PARAM)
            )
        found = _State.capturing() if _State.capturing is not None else None
        if found is None:
            raise RuntimeError(
                "get_currently_capturing_graph() does not know a torch.accelerator.Graph capture."
                + pta_error(ErrCode.PARAM)
            )
        return found

    def __del__(self) -> None:
        if getattr(self, "_underway", None) is not None:
            self.capture_end()
        if getattr(self, "_pool", None) is not None:
            self.reset()


class graph:
    """Context manager that captures into an `NPUGraph`.

    Args:
        npu_graph: the graph.
        pool: the id of a pool of memory to share.
        stream: where to capture; by default a stream kept for this.
        auto_dispatch_capture: remembered; `update` is not simulated.
        capture_error_mode: see `NPUGraph.capture_begin`.
    """

    default_capture_stream: Stream | None = None

    def __init__(
        self,
        npu_graph: NPUGraph,
        pool: tuple[int, int] | None = None,
        stream: Stream | None = None,
        auto_dispatch_capture: bool = False,
        capture_error_mode: str = "global",
    ) -> None:
        self.pool = pool
        self.capture_stream = stream or _side_stream()
        self.stream_ctx = _context(self.capture_stream)
        self.npu_graph = npu_graph
        self.capture_error_mode = capture_error_mode
        self.npu_graph.auto_dispatch_capture = auto_dispatch_capture

    def __enter__(self) -> None:
        npu.synchronize()
        npu.empty_cache()
        self.stream_ctx.__enter__()
        try:
            self.npu_graph.capture_begin(self.pool, self.capture_error_mode)
        except BaseException:
            self.stream_ctx.__exit__(None, None, None)
            raise

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        self.npu_graph.capture_end()
        if exc_type is not None:  # what was captured is not whole
            self.npu_graph.reset()
        self.stream_ctx.__exit__(exc_type, exc_value, traceback)


_context = stream


def _side_stream() -> Stream:
    found = graph.default_capture_stream
    gone = (
        found is None or runtime.sim_device(found.device_index).streams.get(found.stream_id) is not found.sim
    )
    if found is None or gone or found.device_index != runtime.current_device():
        found = graph.default_capture_stream = Stream()
    return found
