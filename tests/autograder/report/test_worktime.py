"""Working times from what JupyterLab notes: an estimate, from files that may hold anything."""

import json

import pytest
from camp.course import Task
from camp.report.worktime import MAX_GAP_MINUTES, working_minutes

TASKS = [
    Task(id=name, title=name, objective="o", minutes=10, page="p", hints=["1", "2", "3"])
    for name in ("double", "total")
]


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook whose cells ran at these minutes past noon."""

    def write(*cells):
        made = [
            {
                "cell_type": "code",
                "source": "",
                "metadata": {
                    "nbgrader": {"grade_id": grade_id},
                    "execution": {"shell.execute_reply": f"2026-03-02T{12 + at // 60:02}:{at % 60:02}:00.5Z"},
                },
            }
            for grade_id, at in cells
        ]
        path = tmp_path / "sums.ipynb"
        path.write_text(json.dumps({"cells": made}), encoding="utf-8")
        return path

    return write


def test_time_between_two_finishes(notebook):
    """A task took from the finish of the one before it, in the order of work, not of the notebook."""
    path = notebook(("", 0), ("double", 28), ("double_check", 30), ("total", 9), ("total_check", 10))
    assert working_minutes(path, TASKS) == {"total": 10, "double": 20}


def test_a_break_is_no_work(notebook):
    """A pause longer than the limit leaves that task's time unknown, and no other's."""
    path = notebook(("", 0), ("double_check", 12), ("total_check", 12 + MAX_GAP_MINUTES + 1))
    assert working_minutes(path, TASKS) == {"double": 12}


def test_all_in_one_go_says_nothing(notebook):
    """A notebook that was restarted and run from top to bottom holds no working times."""
    assert working_minutes(notebook(("", 5), ("double_check", 5), ("total_check", 6)), TASKS) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'"execution"',
        b'["execution"]',
        b'{"execution": 1, "cells": 3}',
        b'{"cells": [1, {"metadata": {"execution": []}}, {"metadata": {"execution": {"shell.idle": 5}}}]}',
        b'{"cells": [{"metadata": {"execution": {"shell.execute_reply": "soon"}}}]}',
        b'{"cells": [{"metadata": {"execution": {"shell.execute_reply": "0001-01-01T00:00:00+14:00"}}}]}',
        b'{"cells": [{"metadata": {"execution": ' + b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_files_of_any_kind(tmp_path, data):
    """Whatever a stranger's file holds, nothing is known and nothing breaks."""
    path = tmp_path / "sums.ipynb"
    path.write_bytes(data)
    assert working_minutes(path, TASKS) == {}


def test_no_file_a_folder_a_link(tmp_path, notebook):
    """What is no ordinary file is not read."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(notebook(("", 0), ("double", 28)))
    assert [working_minutes(tmp_path / name, TASKS) for name in ("none", "folder", "link")] == [{}, {}, {}]
