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
UID = 64_321


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests ran as an ordinary user already")
def test_the_attacks_fail_for_an_ordinary_user_too(tmp_path):
    """Without root, namespaces and Landlock hold against the same attacks."""
    started = subprocess.run(
        [sys.executable, str(HERE / "ordinary_user.py"), str(UID), sys.executable, "-c", "print(1)"],
        check=False,
        capture_output=True,
        text=True,
    )
    if started.returncode:
        pytest.skip(f"no mounts for this root: {started.stderr.strip().splitlines()[-1]}")
    base = f"/tmp/camp-ordinary-{os.getpid()}"  # noqa: S108 - not below tmp_path, which is root's
    done = subprocess.run(
        [sys.executable, str(HERE / "ordinary_user.py"), str(UID)]
        + [sys.executable, "-m", "pytest", str(HERE / "test_attacks.py"), "-p", "no:cacheprovider"]
        + ["--basetemp", base, "-q", "-rN"],
        check=False,
        capture_output=True,
        text=True,
        cwd=HERE.parents[2],
    )
    subprocess.run(["rm", "-rf", base], check=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"^\.", done.stdout, re.MULTILINE), "every attack was skipped"
