"""The digests: all that shapes a verdict is in them, and nothing else."""

import importlib.util
import shutil
from pathlib import Path

import camp
import grimp
import pytest
from camp import fingerprint

OWN = Path(camp.__file__).parent
# The process that kernels are forked from, and the provisioner, are started by name, not imported.
ROOTS = ("camp.grade", "camp.intake", "camp.warm.zygote", "camp.warm.provisioner")


@pytest.fixture(scope="module")
def imported():
    """What grading imports of `camp`, by top-level name."""
    graph = grimp.build_graph("camp", exclude_type_checking_imports=True, cache_dir=None)
    modules = set(ROOTS).union(*(graph.find_upstream_modules(root) for root in ROOTS))
    return {name.removeprefix("camp").lstrip(".").partition(".")[0] for name in modules}


def test_everything_that_shapes_a_verdict_is_declared(imported):
    """Whatever module grading imports is declared to shape verdicts or, with a reason, to shape none."""
    assert imported - {*fingerprint.SHAPES_VERDICTS, *fingerprint.SHAPES_NOTHING} == set()


def test_nothing_else_is_declared(imported):
    """A declared module that grading no longer imports would grade classes again for nothing."""
    assert {*fingerprint.SHAPES_VERDICTS} - imported == set()
    assert set(fingerprint.SHAPES_VERDICTS) & set(fingerprint.SHAPES_NOTHING) == set()


def _digest_after(tmp_path, monkeypatch, change):
    """The grader's digest with a file of it changed."""
    folder = tmp_path / "camp"
    shutil.copytree(OWN, folder, ignore=shutil.ignore_patterns("__pycache__", "templates"))
    monkeypatch.setattr(fingerprint, "__file__", str(folder / "fingerprint.py"))
    before = fingerprint._grader_digest.__wrapped__()
    path = folder / change
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + "\n#\n", encoding="utf-8")
    return before != fingerprint._grader_digest.__wrapped__()


@pytest.mark.parametrize(
    "name", ["grade.py", "kernel.py", "warm/seccomp.py", "warm/new_module.py", "text.py"]
)
def test_change_that_matters_voids_verdicts(tmp_path, monkeypatch, name):
    """An edit of what shapes verdicts changes the grader's digest."""
    assert _digest_after(tmp_path, monkeypatch, name)


@pytest.mark.parametrize(
    "name", ["cli.py", "gradebook.py", "classroom.py", "workers.py", "errors.py", "new.py"]
)
def test_change_that_does_not_matter_voids_none(tmp_path, monkeypatch, name):
    """An edit of command, gradebook, report or schedule leaves the grader's digest as it is."""
    assert not _digest_after(tmp_path, monkeypatch, name)


def _device(tmp_path, monkeypatch, home="simulator"):
    """A device of two packages, one face and a tool, in a folder of this name."""
    for name in ("npusim", "acl", "scoreboard"):
        (tmp_path / home / name).mkdir(parents=True)
        (tmp_path / home / name / "__init__.py").touch()
    spec = importlib.util.spec_from_file_location("npusim", tmp_path / home / "npusim" / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "npusim" else None)
    return tmp_path / home


@pytest.mark.parametrize("name", ["npusim/chips.py", "npusim/table.csv", "acl/rt.py", "newer/__init__.py"])
def test_device_that_changed_voids_verdicts(tmp_path, monkeypatch, name):
    """A changed module or table of the simulated device changes the digest, and so does a new face."""
    home = _device(tmp_path, monkeypatch)
    before = fingerprint._environment_digest.__wrapped__()
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).write_text("x", encoding="utf-8")
    assert fingerprint._environment_digest.__wrapped__() != before


@pytest.mark.parametrize("name", ["scoreboard/new.py", "npusim/__pycache__/x.pyc"])
def test_tools_beside_the_device_void_none(tmp_path, monkeypatch, name):
    """What measures the device, and what Python leaves behind, is no part of it."""
    home = _device(tmp_path, monkeypatch)
    before = fingerprint._environment_digest.__wrapped__()
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).write_text("x", encoding="utf-8")
    assert fingerprint._environment_digest.__wrapped__() == before


def test_strangers_beside_the_device_are_none_of_it(tmp_path, monkeypatch):
    """Where the device lies among other packages, those are not counted as faces of it."""
    home = _device(tmp_path, monkeypatch, home="site-packages")
    before = fingerprint._environment_digest.__wrapped__()
    (home / "acl" / "__init__.py").write_text("x", encoding="utf-8")
    assert fingerprint._environment_digest.__wrapped__() == before
