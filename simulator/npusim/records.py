"""The event list: everything that happened on virtual time, kept in columns.

A million operators take about 50 bytes each; a `Record` is made when it is asked for.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from npusim.cost_model import Cost
    from npusim.op import TensorSpec

KINDS = ("kernel", "copy", "sync", "event_record", "event_wait", "collective")
_KIND_NUMBER = {name: i for i, name in enumerate(KINDS)}


class Task:
    """What records of the same operator share: made once for each distinct operator.

    Attributes:
        name: the operator's type ("Conv2D"), the copy's direction ("H2D"), or the call's name.
        kind: the operator's kind.
        unit: what it runs on: AI_CORE, AI_VECTOR_CORE, MIX_AIC, AI_CPU, SDMA, PCIE, HOST.
        blocks: cores it occupies.
        duration: nanoseconds.
        inputs: operands read.
        outputs: operands written.
        nbytes: bytes moved, for a copy or a collective.
        cost: how long each unit is busy with it, for an operator.
        ranks: how many take part, for a collective.
        servers: how many servers they are spread over.
    """

    __slots__ = (
        "blocks",
        "cost",
        "duration",
        "inputs",
        "kind",
        "name",
        "nbytes",
        "outputs",
        "ranks",
        "servers",
        "unit",
    )

    def __init__(  # noqa: PLR0913 - a row of facts
        self,
        name: str,
        kind: str,
        unit: str,
        *,
        blocks: int = 0,
        duration: int = 0,
        inputs: tuple[TensorSpec, ...] = (),
        outputs: tuple[TensorSpec, ...] = (),
        nbytes: int = 0,
        cost: Cost | None = None,
        ranks: int = 0,
        servers: int = 1,
    ) -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.blocks = blocks
        self.duration = duration
        self.inputs = inputs
        self.outputs = outputs
        self.nbytes = nbytes
        self.cost = cost
        self.ranks = ranks
        self.servers = servers


class Record:
    """One thing that happened. Times in nanoseconds on the machine's clock.

    Attributes:
        index: its number in the list.
        category: "kernel", "copy", "sync", "event_record", "event_wait" or "collective".
        task: what it was (name, unit, shapes).
        device: the device's index as the program counts.
        stream: the stream's number.
        launched: when the host called.
        start: when it began.
        duration: how long it took.
    """

    __slots__ = ("category", "device", "duration", "index", "launched", "start", "stream", "task")

    def __init__(  # noqa: PLR0913, PLR0917 - the hot path: one call a launch, by position
        self,
        index: int,
        category: str,
        task: Task,
        device: int,
        stream: int,
        launched: int,
        start: int,
        duration: int,
    ) -> None:
        self.index = index
        self.category = category
        self.task = task
        self.device = device
        self.stream = stream
        self.launched = launched
        self.start = start
        self.duration = duration

    @property
    def end(self) -> int:
        """When it was done."""
        return self.start + self.duration

    @property
    def name(self) -> str:
        """The operator's type, or what the record is."""
        return self.task.name

    @property
    def unit(self) -> str:
        """The unit it ran on."""
        return self.task.unit

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Operands read."""
        return self.task.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Operands written."""
        return self.task.outputs

    def __repr__(self) -> str:
        return (
            f"Record({self.index}, {self.category!r}, {self.name!r}, device={self.device}, "
            f"stream={self.stream}, start={self.start}, duration={self.duration})"
        )


class RecordLog:
    """The list of records, in the order in which the host made the calls."""

    __slots__ = (
        "_categories",
        "_devices",
        "_durations",
        "_launched",
        "_numbers",
        "_starts",
        "_streams",
        "_task_ids",
        "_tasks",
        "enabled",
    )

    def __init__(self) -> None:
        self.enabled = True
        self._tasks: list[Task] = []
        self._numbers: dict[int, int] = {}  # id of a task, which _tasks keeps alive, to its number
        self._categories = array("B")
        self._devices = array("H")
        self._streams = array("L")
        self._task_ids = array("L")
        self._launched = array("q")
        self._starts = array("q")
        self._durations = array("q")

    def add(  # noqa: PLR0913, PLR0917 - the hot path: one call a launch, by position
        self,
        category: str,
        task: Task,
        device: int,
        stream: int,
        launched: int,
        start: int,
        duration: int,
    ) -> Record:
        """Appends what happened and returns it."""
        index = len(self._starts)
        if self.enabled:
            number = self._numbers.get(id(task))
            if number is None:
                number = self._numbers[id(task)] = len(self._tasks)
                self._tasks.append(task)
            self._categories.append(_KIND_NUMBER[category])
            self._devices.append(device)
            self._streams.append(stream)
            self._task_ids.append(number)
            self._launched.append(launched)
            self._starts.append(start)
            self._durations.append(duration)
        return Record(index, category, task, device, stream, launched, start, duration)

    def clear(self) -> None:
        """Forgets everything."""
        enabled = self.enabled
        self.__init__()  # type: ignore[misc]  # a fresh log in place: others hold a reference to this one
        self.enabled = enabled

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        return Record(
            index,
            KINDS[self._categories[index]],
            self._tasks[self._task_ids[index]],
            self._devices[index],
            self._streams[index],
            self._launched[index],
            self._starts[index],
            self._durations[index],
        )

    def __iter__(self) -> Iterator[Record]:
        for i in range(len(self)):
            yield self[i]
