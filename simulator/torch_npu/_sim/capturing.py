"""A captured graph: operators noted instead of run, and run again with one launch.

While a program captures, its operators are computed, since PyTorch needs the shapes of their results, but
they take no time on the device, and what they overwrote is put back at the end: as on the real device, the
values come with the first replay. A replay computes the same operators on the same tensors, in place.
"""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

from torch_npu._sim import generators, runtime
from torch_npu._sim.storages import NotSimulatedError, alias
from torch_npu.utils._error_code import acl_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    import npusim

_STREAM_CAPTURED = 107027
# Their schemas do not say that they write these arguments.
_HIDDEN_WRITES = {"aten::native_batch_norm": (3, 4), "aten::batch_norm_gather_stats_with_counts": (3, 4)}


class Node(NamedTuple):
    """One operator of a graph: how to compute it again, and the tensors that its new values go to."""

    run: Callable[[], Any]
    results: list[Any]


class Step(NamedTuple):
    """What a stream does at a replay: an operator, a copy, or the record of an event or the wait for it."""

    stream: int
    what: str
    arguments: tuple[Any, ...]


class CapturedStream:
    """Stands in for a stream of the device: what it is given goes into the graph.

    Args:
        capture: the graph.
        stream: the one it stands in for.
    """

    __slots__ = ("alive", "capture", "device", "id", "stream")

    def __init__(self, capture: Capture, stream: npusim.Stream) -> None:
        self.capture = capture
        self.stream = stream
        self.device = stream.device
        self.id = stream.id
        self.alive = True

    @property
    def tail(self) -> int:
        """Nothing given to the graph has an end yet."""
        return self.stream.tail

    def launch(self, op: npusim.Op) -> None:
        """Notes an operator.

        Raises:
            NotSimulatedError: it came past PyTorch, so that its values cannot be computed again.
        """
        if not self.capture.noting:
            raise NotSimulatedError(
                f"{op.name} in a captured graph is not simulated: run it outside of the graph."
            )
        self.capture.steps.append(Step(self.id, "launch", (op,)))

    def submit(self, task: Any) -> None:
        """Notes a task that is no operator."""
        self.capture.steps.append(Step(self.id, "submit", (task,)))

    def copy(self, kind: str, nbytes: int, *, asynchronous: bool) -> None:
        """Notes a copy.

        Raises:
            RuntimeError: the host would have to wait for it (107027).
        """
        if not asynchronous:
            raise captured("aclrtSynchronizeStreamWithTimeout", "The host cannot wait for what is captured.")
        self.capture.steps.append(Step(self.id, "copy", (kind, nbytes)))

    def tell_fault(self) -> None:
        """Nothing that goes into a graph fails before it is replayed."""

    def fail(self, message: str, *, code: int, task: str, output: str = "") -> None:
        """As above."""

    def communicate(self, *_arguments: Any, **_options: Any) -> None:
        """Refuses a collective.

        Raises:
            NotSimulatedError: always.
        """
        raise NotSimulatedError(
            "a collective in a captured graph is not simulated: run it outside of the graph."
        )


def other_seed() -> RuntimeError:
    """The error for another seed in a capture (NPUGeneratorImpl.cpp)."""
    return RuntimeError(
        "NPUGeneratorImpl::set_current_seed can be called during stream capture only if new seed is the same "
        "as the original seed."
    )


def underway(index: int) -> Capture | None:
    """The capture that this thread's work on a device goes into."""
    capture = Active.capture
    inside = capture is not None and isinstance(runtime.queues[index], CapturedStream)
    return capture if inside else None


def captured(call: str, reason: str) -> RuntimeError:
    """The error for a call that a stream does not take while it is captured."""
    return RuntimeError(acl_failure(call, _STREAM_CAPTURED, reason))


class _Refusals(TorchFunctionMode):
    """Refuses what must wait for a value before it is dispatched: a device guard would lose the error."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Calls a function of PyTorch, unless it is such a one."""
        if (
            getattr(func, "__name__", "") == "nonzero"
            and _here(args[0])
            and isinstance(runtime.queues[args[0].get_device()], CapturedStream)
        ):
            raise captured("aclrtSynchronizeStreamWithTimeout", "nonzero in a capture: its size is a value.")
        return func(*args, **(kwargs or {}))


class Capture(TorchDispatchMode):
    """One graph: notes what is dispatched between `begin` and `end`.

    Attributes:
        nodes: what to compute at a replay, in order.
        steps: what it is to the device's clock.
        noting: whether an operator is being noted at this moment.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.steps: list[Step] = []
        self.events: dict[int, object] = {}  # events that the capture recorded, by their id
        self.noting = False
        self.index = runtime.current_device()
        self.stream: Any = runtime.queues[self.index]
        self.streams = {self.stream.id}
        self._before: dict[int, bytes] = {}
        self._kept: list[Tensor] = []
        self._made: set[int] = set()
        self._modes: tuple[Any, Any] = (_Refusals(), self)
        self.random_states: dict[bytes, Tensor] = {}  # states that the program asked for, by what they were
        self._random: list[tuple[torch.Generator, Tensor]] = []
        self.watch(generators.default(self.index))

    def begin(self) -> None:
        """Notes from here on what this thread does, and what its backward passes do."""
        Active.capture = self
        runtime.redirect = self.stand_in
        runtime.use_stream(self.index, self.stream)
        for mode in self._modes:
            mode.__enter__()

    def end(self) -> None:
        """Notes no more; what was overwritten is as it was before."""
        for mode in reversed(self._modes):
            mode.__exit__(None, None, None)
        Active.capture = runtime.redirect = None
        runtime.use_stream(self.index, self.stream)
        for address, content in self._before.items():
            ctypes.memmove(address, content, len(content))
        self._before.clear()
        self._kept.clear()
        for generator, state in self._random:
            generator.set_state(state)

    def stand_in(self, stream: Any) -> Any:
        """What takes a stream's place while the capture lasts, if the stream takes part in it."""
        if isinstance(stream, CapturedStream) or not takes_part(stream):
            return stream
        return CapturedStream(self, stream)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Computes an operator and notes it, if it is one of the device's."""
        kwargs = kwargs or {}
        if not isinstance(runtime.queues[self.index], CapturedStream):  # on a stream that takes no part
            return func(*args, **kwargs)
        given = [t for t in _pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor) and _here(t)]
        self._keep_what_is_written(func, args, kwargs)
        self.noting = True
        try:
            result = func(*args, **kwargs)
        finally:
            self.noting = False
        found = _pytree.tree_leaves(result)
        if any(isinstance(t, Tensor) and _here(t) for t in found) or given:
            self._note(func, args, kwargs, found)
        return result

    def note(self, run: Callable[[], Any], results: list[Any]) -> None:
        """Notes what was computed past PyTorch's dispatcher."""
        self._made.update(t.untyped_storage().data_ptr() for t in results if isinstance(t, Tensor))
        self.nodes.append(Node(run, [_held(t) for t in results]))

    def watch(self, generator: torch.Generator) -> None:
        """Has a generator of the program's own as it was before the capture, when that ends."""
        self._random.append((generator, generator.get_state()))

    def random_got(self, state: Tensor) -> None:
        """Notes that the state of the device's generator was asked for: a replay has one of its own there."""
        key, generator = bytes(state.numpy()), generators.default(self.index)
        self.random_states.setdefault(key, state)

        def keep() -> None:
            self.random_states[key] = generator.get_state()

        self.nodes.append(Node(keep, []))

    def random_set(self, state: Tensor) -> None:
        """Notes that the generator was set to a state of this capture.

        Raises:
            RuntimeError: the state is another one.
        """
        key, generator = bytes(state.numpy()), generators.default(self.index)
        if key not in self.random_states:
            raise other_seed()
        self.nodes.append(Node(lambda: generator.set_state(self.random_states[key]), []))

    def _note(self, func: Any, args: Any, kwargs: Any, results: list[Any]) -> None:
        schema = func._schema
        if any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns):
            return  # a view: it shows what its base holds
        name = schema.name.partition("::")[2]
        if name.startswith(("empty", "new_empty", "record_stream", "resize")):
            self._made.update(t.untyped_storage().data_ptr() for t in results if isinstance(t, Tensor))
            self._kept += [t.data for t in results if isinstance(t, Tensor)]
            return
        held_args, held_kwargs = _pytree.tree_map(_held, (args, kwargs))
        fresh = [r.alias_info is None for r in schema.returns]
        wanted = results if len(fresh) != len(results) or all(fresh) else []
        if not all(fresh) and len(fresh) == len(results):
            wanted = [r if new else None for r, new in zip(results, fresh, strict=True)]
        self.note(lambda: func(*held_args, **held_kwargs), wanted)

    def _keep_what_is_written(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hidden = _HIDDEN_WRITES.get(func._schema.name, ())
        for i, argument in enumerate(func._schema.arguments):
            writes = argument.alias_info is not None and argument.alias_info.is_write
            if not writes and i not in hidden:
                continue
            value = args[i] if i < len(args) else kwargs.get(argument.name)
            for tensor in _pytree.tree_leaves(value):
                if isinstance(tensor, Tensor) and _here(tensor):
                    self._keep(tensor)

    def _keep(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        if address and address not in self._made and address not in self._before:
            self._before[address] = ctypes.string_at(address, storage.nbytes())
            self._kept.append(tensor.data)


class Active:
    """The capture that is underway in this process: there is one at a time."""

    capture: Capture | None = None


def event(what: str, event: object, stream: npusim.Stream) -> bool:
    """Notes the record of an event or the wait for it, if the stream takes part in a capture.

    It does when the capture began on it, or when it waited for an event of the capture.
    """
    capture = Active.capture
    if capture is None or stream.device.index != capture.index:
        return False
    if what == "wait" and id(event) not in capture.events:
        return False
    if what == "record" and stream.id not in capture.streams:
        return False
    capture.events[id(event)] = event
    capture.streams.add(stream.id)
    capture.steps.append(Step(stream.id, what, (id(event),)))
    return True


def takes_part(stream: npusim.Stream) -> bool:
    """Whether a stream belongs to the capture that is underway."""
    capture = Active.capture
    return capture is not None and stream.device.index == capture.index and stream.id in capture.streams


def refuse_waiting(stream: npusim.Stream) -> None:
    """Refuses that the host waits for a stream that takes part in a capture.

    Raises:
        RuntimeError: it does (107027).
    """
    if takes_part(stream):
        raise captured("aclrtSynchronizeStreamWithTimeout", "The host cannot wait for what is captured.")


def _here(tensor: Tensor) -> bool:
    return tensor.get_device() >= 0 and tensor.device.type == "npu"


def _held(value: Any) -> Any:
    """A tensor as a graph keeps it: the memory, whatever the program does with its own object."""
    return value.data if isinstance(value, Tensor) else value


class _Silent:
    """Stands in for a stream while values are computed whose time is accounted for elsewhere."""

    alive = True

    def __init__(self, stream: npusim.Stream) -> None:
        self.device = stream.device
        self.id = stream.id
        self.tail = stream.tail
        self.fail = stream.fail
        self.tell_fault = stream.tell_fault

    def launch(self, op: npusim.Op) -> None:
        """Takes no time."""

    def submit(self, task: Any) -> None:
        """Takes no time."""

    def copy(self, kind: str, nbytes: int, *, asynchronous: bool) -> None:
        """Takes no time."""


def compute(nodes: list[Node], index: int) -> None:
    """Computes a graph's operators again, into the tensors of its capture."""
    stream: Any = runtime.queues[index]
    runtime.use_stream(index, _silent(stream))
    try:
        with torch.no_grad(), torch.autocast("npu", enabled=False):
            for node in nodes:
                new = _pytree.tree_leaves(node.run())
                for target, value in zip(node.results, new, strict=False):
                    if isinstance(target, Tensor) and isinstance(value, Tensor):
                        _overwrite(target, value)
    finally:
        runtime.use_stream(index, stream)


def _silent(stream: Any) -> Any:
    return _Silent(stream)


def _overwrite(target: Tensor, value: Tensor) -> None:
    to = alias(target) if _here(target) else target
    to.copy_(alias(value) if _here(value) else value)


def spend(steps: list[Step], stream: npusim.Stream, captured_on: int) -> None:
    """Gives a graph's work to the device: one launch for the host, one operator after another on the streams.

    Args:
        steps: the work.
        stream: where the replay was called for.
        captured_on: the stream of the capture, whose work goes there.
    """
    host, device = stream.device.node.host, stream.device
    if device.node.cost_model:
        host.now += stream.launch_ns
    events: dict[int, Any] = {}
    streams = {step.stream: device.streams.get(step.stream, stream) for step in steps}
    streams[captured_on] = stream
    costs = {s: s.launch_ns for s in streams.values()}
    try:
        for one in costs:
            one.launch_ns = 0
        for step in steps:
            _do(step, streams[step.stream], events)
    finally:
        for one, cost in costs.items():
            one.launch_ns = cost


def _do(step: Step, stream: npusim.Stream, events: dict[int, Any]) -> None:
    if step.what == "launch":
        stream.launch(*step.arguments)
    elif step.what == "submit":
        stream.submit(*step.arguments)
    elif step.what == "copy":
        stream.copy(*step.arguments, asynchronous=True)
    elif step.what == "record":
        event = events[step.arguments[0]] = stream.device.create_event()
        event.record(stream)
    elif step.arguments[0] in events:
        events[step.arguments[0]].wait(stream)


only_one = threading.Lock()
"""Held while a graph is captured."""
