"""The Makefile's set-up: it repairs what was uninstalled, and says in one line what it cannot use."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A checkout of the Makefile alone, whose Python notes what pip and venv are asked and does not do it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "pyproject.toml").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -m ]; then shift; echo "$*" >>{tmp_path}/log; exit 0; fi\n'
        f'exec {sys.executable} "$@"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)

    def make(*arguments, requirements="", kept=None):
        (tmp_path / "requirements.txt").write_text(requirements, encoding="utf-8")
        for name in ("requirements.txt", "pyproject.toml"):
            os.utime(tmp_path / name, (0, 0))
        if kept is not None:
            (tmp_path / ".venv" / ".ready").write_text(kept, encoding="utf-8")
        command = ["make", "-C", str(tmp_path), ".venv/.ready", f"PYTHON={python}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    make.log = tmp_path / "log"
    make.ready = tmp_path / ".venv" / ".ready"
    return make


CLICK = importlib.metadata.version("click")


TORCH = importlib.metadata.version("torch").partition("+")[0]


PSYCOPG = importlib.metadata.version("psycopg")


@pytest.mark.parametrize(
    "pin",
    [
        "",
        f"torch=={TORCH}\n",
        f"click=={CLICK}  # a reason\n",
        f"psycopg[binary]=={PSYCOPG}\n",
        "# a comment\n",
    ],
)
def test_what_is_in_order_is_left(checkout, pin):
    """With every pinned package there, as a local build (+cpu) or not, nothing is installed."""
    done = checkout(requirements=pin, kept="click\n")
    assert done.returncode == 0, done.stderr
    assert not checkout.log.exists()


@pytest.mark.parametrize(
    ("requirements", "kept", "told"),
    [
        ("none-such==1.0\n", "", "none-such is missing"),
        ("click==0.1\n", "", f"click is {CLICK}, not 0.1"),
        (f"click=={CLICK}\n", "click\nnone-such\n", "none-such is missing"),
    ],
    ids=["pinned", "another version", "brought along"],
)
def test_what_is_missing_is_installed_again(checkout, requirements, kept, told):
    """A package that was uninstalled or replaced since set-up is named, and the set-up runs again."""
    done = checkout(requirements=requirements, kept=kept)
    assert done.returncode == 0, done.stderr
    assert f"camp: in .venv, {told}; it is set up again" in done.stdout
    assert "-r requirements.txt" in checkout.log.read_text(encoding="utf-8")
    assert "click" in checkout.ready.read_text(encoding="utf-8").split()


def test_environment_whose_python_is_gone(checkout):
    """An environment that cannot even start its Python is set up again."""
    broken = checkout.ready.parent.parent / "broken"
    broken.mkdir()
    (broken / ".ready").touch()
    done = checkout("VENV=broken", "broken/.ready", kept="")
    assert "camp: in broken, its Python does not run; it is set up again" in done.stdout
    assert f"venv {broken.name}" in checkout.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("python", ["true", "false", "none-such-program", "echo"])
def test_python_that_is_none(checkout, python):
    """What is no Python of the right version is one line, also a program that only ends well."""
    done = checkout(f"PYTHON={python}")
    assert done.returncode != 0
    assert f"camp: '{python}' is not Python 3.11 or newer" in done.stderr
    assert not checkout.log.exists()


def test_index_that_is_no_address(checkout):
    """A TORCH_INDEX that is no address has a line of its own; one that is goes to pip."""
    done = checkout("TORCH_INDEX=cpu")
    assert done.returncode != 0
    assert "camp: TORCH_INDEX='cpu' is no address" in done.stderr
    assert not checkout.log.exists()
    assert checkout("TORCH_INDEX=file:///here").returncode == 0
    assert "--index-url file:///here" in checkout.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(("code", "asked"), [(0, "grade report"), (1, "grade report"), (130, "grade")])
def test_report_also_where_one_was_refused(tmp_path, code, asked):
    """A class of which one could not be read is reported all the same, and make fails; Ctrl-C ends it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    camp = tmp_path / ".venv" / "bin" / "camp"
    camp.parent.mkdir(parents=True)
    script = f'#!/bin/sh\necho "$1" >>{tmp_path}/log\n[ "$1" = report ] || exit {code}\n'
    camp.write_text(script, encoding="utf-8")
    camp.chmod(0o755)
    command = ["make", "-C", str(tmp_path), "-o", "site", "-o", "release", "camp"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (tmp_path / "log").read_text(encoding="utf-8").split() == asked.split()
    assert (done.returncode == 0) == (code == 0), done.stderr
