"""Every function of acl refuses what it does not take: the code of the table, a message, a log line."""

from __future__ import annotations

import csv
import importlib.util
import inspect
from collections import defaultdict
from pathlib import Path

import acl
import npusim
import pytest

FOLDER = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("worlds", FOLDER / "worlds.py")
worlds = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(worlds)
with (FOLDER / "refused.csv").open(encoding="utf-8") as _file:
    TABLE = list(csv.DictReader(_file))
AREAS = ("acl", "rt", "mdl", "media", "op", "blas", "prof", "util")
# arguments of these can only be of the wrong kind, which Python's own argument parser raises
NOTHING_TO_REFUSE = {
    "app_log",
    "float_to_float16",
    "prof.destroy_stamp",
    "util.bytes_to_ptr",
    "util.numpy_contiguous_to_ptr",
    "util.numpy_to_ptr",
    "util.start_thread",
}


def area(function):
    """The module of a function of the table."""
    return function.split(".")[0] if "." in function else "acl"


def find(function):
    """A function by its name in the table."""
    found = acl
    for part in function.split("."):
        found = getattr(found, part)
    return found


def functions():
    """Every public function of acl, by the name it has in the table."""
    found = set()
    for name in AREAS:
        module = acl if name == "acl" else getattr(acl, name)
        for attribute, value in vars(module).items():
            public = not attribute.startswith("_") and inspect.isfunction(value)
            if public and value.__module__.startswith("acl") and is_face(name, attribute, value):
                found.add(attribute if name == "acl" else f"{name}.{attribute}")
    return found


def is_face(name, attribute, value):
    """Whether a function of a module is the user's, and not one that the module imports for itself."""
    if name == "acl":
        return attribute in acl.__all__ or attribute in {"init", "finalize"}
    if name == "media":
        return attribute.startswith(("dvpp_", "vdec_", "venc_"))
    return value.__module__ == f"acl.{name}" and attribute != "numpy_type"


@pytest.mark.parametrize("name", AREAS)
def test_refused(name, monkeypatch, tmp_path):
    """Each row's call gives its code, says so in a message, and leaves a line of level ERROR in plog."""
    monkeypatch.setenv("NPUSIM_SOC", worlds.SOC)
    monkeypatch.setenv("ASCEND_PROCESS_LOG_PATH", str(tmp_path / "log"))
    monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", "3")
    monkeypatch.chdir(tmp_path)
    npusim.reset()
    live = worlds.build()
    acl.get_recent_err_msg()
    wrong = defaultdict(list)
    rows = [row for row in TABLE if area(row["function"]) == name]
    for row in rows:
        arguments = eval(f"({row['arguments']},)" if row["arguments"] else "()", {}, dict(live))  # noqa: S307 - our table
        found = find(row["function"])(*arguments)
        message = acl.get_recent_err_msg()
        code = found[-1] if isinstance(found, tuple) else found
        told = f"error code {row['code']}: " in message
        without_code = code in {0, -1} or code is None or not isinstance(code, int)
        if not told or not (code == int(row["code"]) or without_code):
            wrong[row["function"]].append((row["arguments"], row["code"], found, message))
    assert not wrong, f"{len(wrong)} functions: {dict(list(wrong.items())[:5])}"
    assert rows
    (log,) = (tmp_path / "log").rglob("plog-*.log")
    assert log.read_text(encoding="utf-8").count("[ERROR]") >= len(rows)


def test_every_function_is_in_the_table():
    """No function that can refuse anything is missing, and none of the table has gone."""
    listed = {row["function"] for row in TABLE}
    missing = functions() - listed - NOTHING_TO_REFUSE
    assert {name for name in missing if inspect.signature(find(name)).parameters} == set()
    assert listed <= functions()
