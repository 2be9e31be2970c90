"""The progress panel: it follows the cells that run, and says where a fresh kernel would differ."""

import itertools
import json
import os
from types import SimpleNamespace

import pytest
from camp.seat.panel import Panel, find_notebook, one_line
from camp.seat.state import state_file
from camp.seat.table import as_html, as_text
from camp.seat.views import Text, Widgets, view_of

DOUBLE = "def double(x):\n    return 2 * x"


class Kernel:
    """Runs cells as IPython does, and tells a panel of them."""

    def __init__(self, panel, names):
        self.panel, self.names = panel, names

    def run(self, source, cell_id=None):
        """Run a cell; a front end may name it."""
        info = SimpleNamespace(raw_cell=source, cell_id=cell_id)
        result = SimpleNamespace(info=info, error_before_exec=None, error_in_exec=None)
        self.panel.begins(info)
        try:
            exec(source, self.names)  # noqa: S102 - what a kernel is for
        except Exception as error:  # noqa: BLE001 - a cell may raise anything
            result.error_in_exec = error
        self.panel.ended(result)
        return self.statuses

    def run_cell(self, identity, *, named=True):
        """Run a cell of the saved notebook by its id."""
        cell = next(c for c in self.panel.notebook.cells if c.id == identity)
        return self.run(cell.source, identity if named else None)

    @property
    def statuses(self):
        """How the tasks stand."""
        return [row.status for row in self.panel.standing().rows]

    @property
    def notes(self):
        """What is told."""
        return list(self.panel.standing().notes)


@pytest.fixture
def kernel():
    """A kernel with a panel, on a clock of its own that goes on from when the notebook was saved."""

    def start(notebook):
        names = {}
        ticks = itertools.count(notebook.modified + 1)
        return Kernel(Panel(notebook.path, names, lambda: float(next(ticks))), names)

    return start


@pytest.mark.parametrize("named", [True, False])
def test_panel_follows_checks(seat, kernel, right, named):
    """Checks that pass and fail move the panel, whether the front end names its cells or not."""
    k = kernel(seat({**right, "total": "def total(numbers):\n    return 0"}))
    k.run_cell("given-002", named=named)
    assert k.statuses == ["unchecked", "unchecked"]
    k.run_cell("double-answer", named=named)
    assert k.run_cell("double-check", named=named) == ["passed", "unchecked"]
    k.run_cell("total-answer", named=named)
    assert k.run_cell("total-check", named=named) == ["passed", "failed"]
    now = k.panel.standing()
    assert now.summary() == "1 of 2 tasks · 2 of 5 points so far"
    assert now.rows[1].message == "total([1, 2, 3]): expected 6, got 0"
    assert now.next.task.id == "total"
    assert k.notes == []


def test_progress_survives_a_restart(seat, kernel, right):
    """A new kernel's panel stands where the old one stood."""
    notebook = seat(right)
    k = kernel(notebook)
    for name in ("given-002", "double-answer", "double-check"):
        k.run_cell(name)
    assert kernel(notebook).statuses == ["passed", "unchecked"]


def test_answer_that_changed_since(seat, kernel, right):
    """An answer that was run anew after its check passed has to be checked again; so has one saved anew."""
    notebook = seat(right)
    k = kernel(notebook)
    for name in ("given-002", "double-answer", "double-check"):
        k.run_cell(name)
    assert k.run(DOUBLE + " # new", "double-answer") == ["changed", "unchecked"]
    assert k.run_cell("double-check") == ["passed", "unchecked"]
    seat({**right, "double": DOUBLE + " # and another"})
    os.utime(notebook.path, (notebook.modified + 60, notebook.modified + 60))
    assert kernel(notebook).statuses == ["changed", "unchecked"]


def test_unsaved_answer_counts_as_run(seat, kernel):
    """What was run and not yet saved is what is judged: the file is behind, not the learner."""
    k = kernel(seat())
    assert k.statuses == ["open", "open"]
    k.run(DOUBLE, "double-answer")
    assert k.run_cell("double-check") == ["passed", "open"]


def test_changed_check_counts_for_nothing(seat, kernel, right, at):
    """A check that was made easier passes, and its task does not."""

    def change(cells):
        cells[at(cells, "double-check")]["source"] = "print('ok')"

    k = kernel(seat(right, change))
    k.run_cell("double-answer")
    assert k.run_cell("double-check") == ["altered", "unchecked"]
    assert any("the check of 'Double' was changed" in note for note in k.notes)


def test_check_edited_in_the_kernel_alone(seat, kernel, right):
    """Another text run under a check's id is no check."""
    k = kernel(seat(right))
    k.run_cell("double-answer")
    assert k.run("print('ok')", "double-check") == ["unchecked", "unchecked"]


def test_helper_from_a_deleted_cell(seat, kernel, right):
    """A check that passed with a name from a cell that is gone is told when the notebook was saved so."""
    notebook = seat({**right, "double": "def double(x):\n    return helper(x)"})
    k = kernel(notebook)
    k.run("def helper(x):\n    return 2 * x", "scratch")
    k.run_cell("double-answer")
    assert k.run_cell("double-check") == ["passed", "unchecked"]
    assert any("uses 'helper', which no cell of the notebook makes" in note for note in k.notes)
    later = notebook.modified + 60
    os.utime(notebook.path, (later, later))
    k.panel.reread()
    assert any(
        "'Double' passed with 'helper' from a cell that the notebook no longer holds" in n for n in k.notes
    )


def test_helper_that_was_edited_and_not_run(seat, kernel, right, added, at):
    """A check that passed with an older text of a cell is told: after a restart the newer one runs."""
    answers = {**right, "double": "def double(x):\n    return helper(x)"}
    k = kernel(
        seat(
            answers,
            lambda cells: cells.insert(at(cells, "double-answer"), added("def helper(x): return 3 * x")),
        )
    )
    k.run("def helper(x): return 2 * x", "own-27")
    k.run_cell("double-answer")
    k.run_cell("double-check")
    assert k.notes == []
    later = k.panel.notebook.modified + 60
    os.utime(k.panel.notebook.path, (later, later))
    k.panel.reread()
    assert len(k.notes) == 1
    assert "passed with 'helper'" in k.notes[0]


def test_damaged_file_is_told_and_rebuilt(seat, kernel, right):
    """A damaged file of progress is told in the panel, and the checks bring the progress back."""
    notebook = seat(right)
    state_file(notebook.path).write_text("{", encoding="utf-8")
    k = kernel(notebook)
    k.panel.reload()
    assert k.notes == [
        ".sums.progress.json was damaged and is begun anew; run the checks again, and your progress is back"
    ]
    for name in ("given-002", "double-answer", "double-check", "total-answer", "total-check"):
        k.run_cell(name)
    assert k.statuses == ["passed", "passed"]
    assert k.notes == []
    assert set(json.loads(state_file(notebook.path).read_text(encoding="utf-8"))["tasks"]) == {
        "double",
        "total",
    }


def test_read_only_folder_is_told(seat, kernel, right, monkeypatch):
    """Where nothing can be written, the panel works on, and says that progress is not kept."""

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("camp.seat.state.tempfile.mkstemp", refuse)
    k = kernel(seat(right))
    for name in ("given-002", "double-answer"):
        k.run_cell(name)
    assert k.run_cell("double-check") == ["passed", "unchecked"]
    assert any("progress is not kept" in note for note in k.notes)


def test_notebook_that_is_damaged_meanwhile(seat, kernel, right):
    """A file that cannot be read any more costs no cell; the panel goes on with what it knew."""
    k = kernel(seat(right))
    k.panel.notebook.path.write_text("half a note", encoding="utf-8")
    k.run(DOUBLE, "double-answer")
    assert k.run_cell("double-check") == ["passed", "unchecked"]
    k.panel.notebook.path.unlink()
    k.panel.reread()


def test_answer_in_words(reasoned, seat, kernel, right):
    """An answer that a person reads counts as done when it is there, and its points are told apart."""
    from camp.course import load_course
    from camp.exercise import load_exercise

    exercise = load_exercise(load_course(reasoned.exercises), "a1-sums")
    assert kernel(seat(right, exercise=exercise)).statuses[-1] == "open"
    k = kernel(seat({**right, "reason": "Because."}, exercise=exercise))
    assert k.statuses[-1] == "answered"
    assert k.panel.standing().summary() == "1 of 3 tasks · 0 of 5 points so far, and 3 that a person gives"


def test_table_shows_no_markup_of_the_learner(seat, kernel, right):
    """What an answer says of itself is text, in HTML as well."""
    answer = "def double(x):\n    raise ValueError('<img src=x onerror=alert(1)>')"
    k = kernel(seat({**right, "double": answer}))
    k.run_cell("double-answer")
    k.run_cell("double-check")
    shown = as_html(k.panel.standing())
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert "ValueError: <img" in as_text(k.panel.standing())
    assert "http://localhost:8000/sums.html#double" in shown


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (AssertionError("expected 6,\n got 5"), "expected 6, got 5"),
        (AssertionError(), "AssertionError"),
        (NameError("name 'x' is not defined"), "NameError: name 'x' is not defined"),
        (KeyError(), "KeyError"),
    ],
)
def test_errors_in_one_line(error, says):
    """An assertion says its own words; others their kind, too."""
    assert one_line(error) == says


def test_long_errors_are_cut():
    """A message of a megabyte is cut."""
    assert len(one_line(ValueError("x" * 10**6))) == 500


def test_notebook_is_found(seat, tmp_path, monkeypatch):
    """The notebook is what Jupyter or VS Code names, else the course's own that was saved last."""
    first, second = seat(name="first.ipynb").path, seat(name="second.ipynb").path
    folder = first.parent
    (folder / "other.ipynb").write_text('{"cells": []}', encoding="utf-8")
    os.utime(first, (5, 5))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert find_notebook(folder, {}) == second
    assert find_notebook(folder, {"__vsc_ipynb_file__": str(first)}) == first
    monkeypatch.setenv("JPY_SESSION_NAME", "some/where/first.ipynb")
    assert find_notebook(folder, {}) == first
    monkeypatch.setenv("JPY_SESSION_NAME", "renamed.ipynb")
    assert find_notebook(folder, {}) == second
    assert find_notebook(tmp_path, {}) is None


def test_text_where_there_are_no_widgets(seat, kernel, right, monkeypatch):
    """Without ipywidgets or without a kernel to speak with, the panel is text."""
    k = kernel(seat(right))
    assert isinstance(view_of(SimpleNamespace(), k.panel), Text)
    shell = SimpleNamespace(kernel=object())
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda _: None)
        assert isinstance(view_of(shell, k.panel), Text)
    assert isinstance(view_of(shell, k.panel), Widgets)


def test_check_from_a_fresh_kernel_that_fails_is_told(seat, kernel, right, monkeypatch):
    """Where `camp check` does not end well, the panel says so, and raises nothing."""
    k = kernel(seat(right))
    monkeypatch.setattr("camp.seat.panel.subprocess.run", lambda *_, **__: SimpleNamespace(stdout="no JSON"))
    k.panel.check_from_the_start()
    assert any("run camp check in a terminal" in note for note in k.notes)
