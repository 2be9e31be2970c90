"""Work done by several processes, none of it lost: a worker that is killed costs the job that killed it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from camp.errors import CampError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

Job = TypeVar("Job", bound="Hashable")
Result = TypeVar("Result")


class WorkerLostError(CampError):
    """The process that did a job was ended from outside or by the job itself."""


def in_workers(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result | CampError]]:
    """Call a function for every job, in processes; yield each job with its result as it is ready.

    A job that fails with one of our errors yields that error. Jobs whose worker was killed are done again,
    each in a process of its own, so that only the one to blame yields a `WorkerLostError`.

    Args:
        function: a function of a module, which a fresh process can import.
        jobs: its arguments, all different.
        workers: how many processes at most.
    """
    left = dict.fromkeys(jobs)
    for job, result in _pool(function, list(jobs), workers):
        del left[job]
        yield job, result
    for job in left:
        yield job, next((result for _, result in _pool(function, [job], 1)), WorkerLostError("worker lost"))


def _pool(
    function: Callable[[Job], Result], jobs: list[Job], workers: int
) -> Iterator[tuple[Job, Result | CampError]]:
    """Yield what is ready, until all is done or a worker is lost."""
    if not jobs:
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_obey)
    try:
        with _interrupts_later():
            running = {pool.submit(_call, function, job): job for job in jobs}
        for done in as_completed(running):
            yield running[done], done.result()
    except BrokenProcessPool:
        return
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True)


def _call(function: Callable[[Job], Result], job: Job) -> Result | CampError:
    """Do one job in a worker."""
    try:
        return function(job)
    except CampError as error:
        return error
    except SystemExit:  # told to end; what the job had open is closed by now
        os._exit(1)


def _obey() -> None:
    """In a worker: leave Ctrl-C to the parent, and end in order when the parent says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


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
