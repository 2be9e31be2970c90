"""Grading through a Dask scheduler: the same verdicts as here, and each trouble one line."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from camp.answers import fill_in
from camp.cli import main
from camp.course import load_course
from camp.distant import SchedulerError, _Office, bundle, in_scheduler
from camp.exercise import load_exercise
from camp.fingerprint import hashes
from camp.intake import Submitted, read_submitted
from camp.jobs import Job, OtherVersionError, run_job, run_same_job
from camp.verdict import Verdict
from camp.workers import WorkerLostError
from click.testing import CliRunner

ANSWERS = {
    "ada": {"double": "def double(x):\n    return 2 * x", "total": "total = sum"},
    "bo": {"double": "def double(x):\n    return x"},
    "cleo": {},
    "dima": {"double": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "total": "total = sum"},
    "王 小明": {"double": "print('hi')\ndef double(x):\n    raise KeyError(x)"},
}


def _job(path, exercise, learner):
    submitted = read_submitted(path)
    return Job(exercise.id, learner, submitted, hashes(submitted.digest, exercise))


def test_bundle_holds_what_grading_needs_and_no_more(sums, words):
    """An exercise travels with its checks and data, without the solutions beside it."""
    assert [name for name, _ in bundle(sums).files] == ["camp.toml", "a1-sums/checks.py", "a1-sums/sums.md"]
    names = [name for name, _ in bundle(words).files]
    assert "a2-words/data/greeting.txt" in names
    assert not any("right" in name or "wrong" in name for name in names)


def test_unpacked_exercise_is_the_same(sums, words):
    """What is unpacked elsewhere has the digest of what was packed."""
    from camp.distant import _unpack

    for exercise in (sums, words):
        there = load_exercise(load_course(_unpack(bundle(exercise))), exercise.id)
        assert there.digest == exercise.digest
        assert there.folder != exercise.folder


def test_key_names_the_work(learner_file, sums):
    """Two jobs have one key only if learner, bytes, exercise, grader and device are the same."""
    one = _job(learner_file({}), sums, "ada")
    assert one.key == _job(learner_file({}), sums, "ada").key
    others = [_job(learner_file({}), sums, "bo"), _job(learner_file({"total": "total = sum"}), sums, "ada")]
    changes = [{name: "0" * 64} for name in ("exercise", "grader", "environment")]
    others += [Job("a1-sums", "ada", one.submitted, one.hashes.model_copy(update=c)) for c in changes]
    assert len({one.key, *(job.key for job in others)}) == 6


def test_other_version_is_refused(learner_file, sums):
    """A worker with another grader or device gives no verdict but says what is different."""
    job = _job(learner_file({}), sums, "ada")
    other = Job("a1-sums", "ada", job.submitted, job.hashes.model_copy(update={"grader": "x"}))
    with pytest.raises(OtherVersionError, match="a worker has another grader than this machine; give both"):
        run_same_job(sums.course.folder, other)
    assert run_same_job(sums.course.folder, job) == run_job(sums.course.folder, job)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "no such address", "foo://x:1"])
def test_unreachable_scheduler(toy, hand_in, right, monkeypatch, address):
    """A scheduler that is not there is one line and exit code 1; nothing is changed."""
    monkeypatch.setattr("camp.distant.CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = address.format(port=free.getsockname()[1])
    inbox = hand_in("ada", right)
    earlier = toy.results / "a1-sums" / "bo.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier", encoding="utf-8")
    command = ["--root", str(toy.root), "grade", "--from", str(inbox), "--scheduler", address]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith(f"camp: no Dask scheduler answers at {address!r} (")
    assert lines[0].endswith("start one with: dask scheduler, or leave --scheduler out")
    assert earlier.read_text(encoding="utf-8") == "earlier"
    assert not toy.course.exists()


@pytest.fixture(scope="module")
def scheduler():
    """A real scheduler on this machine; its address."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            yield f"tcp://127.0.0.1:{port}"
        finally:
            running.terminate()


@pytest.fixture
def start_worker(scheduler, tmp_path):
    """Start Dask workers, each a process of its own; all are ended with the test."""
    started = []

    def start(threads=1):
        command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler]
        options = ["--nthreads", str(threads), "--no-dashboard", "--local-directory", str(tmp_path / "dask")]
        worker = subprocess.Popen(
            [*command, *options, "--no-nanny", "--death-timeout", "60"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


@pytest.fixture
def jobs(tmp_path, sums):
    """A job for each of the answers."""
    import nbformat

    made = []
    for learner, answers in ANSWERS.items():
        path = tmp_path / learner / "sums.ipynb"
        path.parent.mkdir()
        path.write_text(nbformat.writes(fill_in(sums, answers)), encoding="utf-8")
        made.append(_job(path, sums, learner))
    return [*made, Job("a1-sums", "eve", Submitted(b"<html>", "0", ""), hashes("0", sums))]


def _wait_for_workers(address, count):
    from distributed import Client

    with Client(address, set_as_default=False, timeout=60) as client:
        client.wait_for_workers(count, timeout=60)


def _wait_until_alone(address):
    """Until the scheduler has noticed that the workers of earlier tests have left."""
    from distributed import Client

    with Client(address, set_as_default=False, timeout=60) as client:
        for _ in range(300):
            if not client.nthreads():
                return
            time.sleep(0.1)


@pytest.mark.slow
def test_same_verdicts_from_far_away(scheduler, start_worker, sums, jobs):
    """Dask's workers, also of several threads, give this machine's verdicts; a killed one loses no job."""
    doomed = start_worker()
    start_worker(threads=2)
    _wait_for_workers(scheduler, 2)
    found = {}
    for job, result in in_scheduler(scheduler, {"a1-sums": sums}, jobs):
        found[job.learner] = result
        if len(found) == 2:
            os.kill(doomed.pid, signal.SIGKILL)
    assert found == {job.learner: run_job(sums.course.folder, job) for job in jobs}
    points = {name: Verdict.model_validate_json(text).points for name, text in found.items()}
    assert points == {"ada": 5, "bo": 0, "cleo": 0, "dima": 3, "eve": 0, "王 小明": 0}


@pytest.mark.slow
def test_class_is_graded_by_command(toy, scheduler, start_worker, hand_in, right):
    """`camp grade --scheduler` writes verdicts and enters them, and a second time has nothing to grade."""
    for name in ("ada", "王 小明"):
        inbox = hand_in(name, right)
    start_worker()
    _wait_for_workers(scheduler, 1)
    command = ["--root", str(toy.root), "grade", "--scheduler", scheduler]
    result = CliRunner().invoke(main, [*command, "--from", str(inbox)])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert sorted(p.stem for p in toy.results.rglob("*.json")) == ["ada", "王 小明"]
    again = CliRunner().invoke(main, command)
    assert again.stdout.count("(unchanged)") == 2


@pytest.mark.slow
def test_scheduler_without_workers(scheduler, sums):
    """A scheduler that has no workers is told in one line, with the command that starts some."""
    _wait_until_alone(scheduler)
    with pytest.raises(SchedulerError) as caught:
        list(in_scheduler(scheduler, {"a1-sums": sums}, []))
    told = f"the Dask scheduler at {scheduler} has no workers; start some: dask worker {scheduler}"
    assert str(caught.value) == told


class _Future:
    def __init__(self, status, error=None):
        self.status, self._error = status, error

    def exception(self, **_):
        return self._error


def test_how_a_job_can_end():
    """A lost job is the job's own end; a worker without our packages, or a lost connection, ends the run."""
    from distributed.scheduler import KilledWorker, WorkerState

    office = _Office(None, "tcp://x:1", {})
    lost = KilledWorker("key", WorkerState.__new__(WorkerState), 3)
    result = office._read(_Future("error", lost))
    assert isinstance(result, WorkerLostError)
    assert str(result) == "Dask gave a job up after 4 lost workers"
    own = OtherVersionError("another grader")
    assert office._read(_Future("error", own)) is own
    with pytest.raises(SchedulerError, match=r"cannot grade .ModuleNotFoundError: No module"):
        office._read(_Future("error", ModuleNotFoundError("No module named 'camp'")))
    with pytest.raises(SchedulerError, match="the Dask scheduler at tcp://x:1 is lost; what was"):
        office._read(_Future("cancelled"))
