"""Work by several processes: every job has its result, and the one that kills its worker costs itself."""

import os
import signal
import time

import pytest
from camp.errors import CampError, CourseError
from camp.workers import WorkerLostError, in_workers

pytestmark = pytest.mark.slow


def square(number):
    """A job that goes well."""
    return number * number


def picky(number):
    """A job that fails with our error, or ends its worker, by the number."""
    if number == 3:
        raise CourseError("three is not wanted")
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def ignores_interrupts(_):
    """Whether Ctrl-C, sent to this worker, leaves it alone."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)
    return True


@pytest.fixture(autouse=True)
def _importable(monkeypatch, request):
    """Fresh processes must find this file by its name."""
    import sys

    folder = str(request.path.parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setitem(sys.modules, request.path.stem, request.module)
    for function in (square, picky, ignores_interrupts):
        function.__module__ = request.path.stem


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_has_its_result(workers):
    """Every job comes back once, with its own result."""
    assert sorted(in_workers(square, [1, 2, 3, 4], workers)) == [(1, 1), (2, 4), (3, 9), (4, 16)]


def test_no_jobs_no_workers():
    """Without jobs there is nothing to wait for."""
    assert list(in_workers(square, [], 4)) == []


def test_killed_worker_costs_the_job_that_killed_it():
    """Our errors come back as results; of jobs beside a worker that was killed none is lost."""
    found = dict(in_workers(picky, [1, 2, 3, 4, 5, 6], 2))
    assert {job: result for job, result in found.items() if not isinstance(result, CampError)} == {
        1: 1,
        2: 2,
        5: 5,
        6: 6,
    }
    assert str(found[3]) == "three is not wanted"
    assert isinstance(found[4], WorkerLostError)


def test_interrupts_are_the_parents(capfd):
    """A worker that Ctrl-C reaches goes on; what happens then is for the parent to say."""
    assert list(in_workers(ignores_interrupts, [1], 1)) == [(1, True)]
    assert capfd.readouterr().err == ""
