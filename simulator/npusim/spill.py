"""Where records go that memory has no room for: a temporary file without a name.

The system takes such a file away when the program ends, however it ends: nothing is left to clean after a
crash. It lies where the system keeps temporary files (TMPDIR moves it).
"""

from __future__ import annotations

import marshal
import os
import tempfile
from array import array
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from npusim.op import TensorSpec
    from npusim.records import Task

COPY = 1 << 20


class _Piece(NamedTuple):
    """Where something lies in the file."""

    offset: int
    size: int


class Spill:
    """Full chunks of columns, and tasks, in the order in which they were put away.

    Args:
        types: each column's type code.
    """

    __slots__ = ("_chunks", "_end", "_file", "_loaded", "_pid", "_tasks", "_types", "_unpacked")

    def __init__(self, types: Sequence[str]) -> None:
        self._types = tuple(types)
        self._file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open for as long as the log is
        self._pid = os.getpid()
        self._end = 0
        self._chunks: list[tuple[_Piece, ...]] = []
        self._tasks: list[_Piece] = []
        self._loaded: tuple[int, tuple[array[int], ...]] | None = None
        self._unpacked: dict[int, list[Task]] = {}

    def put_chunk(self, columns: Sequence[array[int]]) -> None:
        """Puts a chunk of columns away.

        Raises:
            OSError: the disk is full; nothing was put away.
        """
        pieces = []
        for column in columns:
            pieces.append(_Piece(self._end, column.itemsize * len(column)))
            self._append(column.tobytes())
        self._chunks.append(tuple(pieces))

    def chunk(self, number: int) -> tuple[array[int], ...]:
        """A chunk's columns. The last one that was asked for is kept."""
        if self._loaded is None or self._loaded[0] != number:
            columns = tuple(array(code) for code in self._types)
            for column, piece in zip(columns, self._chunks[number], strict=True):
                column.frombytes(self._read(piece))
            self._loaded = (number, columns)
        return self._loaded[1]

    def put_tasks(self, tasks: list[Task]) -> None:
        """Puts a group of tasks away.

        Raises:
            OSError: the disk is full; nothing was put away.
        """
        try:
            data = marshal.dumps([_row(task) for task in tasks])  # a third of the time that pickle takes
        except ValueError:  # sizes of another type than int
            data = marshal.dumps([_row(task, plain=_plain) for task in tasks])
        piece = _Piece(self._end, len(data))
        self._append(data)
        self._tasks.append(piece)

    def tasks(self, group: int) -> list[Task]:
        """A group of tasks. The last one that was asked for is kept."""
        if group not in self._unpacked:
            rows = marshal.loads(self._read(self._tasks[group]))  # noqa: S302 - our own nameless file
            self._unpacked = {group: [_task(row) for row in rows]}
        return self._unpacked[group]

    def close(self) -> None:
        """Lets the file go."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        if os.getpid() != self._pid:
            self._take_over()
        self._file.seek(self._end)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._end += len(data)

    def _take_over(self) -> None:
        """A forked child goes on in a file of its own: the parent writes on in the other."""
        own = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open for as long as the log is
        for offset in range(0, self._end, COPY):
            own.write(self._read(_Piece(offset, min(COPY, self._end - offset))))
        self._file = own
        self._pid = os.getpid()

    def _read(self, piece: _Piece) -> bytes:
        if hasattr(os, "pread"):  # needs no position, which a forked child would share
            return os.pread(self._file.fileno(), piece.size, piece.offset)
        self._file.seek(piece.offset)
        return self._file.read(piece.size)


def _plain(spec: TensorSpec) -> tuple[Any, ...]:
    """An operand of which nothing is a number of another type."""
    return tuple(map(int, spec.shape)), str(spec.dtype), str(spec.fmt)


def _row(task: Task, plain: Callable[[TensorSpec], tuple[Any, ...]] = tuple) -> tuple[Any, ...]:
    """A task in plain tuples and numbers."""
    return (
        task.name,
        task.kind,
        task.unit,
        task.blocks,
        task.duration,
        [*map(plain, task.inputs)],
        [*map(plain, task.outputs)],
        task.nbytes,
        None if task.cost is None else tuple(task.cost),
        task.ranks,
        task.servers,
        task.memory,
    )


def _task(row: tuple[Any, ...]) -> Task:
    """The task again."""
    from npusim.cost_model import Cost
    from npusim.op import TensorSpec
    from npusim.records import Task

    name, kind, unit, blocks, duration, inputs, outputs, nbytes, cost, ranks, servers, memory = row
    return Task(
        name,
        kind,
        unit,
        blocks,
        duration,
        tuple(TensorSpec(*spec) for spec in inputs),
        tuple(TensorSpec(*spec) for spec in outputs),
        nbytes,
        None if cost is None else Cost(*cost),
        ranks,
        servers,
        memory,
    )
