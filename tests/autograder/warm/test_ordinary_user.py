"""The sandbox as an ordinary user gets it, for test runs as root."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
AS_USER = (sys.executable, HERE / "ordinary_user.py", "64321", sys.executable)


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests ran as an ordinary user already")
def test_the_attacks_fail_for_an_ordinary_user_too():
    """Without root, namespaces and Landlock hold against the same attacks."""
    started = subprocess.run(
        [*AS_USER, "-c", "print(1)"],
        check=False,
        capture_output=True,
        text=True,
    )
    if started.returncode:
        pytest.skip(f"no mounts for this root: {started.stderr.strip().splitlines()[-1]}")
    base = f"/tmp/camp-ordinary-{os.getpid()}"  # noqa: S108 - not below tmp_path, which is root's
    done = subprocess.run(
        [*AS_USER, "-m", "pytest", HERE / "test_attacks.py", "-p", "no:cacheprovider", "--basetemp", base],
        check=False,
        capture_output=True,
        text=True,
        cwd=HERE.parents[2],
    )
    subprocess.run(["rm", "-rf", base], check=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"^\.", done.stdout, re.MULTILINE), "every attack was skipped"
