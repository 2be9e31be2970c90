"""Work done by several processes, none of it lost: a worker that is killed costs time, and no other job.

A job whose worker is killed is done again by another. Only the job under which several workers in turn were
killed is to blame itself.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import tempfile
from collections import deque
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from camp.errors import CampError
from camp.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from pathlib import Path

Job = TypeVar("Job")
Result = TypeVar("Result")

TRIES = 3
"""After so many killed workers a job is taken to have killed them."""
MAX_FALSE_STARTS = 20
"""After so many workers, one after the other, that ended before they were ready, this machine has none."""
_LEAVE_SECONDS = 15
_READY = "ready"


class WorkerLostError(CampError):
    """The process that did a job was ended from outside or by the job itself, several times over."""


class NoWorkersError(CampError):
    """Worker processes end before they can begin."""


@dataclass
class _Task(Generic[Job]):
    job: Job
    deaths: int = 0


class _Worker(Generic[Job]):
    """One process, the pipe to it, and what it has to do; the task is handed over once it is ready."""

    def __init__(
        self, context: BaseContext, setting: tuple[Any, ...], folder: Path, task: _Task[Job]
    ) -> None:
        self.task: _Task[Job] | None = task
        self.ready = False
        self.folder = folder
        folder.mkdir()
        self.pipe, theirs = context.Pipe()
        with theirs:
            self.process = context.Process(  # type: ignore[attr-defined] # of every concrete context
                target=_serve, args=(theirs, folder, dict(os.environ), *setting), daemon=False
            )
            self.process.start()

    def give(self, task: _Task[Job] | None) -> None:
        """Hand over a task, or None: there is no more. A worker that is gone will be noticed by its end."""
        self.task = task
        with contextlib.suppress(OSError):
            self.pipe.send(None if task is None else (task.job,))

    def hear(self) -> Any:
        """What it has to say.

        Raises:
            EOFError: it has ended.
        """
        try:
            return self.pipe.recv()
        except (OSError, pickle.UnpicklingError):  # it ended in the middle of a word
            raise EOFError from None

    def end(self, seconds: float = _LEAVE_SECONDS) -> None:
        """Wait for its end, and bring it about where it does not come."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def in_workers(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int,
    prepare: Callable[[], object] | None = None,
) -> Generator[tuple[Job, Result | CampError]]:
    """Call a function for every job, in processes; yield each job with its result as it is ready.

    Jobs are taken from their iterable only when a worker is free for them, so that neither many jobs nor many
    results are held. A job that fails with one of our errors yields that error; one that killed its worker
    again and again yields a `WorkerLostError`.

    Args:
        function: a function of a module, which a fresh process can import.
        jobs: its arguments; each is sent to a worker.
        workers: how many processes at most.
        prepare: called once in each worker before its first job, for what takes long and no job is to blame
            for; its errors are those of the first job that meets them again.

    Raises:
        NoWorkersError: this machine cannot keep a worker alive.
    """
    with scratch_folder() as scratch:
        crew = _Crew(function, prepare, workers, scratch)
        try:
            yield from crew.work(iter(jobs))
        except BaseException:
            crew.dismiss()
            raise
        finally:
            crew.leave()


class _Crew(Generic[Job, Result]):
    """The workers of one run, and which of them does what."""

    def __init__(
        self,
        function: Callable[[Job], Result],
        prepare: Callable[[], object] | None,
        size: int,
        scratch: Path,
    ) -> None:
        self._context = _context()
        self._setting = (function, prepare)
        self._size = size
        self._scratch = scratch
        self._again: deque[_Task[Job]] = deque()
        self._workers: list[_Worker[Job]] = []
        self._started = 0
        self._false_starts = 0

    def work(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Result | CampError]]:
        """Yield what is ready until all is done."""
        while True:
            while len(self._workers) < self._size and (task := self._next(jobs)):
                self._workers.append(self._start(task))
            if not self._workers:
                return
            news = {w.pipe: w for w in self._workers}
            for pipe in connection.wait(list(news)):
                yield from self._attend(news[pipe], jobs)  # type: ignore[index]

    def _next(self, jobs: Iterator[Job]) -> _Task[Job] | None:
        if self._again:
            return self._again.popleft()
        return next((_Task(job) for job in jobs), None)

    def _start(self, task: _Task[Job]) -> _Worker[Job]:
        self._started += 1
        with _interrupts_later():
            return _Worker(self._context, self._setting, self._scratch / str(self._started), task)

    def _attend(self, worker: _Worker[Job], jobs: Iterator[Job]) -> Iterator[tuple[Job, Result | CampError]]:
        """Hear one worker out: it is ready, or done with its task, or gone."""
        try:
            said = worker.hear()
        except EOFError:
            yield from self._mourn(worker)
            return
        task = worker.task
        if said == _READY:
            worker.ready = True
            worker.give(task)
            return
        self._false_starts = 0
        worker.give(self._next(jobs))
        if worker.task is None:
            self._workers.remove(worker)
            worker.end()
        if task is not None:
            yield task.job, said[0]

    def _mourn(self, worker: _Worker[Job]) -> Iterator[tuple[Job, CampError]]:
        """A worker has ended with its task undone: have it done again, or give it up."""
        self._workers.remove(worker)
        worker.end()
        task = worker.task
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts > MAX_FALSE_STARTS:
                raise NoWorkersError(
                    f"worker processes end before they begin (code {worker.process.exitcode}); "
                    "see whether the machine lacks memory, or give fewer --workers"
                )
        elif task is not None:
            task.deaths += 1
        if task is not None and task.deaths >= TRIES:
            yield task.job, WorkerLostError(f"{TRIES} workers were killed, one after the other, by one job")
        elif task is not None:
            self._again.append(task)

    def dismiss(self) -> None:
        """Tell all to leave what they are at."""
        for worker in self._workers:
            worker.process.terminate()

    def leave(self) -> None:
        """Wait until all are gone."""
        with _interrupts_later():
            for worker in self._workers:
                worker.end()
            self._workers.clear()


def _context() -> BaseContext:
    """How processes are started: forked from one that has imported what they need, where that is possible."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["camp.quick", "camp.jobs"])
    return context


def start_early() -> None:
    """Have the process that workers are forked from import what they need, beside this one."""
    if _context().get_start_method() == "forkserver":
        with _interrupts_later():
            forkserver.ensure_running()


def _serve(
    pipe: Connection,
    folder: Path,
    environment: dict[str, str],
    function: Callable[[Any], Any],
    prepare: Callable[[], object] | None,
) -> None:
    """Be a worker: do what comes through the pipe until there is no more."""
    try:
        _obey()
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = str(folder)  # what is killed leaves things behind; the parent removes them
        if prepare is not None:
            with contextlib.suppress(Exception):
                prepare()
        pipe.send(_READY)
        while (order := pipe.recv()) is not None:
            pipe.send((_call(function, order[0]),))
    except (EOFError, OSError):  # the parent is gone
        return
    except SystemExit:  # told to end; what the job had open is closed by now
        os._exit(1)


def _call(function: Callable[[Job], Result], job: Job) -> Result | CampError:
    """Do one job in a worker."""
    try:
        return function(job)
    except CampError as error:
        return error


def _obey() -> None:
    """In a worker: leave Ctrl-C to the parent, and end in order when the parent says so, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform.startswith("linux"):
        from camp.warm import linux

        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)


def _leave(_number: int, _frame: Any) -> None:
    raise SystemExit(1)


@contextlib.contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold Ctrl-C back while processes start: they inherit that, and print no traceback of their own."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
