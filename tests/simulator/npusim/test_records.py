"""The event list: bounded in memory, the same when read back."""

import os
import subprocess
import sys

import npusim
import pytest
from npusim.records import RecordLog, Task

ROW = 'npusim.TensorSpec((1, {n}), "float16")'


def filled(log: RecordLog, count: int) -> RecordLog:
    """Adds records of some tasks, a new one every third time, and returns the log."""
    shared = Task("Add", "elementwise", "AI_VECTOR_CORE", blocks=1, duration=7)
    spec = npusim.TensorSpec((4, 4), "float16")
    for i in range(count):
        task = shared if i % 3 else Task(f"Op{i}", "matmul", "AI_CORE", duration=i, inputs=(spec,))
        log.add("kernel" if i % 2 else "copy", task, i % 8, i % 5, 10 * i, 10 * i + 3, task.duration)
    return log


def told(log: RecordLog):
    """Everything that the records say."""
    return [(repr(r), r.launched, r.unit, r.inputs, r.task.blocks, r.task.kind) for r in log]


@pytest.mark.parametrize("count", [0, 6, 7, 8, 50])
def test_what_went_to_disk_reads_back_the_same(count):
    """Bounded to seven records and five tasks in memory, a log says the same as one in memory."""
    here, there = filled(RecordLog(), count), filled(RecordLog(7, 5), count)
    assert told(there) == told(here)
    assert len(there) == count
    assert [repr(r) for r in there[3:40:4]] == [repr(r) for r in here[3:40:4]]
    if count:
        assert repr(there[-1]) == repr(here[-1])
        assert repr(there[-count]) == repr(here[0])
    with pytest.raises(IndexError):
        there[count]


def test_records_come_after_reading():
    """Reading what is on disk does not disturb what is added afterwards."""
    log = filled(RecordLog(7, 5), 20)
    before = told(log)
    filled(log, 20)
    assert told(log)[:20] == before
    assert len(log) == 40


def test_a_cleared_log_starts_again():
    """clear() forgets what is on disk too, and keeps the switch."""
    log = filled(RecordLog(7, 5), 30)
    log.enabled = False
    log.clear()
    assert len(log) == 0
    assert not log.enabled
    log.enabled = True
    assert told(filled(log, 9)) == told(filled(RecordLog(), 9))


def test_without_a_disk_records_stay_in_memory(monkeypatch):
    """Where no temporary file can be written, nothing is lost."""
    from npusim.spill import Spill

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spill, "_append", full)
    assert told(filled(RecordLog(7, 5), 50)) == told(filled(RecordLog(), 50))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_child_leaves_its_parent_s_records_alone():
    """Parent and child go on in files of their own after a fork."""
    log = filled(RecordLog(7, 5), 30)
    child = os.fork()
    if child == 0:
        filled(log, 100)
        os._exit(0 if told(log)[:30] == told(filled(RecordLog(), 30)) and len(log) == 130 else 1)
    filled(log, 20)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert told(log) == told(filled(RecordLog(), 30)) + [
        (repr(r).replace(f"Record({r.index},", f"Record({r.index + 30},"), *rest)
        for r, (_, *rest) in zip(filled(RecordLog(), 20), told(filled(RecordLog(), 20)), strict=True)
    ]


MILLION = f"""
import npusim, resource, sys
node = npusim.node()
stream = node.device(0).default_stream
shared = {ROW.format(n=64)}
for n in range(1_000_000):
    x = {ROW.format(n="n % 200_000 + 1")} if n % 4 == 0 else shared
    stream.launch(npusim.Op("Add", "elementwise", [x, x], [x]))
node.device(0).synchronize()
assert len(node.records) == 1_000_001
total = sum(record.duration for record in node.records if record.category == "kernel")
assert total == node.device(0).busy
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_a_million_operators_take_little_memory():
    """A million launches, a quarter of them of changing shapes: the whole process stays under 200 MB."""
    environ = {**os.environ, "NPUSIM_SHARE_STATE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", MILLION], env=environ, check=True, capture_output=True, text=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 200e6


KILLED = """
import npusim, sys
log = npusim.RecordLog(10, 10)
for i in range(1000):
    log.add("kernel", npusim.Task(str(i), "elementwise", "AI_CORE"), 0, 0, i, i, 1)
print(sum(record.start for record in log), flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, open files have names until they are closed")
def test_a_killed_program_leaves_no_file(tmp_path):
    """What went to disk has no name: nothing lies about while the program runs, nor after it was killed."""
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", KILLED], env=environ, text=True, **pipes) as program:
        assert int(program.stdout.readline()) == sum(range(1000))
        assert list(tmp_path.iterdir()) == []
        program.kill()
    assert list(tmp_path.iterdir()) == []
