"""Work by several processes: every job has its result, and the one that kills its worker costs itself."""

import os
import signal
import tempfile
import time

import pytest
from camp.errors import CampError, CourseError
from camp.workers import MAX_FALSE_STARTS, TRIES, NoWorkersError, WorkerLostError, in_workers

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


def dies_twice(path):
    """Kill this worker, the first two times that the job is begun."""
    with path.open("a", encoding="utf-8") as file:
        file.write("x")
    if path.stat().st_size < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return path.stat().st_size


def dies_at_once():
    """End this worker before it is ready."""
    os.kill(os.getpid(), signal.SIGKILL)


def fails():
    """A preparation that fails, which is no job's fault."""
    raise CourseError("not today")


def leaves_a_file(_):
    """Leave something in the temporary folder, and say where that is."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        return file.name


def environment_of(name):
    """What this worker's environment says."""
    return os.environ.get(name)


@pytest.fixture(autouse=True)
def _importable(monkeypatch, request):
    """Fresh processes must find this file by its name."""
    import sys

    folder = str(request.path.parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setitem(sys.modules, request.path.stem, request.module)
    ours = (square, picky, ignores_interrupts, dies_twice, dies_at_once, fails, leaves_a_file, environment_of)
    for function in ours:
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


def test_job_whose_worker_was_killed_is_done_again(tmp_path):
    """A job that lost two workers, by whoever's doing, has its result from the third."""
    assert TRIES == 3
    jobs = [tmp_path / "one", tmp_path / "two"]
    assert sorted(in_workers(dies_twice, jobs, 2)) == [(jobs[0], 3), (jobs[1], 3)]


def test_jobs_are_taken_as_workers_are_free():
    """No more jobs are held than there are workers, and one that has come back."""
    taken = []

    def jobs():
        for number in range(12):
            taken.append(number)
            yield number

    for done, _ in enumerate(in_workers(square, jobs(), 2), start=1):
        assert len(taken) <= done + 2
    assert len(taken) == 12


def test_machine_that_keeps_no_worker_alive():
    """Workers that end before they begin are no job's fault: after many of them one line says so."""
    with pytest.raises(NoWorkersError, match=r"worker processes end before they begin .code -9.; see"):
        list(in_workers(square, [1, 2], 2, dies_at_once))
    assert MAX_FALSE_STARTS < 100


def test_preparation_that_fails_costs_no_job():
    """What a preparation raises is left to the job that meets it again."""
    assert list(in_workers(square, [3], 1, fails)) == [(3, 9)]


def test_what_jobs_leave_behind_goes_with_the_run():
    """Temporary files that a job leaves are in a folder of the run, and go with it."""
    names = [name for _, name in in_workers(leaves_a_file, [1, 2], 2)]
    assert all("camp-run-" in name for name in names)
    assert not any(os.path.exists(name) for name in names)  # noqa: PTH110


def test_workers_have_the_environment_of_now(monkeypatch):
    """What was set since the first workers were started is known to those of a later run."""
    list(in_workers(square, [1], 1))
    monkeypatch.setenv("CAMP_TEST_NAME", "now")
    assert list(in_workers(environment_of, ["CAMP_TEST_NAME"], 1)) == [("CAMP_TEST_NAME", "now")]


def test_leaving_early_ends_the_workers():
    """Who stops asking for results has no worker left behind."""
    import multiprocessing

    work = in_workers(square, [1, 2, 3], 2)
    next(work)
    work.close()
    assert multiprocessing.active_children() == []
