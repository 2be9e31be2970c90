"""A busy machine costs no learner points: waiting for a processor is not counted as time taken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from camp.warm import talk
from camp.warm.keeper import waited_seconds
from camp.warm.talk import Patience


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to: `clock.now`."""
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(talk.time, "monotonic", lambda: made.now)
    return made


def test_waiting_for_a_processor_is_not_counted(clock):
    """A cell that waited six of its twelve seconds has four of ten left."""
    life = SimpleNamespace(waited=50.0)
    patience = Patience(life, 10)
    clock.now += 12
    life.waited += 6
    assert patience.left() == pytest.approx(4)


def test_sleeping_is_counted(clock):
    """A cell that merely sleeps runs out of its time."""
    patience = Patience(SimpleNamespace(waited=0.0), 10)
    clock.now += 10
    assert patience.left() <= 0


def test_waiting_stretches_a_bound_only_so_far(clock):
    """A program that makes itself wait, by a thousand processes, is ended all the same."""
    life = SimpleNamespace(waited=0.0)
    patience = Patience(life, 10)
    clock.now += 41
    life.waited += 1e6
    assert patience.left() <= 0


def test_linux_tells_how_long_a_process_waited():
    """Two busy processes on one processor: one of them has had to wait."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    other = subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    )
    try:
        other.stdout.read(1)
        before = waited_seconds(os.getpid())
        spent = time.process_time()
        while waited_seconds(os.getpid()) <= before and time.process_time() < spent + 30:
            pass
        assert waited_seconds(os.getpid()) > before
    finally:
        other.kill()
        other.communicate()
        os.sched_setaffinity(0, cores)


def test_a_process_that_is_gone_has_not_waited():
    """No such process, or a machine that hides it: no leave to take longer."""
    assert waited_seconds(2**22 + 1) == 0.0
