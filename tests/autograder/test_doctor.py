"""`camp doctor`: it says what is there, what is missing and what to do, and never falls over."""

import importlib.machinery
import importlib.metadata
import importlib.util
import subprocess
import sys

import pytest
from camp import doctor
from camp.cli import main
from camp.doctor import examine
from click.testing import CliRunner


def _by_name(layout):
    return {symptom.what: symptom for symptom in examine(layout)}


def test_every_ill_has_a_remedy(toy, monkeypatch):
    """On a machine with nothing on it, everything is said to be missing, each with its remedy."""
    monkeypatch.setattr(importlib.metadata, "version", _not_found)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    monkeypatch.setattr(doctor.subprocess, "run", _no_program)
    monkeypatch.setattr(doctor, "MIN_PYTHON", (99, 0))
    found = _by_name(toy)
    ill = [s for s in found.values() if not s.well]
    assert len(ill) >= 11
    assert all(s.remedy for s in ill)
    assert not found["Python"].well


def _not_found(name):
    raise importlib.metadata.PackageNotFoundError(name)


def _no_program(*_, **__):
    raise FileNotFoundError


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("fc-list", 30)])
def test_fonts_cannot_stop_it(toy, monkeypatch, error):
    """A machine without fc-list, or with one that hangs, is examined all the same."""

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(doctor.subprocess, "run", fails)
    assert not _by_name(toy)["Chinese fonts"].well


@pytest.mark.parametrize("kind", ["simulated", "real", "none"])
def test_which_device_is_in_use(toy, tmp_path, monkeypatch, kind):
    """It says whether torch_npu is the simulated one or a real one, and where it lies."""
    (tmp_path / "torch_npu").mkdir()
    (tmp_path / "torch_npu" / "__init__.py").touch()
    if kind == "simulated":
        (tmp_path / "npusim").mkdir()
        (tmp_path / "npusim" / "__init__.py").touch()
    spec = importlib.util.spec_from_file_location("torch_npu", tmp_path / "torch_npu" / "__init__.py")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: spec if (name, kind) != ("torch_npu", "none") else None
    )
    found = _by_name(toy)["torch_npu"]
    assert found.found.startswith(kind)
    assert found.well is (kind != "none")
    assert kind == "none" or str(tmp_path) in found.found


def test_package_that_cannot_be_imported(toy, monkeypatch, tmp_path):
    """A package that pip knows, but whose files are gone, is ill, with the command that brings it back."""
    (tmp_path / "nbclient").mkdir()  # emptied: Python takes it for a namespace
    emptied = importlib.machinery.PathFinder.find_spec("nbclient", [str(tmp_path)])
    gone = {"nbclient": emptied, "yaml": None}
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: gone[name] if name in gone else find(name))
    found = _by_name(toy)
    assert [s.what for s in found.values() if "cannot be imported" in s.found] == ["nbclient", "PyYAML"]
    version = importlib.metadata.version("PyYAML")
    assert found["PyYAML"].remedy.endswith(f" -m pip install --force-reinstall --no-deps PyYAML=={version}")
    assert not found["PyYAML"].well


def test_doctor_comes_where_rich_is_missing(toy):
    """Without rich the command says in plain text what is there, what is missing and what to do."""
    code = (
        "import sys, importlib.metadata as m\n"
        "sys.modules['rich'] = None\n"
        "version = m.version\n"
        "def gone(name):\n"
        "    if name == 'rich': raise m.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "m.version = gone\n"
        "from camp.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--root", str(toy.root), "doctor"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "MISSING rich: not installed; run make camp" in done.stdout.splitlines()
    assert "ok      pydantic: " in done.stdout
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().startswith("camp: not well: ")


def test_what_cannot_be_found_is_no_traceback(toy, monkeypatch):
    """A package in a state in which Python itself refuses to look for it is 'none'."""

    def broken(name):
        raise ValueError(f"{name}.__spec__ is None")

    monkeypatch.setattr(importlib.util, "find_spec", broken)
    assert _by_name(toy)["torch_npu"].found == "none"


def test_command_says_what_is_ill(toy, monkeypatch):
    """The command ends with 1 and names what is needed and missing; what is not needed is no reason."""
    monkeypatch.setattr(
        doctor,
        "examine",
        lambda _: [doctor.Symptom("Chromium", "no", well=False, needed=False, remedy="apt")],
    )
    assert CliRunner().invoke(main, ["--root", str(toy.root), "doctor"]).exit_code == 0
    monkeypatch.setattr(
        doctor, "examine", lambda _: [doctor.Symptom("torch", "no", well=False, remedy="make camp")]
    )
    result = CliRunner().invoke(main, ["--root", str(toy.root), "doctor"])
    assert result.exit_code == 1
    assert "make camp" in result.output
    assert result.stderr.strip() == "camp: not well: torch; the remedies are in the table"


def test_grading_packages_are_looked_for(toy):
    """What only some commands import (Dask, PostgreSQL, the search for copies) is looked for as well."""
    assert {"distributed", "psycopg", "copydetect", "Pygments"} <= _by_name(toy).keys()
