"""The event list: everything that happened on virtual time, kept in columns.

A record takes 35 bytes, in memory up to a bound and in a temporary file beyond it; a `Record` is made when
it is asked for.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from npusim.cost_model import Cost
    from npusim.op import TensorSpec
    from npusim.spill import Spill

KINDS = ("kernel", "copy", "sync", "event_record", "event_wait", "collective", "callback")
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
        memory: nanoseconds for which it would keep the device's whole memory bandwidth busy.
    """

    __slots__ = (
        "blocks",
        "cost",
        "duration",
        "inputs",
        "kind",
        "memory",
        "name",
        "nbytes",
        "outputs",
        "ranks",
        "servers",
        "unit",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - a row of facts, by position where it is made for a new shape
        self,
        name: str,
        kind: str,
        unit: str,
        blocks: int = 0,
        duration: int = 0,
        inputs: tuple[TensorSpec, ...] = (),
        outputs: tuple[TensorSpec, ...] = (),
        nbytes: int = 0,
        cost: Cost | None = None,
        ranks: int = 0,
        servers: int = 1,
        memory: int = 0,
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
        self.memory = memory


class Detailed(Task):
    """A task whose operands alone do not tell what it costs.

    Attributes:
        origin: what does: an operator's attributes; the nodes of a compiled graph and the place of this
            operator among them; or the pixels of each picture for the media units.
    """

    __slots__ = ("origin",)

    def __init__(self, origin: Mapping[str, object] | tuple[object, ...], *fields: Any) -> None:
        super().__init__(*fields)
        self.origin = origin


class Record:
    """One thing that happened. Times in nanoseconds on the machine's clock.

    Attributes:
        index: its number in the list.
        category: "kernel", "copy", "sync", "event_record", "event_wait", "collective" or "callback".
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


_TYPES = ("B", "H", "I", "I", "q", "q", "q")  # category, device, stream, task, launched, start, duration
IN_MEMORY = 200_000
TASKS_IN_MEMORY = 20_000


class RecordLog:
    """The list of records, in the order in which the host made the calls.

    Args:
        in_memory: how many records are kept in memory; as many at a time go to a temporary file
            (`npusim.spill`), from which they are read back as if they had stayed.
        tasks_in_memory: the same for tasks.
    """

    __slots__ = (
        "_bound",
        "_categories",
        "_columns",
        "_devices",
        "_durations",
        "_gone",
        "_in_memory",
        "_launched",
        "_numbers",
        "_spill",
        "_starts",
        "_streams",
        "_task_ids",
        "_tasks",
        "_tasks_bound",
        "_tasks_gone",
        "_tasks_in_memory",
        "enabled",
    )

    def __init__(self, in_memory: int = IN_MEMORY, tasks_in_memory: int = TASKS_IN_MEMORY) -> None:
        self.enabled = True
        self._in_memory = self._bound = in_memory
        self._tasks_in_memory = self._tasks_bound = tasks_in_memory
        self._spill: Spill | None = None
        self._gone = 0  # records in the file
        self._tasks_gone = 0
        self._tasks: list[Task] = []
        self._numbers: dict[int, int] = {}  # id of a task, which _tasks keeps alive, to its number
        self._new_columns()

    def _new_columns(self) -> None:
        columns = self._columns = tuple(array(code) for code in _TYPES)
        self._categories, self._devices, self._streams, self._task_ids = columns[:4]
        self._launched, self._starts, self._durations = columns[4:]

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
        index = self._gone + len(self._starts)
        if self.enabled:
            number = self._numbers.get(id(task))
            if number is None:
                number = self._number(task)
            self._categories.append(_KIND_NUMBER[category])
            self._devices.append(device)
            self._streams.append(stream)
            self._task_ids.append(number)
            self._launched.append(launched)
            self._starts.append(start)
            self._durations.append(duration)
            if len(self._starts) >= self._bound:
                self._put_away()
        return Record(index, category, task, device, stream, launched, start, duration)

    def clear(self) -> None:
        """Forgets everything."""
        enabled = self.enabled
        if self._spill is not None:
            self._spill.close()
        # a fresh log in place: others hold a reference to this one
        self.__init__(self._in_memory, self._tasks_in_memory)  # type: ignore[misc]
        self.enabled = enabled

    def __len__(self) -> int:
        return self._gone + len(self._starts)

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
        columns, i = self._columns, index - self._gone
        if i < 0 and self._spill is not None:
            columns, i = self._spill.chunk(index // self._in_memory), index % self._in_memory
        category, device, stream, task, launched, start, duration = (column[i] for column in columns)
        return Record(index, KINDS[category], self._task(task), device, stream, launched, start, duration)

    def __iter__(self) -> Iterator[Record]:
        for i in range(len(self)):
            yield self[i]

    def _number(self, task: Task) -> int:
        """A number for a task that has none yet."""
        if len(self._tasks) >= self._tasks_bound:  # shapes that change all the time
            self._put_tasks_away()
        number = self._numbers[id(task)] = self._tasks_gone + len(self._tasks)
        self._tasks.append(task)
        return number

    def _task(self, number: int) -> Task:
        if number >= self._tasks_gone or self._spill is None:
            return self._tasks[number - self._tasks_gone]
        group, i = divmod(number, self._tasks_in_memory)
        return self._spill.tasks(group)[i]

    def _put_away(self) -> None:
        """Moves the records in memory to the file; they stay where it cannot be written."""
        try:
            self._opened().put_chunk(self._columns)
        except OSError:
            self._give_up()
            return
        self._gone += len(self._starts)
        self._new_columns()

    def _put_tasks_away(self) -> None:
        try:
            self._opened().put_tasks(self._tasks)
        except OSError:
            self._give_up()
            return
        self._tasks_gone += len(self._tasks)
        self._tasks = []
        self._numbers = {}

    def _give_up(self) -> None:
        """No temporary file can be had, or the disk is full: memory is what there is."""
        self._bound = self._tasks_bound = sys.maxsize

    def _opened(self) -> Spill:
        if self._spill is None:
            from npusim.spill import Spill

            self._spill = Spill(_TYPES)
        return self._spill
