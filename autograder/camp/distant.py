"""Grading on other machines, through a Dask scheduler: jobs go out as data, verdicts come back as JSON.

A Dask worker needs the same packages as this machine, and nothing else of it: the exercise travels with the
jobs. What comes back was graded with the same exercise, grader and device, or is an error that says so.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import queue
import shutil
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from camp.course import COURSE_FILE
from camp.errors import CampError
from camp.exercise import KEPT_BACK, Exercise
from camp.jobs import Job, run_same_job
from camp.workers import WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from distributed import Client, Future

CONNECT_SECONDS = 10
AHEAD = 2
"""Jobs that are sent out for each thread of the workers: one at work, one waiting beside it."""
_LOOK_AGAIN_SECONDS = 5.0
_TRIES = 3
"""A job that came back undone is sent out so many times again."""
_PATIENCE = 12
"""So many looks in turn may find no worker before the scheduler is given up."""
_unpacking = threading.Lock()


class SchedulerError(CampError):
    """The Dask scheduler cannot be reached, or cannot grade; what was graded stays."""


@dataclass(frozen=True)
class Bundle:
    """The files that grading an exercise needs, by their path below the folder of exercises."""

    digest: str
    files: tuple[tuple[str, bytes], ...]


def bundle(exercise: Exercise) -> Bundle:
    """Pack an exercise for a machine that has none: `camp.toml`, its notebook, hidden checks and data."""
    folder = exercise.course.folder
    paths = [
        p
        for p in sorted(exercise.folder.rglob("*"))
        if p.is_file() and (p.name == "checks.py" or not KEPT_BACK & set(p.relative_to(folder).parts))
    ]
    files = [(p.relative_to(folder).as_posix(), p.read_bytes()) for p in (folder / COURSE_FILE, *paths)]
    return Bundle(exercise.digest, tuple(files))


def in_scheduler(
    address: str, exercises: dict[str, Exercise], jobs: Iterable[Job]
) -> Generator[tuple[Job, str | CampError]]:
    """Have jobs done by the workers of a Dask scheduler; yield each with its verdict's JSON, or an error.

    A job whose worker is lost is done again by another; that is Dask's own doing, and so is its bound
    (`distributed.scheduler.allowed-failures`), past which a job yields a `WorkerLostError`.

    Args:
        address: where the scheduler listens, as `tcp://host:8786`.
        exercises: what the jobs are about, by assignment.
        jobs: taken from their iterable only as workers are free for them.

    Raises:
        SchedulerError: it does not answer, has no workers, or they cannot grade.
    """
    with _client(address) as client:
        threads = _threads(client, address)
        yield from _Office(client, address, exercises).work(iter(jobs), AHEAD * threads)


def require_scheduler(address: str) -> None:
    """Make sure, before anything is begun, that a Dask scheduler answers and has workers.

    Raises:
        SchedulerError: it does not.
    """
    with _client(address) as client:
        _threads(client, address)


def _threads(client: Client, address: str) -> int:
    """How many jobs the workers do at a time."""
    threads = int(sum(client.nthreads().values()))
    if not threads:
        raise SchedulerError(
            f"the Dask scheduler at {address} has no workers; start some: dask worker {address}"
        )
    return threads


class _Office:
    """Keeps a bounded number of jobs out, and gives back what returns."""

    def __init__(self, client: Client, address: str, exercises: dict[str, Exercise]) -> None:
        self._client = client
        self._address = address
        self._exercises = exercises
        self._sent: dict[str, Future[Bundle]] = {}
        self._out: dict[str, tuple[Job, Future[str]]] = {}
        self._lost: Counter[str] = Counter()
        self._back: queue.SimpleQueue[str] = queue.SimpleQueue()

    def work(self, jobs: Iterator[Job], most: int) -> Iterator[tuple[Job, str | CampError]]:
        """Yield what is ready until all is done."""
        while True:
            while len(self._out) < most and (job := next(jobs, None)) is not None:
                self._send(job)
            if not self._out:
                return
            job, future = self._out.pop(self._next())
            if future.status in {"cancelled", "lost"} and self._lost[job.key] < _TRIES and self._alive():
                self._lost[job.key] += 1  # the exercise was lost with the worker that had it
                future.release()
                self._send(job)
                continue
            yield job, self._read(future)

    def _send(self, job: Job) -> None:
        exercise = self._sent.get(job.assignment)
        if exercise is None or exercise.status != "finished":
            exercise = _scatter(self._client, self._exercises[job.assignment], self._address)
            self._sent[job.assignment] = exercise
        future = self._client.submit(_run, exercise, job, key=job.key, pure=False, retries=0)
        self._out[job.key] = (job, future)
        future.add_done_callback(lambda done: self._back.put(done.key))

    def _next(self) -> str:
        """The key of a job that has come back."""
        for _ in range(_PATIENCE):
            with contextlib.suppress(queue.Empty):
                return self._back.get(timeout=_LOOK_AGAIN_SECONDS)
            while self._alive():
                with contextlib.suppress(queue.Empty):
                    return self._back.get(timeout=_LOOK_AGAIN_SECONDS)
        raise SchedulerError(
            f"the Dask scheduler at {self._address} has lost its workers; "
            "start some, then give the same command, which goes on"
        )

    def _alive(self) -> bool:
        """Whether the scheduler answers and has workers."""
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            return self._client.status == "running" and bool(self._client.nthreads())
        return False

    def _read(self, future: Future[str]) -> str | CampError:
        from distributed.scheduler import KilledWorker

        if future.status == "finished":
            return str(future.result(timeout=CONNECT_SECONDS))
        if future.status != "error":
            raise SchedulerError(
                f"the connection to the Dask scheduler at {self._address} is lost; "
                "what was graded stays, the same command goes on"
            )
        error = future.exception(timeout=CONNECT_SECONDS)
        if isinstance(error, KilledWorker):
            return WorkerLostError(f"Dask gave a job up after {error.allowed_failures + 1} lost workers")
        if isinstance(error, CampError):
            return error
        raise SchedulerError(
            f"a worker of the Dask scheduler at {self._address} cannot grade "
            f"({type(error).__name__}: {error}); give it the packages of this machine's requirements.txt"
        )


@contextlib.contextmanager
def _client(address: str) -> Iterator[Client]:
    """A connection to the scheduler, quiet, and closed in any case."""
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise SchedulerError(
            f"no Dask scheduler answers at {address!r} ({why[0]}); "
            "start one with: dask scheduler, or leave --scheduler out"
        ) from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=CONNECT_SECONDS)


def _scatter(client: Client, exercise: Exercise, address: str) -> Future[Bundle]:
    """Send an exercise to the workers, once for all jobs."""
    try:
        sent: Future[Bundle] = client.scatter(bundle(exercise), broadcast=True, hash=False)
    except (OSError, TimeoutError) as error:
        raise SchedulerError(f"the workers of {address} take no data ({error}); see their logs") from None
    return sent


def _run(exercise: Bundle, job: Job) -> str:
    """In a Dask worker: do one job."""
    return run_same_job(_unpack(exercise), job)


def _unpack(exercise: Bundle) -> Path:
    """The folder of exercises that a bundle makes, once for each in this process."""
    with _unpacking:
        return _unpacked(exercise.digest, exercise)


@functools.lru_cache(maxsize=8)
def _unpacked(_digest: str, exercise: Bundle) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="camp-exercises-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, data in exercise.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
