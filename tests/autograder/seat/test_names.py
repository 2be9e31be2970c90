"""Which names a cell makes and takes, and what follows from it for a run of the grader's."""

import pytest
from camp.seat.differences import differences
from camp.seat.names import made, taken
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("source", "makes", "takes"),
    [
        ("x = y + 1", {"x"}, {"y"}),
        ("import os.path as p, sys", {"p", "sys"}, set()),
        ("def f(a):\n    return a + b + len(a)", {"f"}, {"b"}),
        ("class A(B):\n    c = d\n    def m(self):\n        return super().m() + e", {"A"}, {"B", "d", "e"}),
        ("def f():\n    global g\n    g = h", {"f", "g"}, {"h"}),
        ("total = [n for n in numbers if n > low]", {"total"}, {"numbers", "low"}),
        ("for i in range(3):\n    print(i)", {"i"}, set()),
        ("if (m := k()):\n    pass", {"m"}, {"k"}),
        ("%timeit x", set(), set()),
        ("!ls", set(), set()),
        ("def (:", set(), set()),
        ("f = lambda: g()", {"f"}, {"g"}),
    ],
)
def test_names_of_a_cell(source, makes, takes):
    """Names are those that Python itself would bind and look up globally."""
    assert made(source) == makes
    assert taken(source) == takes


@given(st.text(alphabet="abxyz=+()[]:, \n%!'def ", max_size=60))
def test_no_cell_takes_what_it_makes(source):
    """Whatever the text, nothing is raised, and no name is both made and taken."""
    assert made(source) & taken(source) == frozenset()


def _notes(seat, change, answers):
    return differences(seat(answers, change))


def test_notebook_as_released_has_nothing_to_tell(seat, right):
    """Right answers in a notebook as released: not a word."""
    assert differences(seat(right)) == []


def test_helper_in_a_cell_above_is_fine(seat, right, added, at):
    """A cell of one's own above the check may hold what the answer uses."""
    answers = {**right, "double": "def double(x):\n    return helper(x)"}
    helper = added("def helper(x):\n    return 2 * x")
    assert _notes(seat, lambda cells: cells.insert(at(cells, "double-answer"), helper), answers) == []
    assert _notes(seat, lambda cells: cells.insert(at(cells, "double-check"), helper), answers) == []


def test_helper_further_down(seat, right, added):
    """What is made below the check is not there yet after a restart, and that is told by name."""
    answers = {**right, "double": "def double(x):\n    return helper(x)"}
    notes = _notes(seat, lambda cells: cells.append(added("def helper(x):\n    return 2 * x")), answers)
    assert len(notes) == 1
    assert "the answer of 'Double' uses 'helper', which a cell further down makes" in notes[0]


def test_helper_that_is_gone(seat, right):
    """What no cell makes came from a cell that is gone or not saved."""
    notes = _notes(seat, None, {**right, "total": "def total(numbers):\n    return add(numbers)"})
    assert len(notes) == 1
    assert "uses 'add', which no cell of the notebook makes" in notes[0]


def test_helper_of_a_helper(seat, right, added, at):
    """A name is looked for through the cells that the answer leans on."""
    answers = {**right, "double": "def double(x):\n    return helper(x)"}
    helper = added("def helper(x):\n    return factor * x")
    notes = _notes(seat, lambda cells: cells.insert(at(cells, "double-answer"), helper), answers)
    assert ["'factor'" in note for note in notes] == [True]


def test_name_that_only_a_check_makes(seat, right, at):
    """The grader does not run the notebook's checks, so a name of theirs is told."""

    def change(cells):
        cells[at(cells, "double-check")]["source"] = "borrowed = 2"

    notes = _notes(seat, change, {**right, "total": "def total(numbers):\n    return borrowed"})
    assert any("uses 'borrowed', which only a check makes" in note for note in notes)


def test_names_that_cannot_be_read(seat, right, added, at):
    """Where a cell's text hides what it makes, nothing is claimed."""
    answers = {**right, "double": "def double(x):\n    return helper(x)"}
    hidden = added("exec('def helper(x): return 2 * x')")
    assert _notes(seat, lambda cells: cells.insert(at(cells, "double-answer"), hidden), answers) == []


def test_changed_cells_are_told(seat, right, at):
    """A changed check, a changed cell of the course, and one that is gone: a line each, and what follows."""

    def change(cells):
        cells[at(cells, "total-check")]["source"] = "print('ok')"
        cells[at(cells, "given-002")]["source"] += "\nSTEP = 3"
        del cells[at(cells, "double-check")]

    notes = _notes(seat, change, right)
    assert "the check of 'Total' was changed; the grader asks as handed out" in notes
    assert any("begins 'import operator' was changed; the grader runs it as handed out" in n for n in notes)
    assert "the check of 'Double' is gone; the grader asks all the same" in notes


def test_answers_gone_and_twice(seat, right, at):
    """A missing answer cell and a doubled one are told; of two, the first counts."""

    def change(cells):
        cells.append({**cells[at(cells, "total-answer")], "id": "copy"})
        del cells[at(cells, "double-answer")]

    notes = _notes(seat, change, right)
    assert "the answer cell of 'Double' is gone; the grader finds no answer" in notes
    assert "the answer cell of 'Total' is there 2 times; the first one counts" in notes


def test_moved_cells_are_told(seat, right, at):
    """Cells in another order than released are told once."""

    def change(cells):
        cells.insert(2, cells.pop(at(cells, "total-answer")))

    notes = _notes(seat, change, right)
    assert len([note for note in notes if "cells were moved" in note]) == 1


def test_cells_that_were_run_out_of_order(seat, right):
    """Numbers of runs that go backwards are told; cells that did not run are none."""

    def change(cells):
        code = [
            cell for cell in cells if cell["cell_type"] == "code" and not cell["id"].startswith("progress")
        ]
        for cell, count in zip(code, (4, 2, 3, None, None), strict=True):
            cell["execution_count"] = count

    assert _notes(seat, change, right) == [
        "its cells were not run from top to bottom; restart the kernel and run all cells"
    ]


def test_files_beside_the_notebook(seat, words):
    """A file that is missing or changed is told: the grader has its own."""
    notebook = seat({"shout": "def shout(word):\n    return word.upper() + '!'"}, exercise=words)
    assert differences(notebook) == []
    greeting = notebook.path.parent / "data" / "greeting.txt"
    greeting.write_text("other", encoding="utf-8")
    assert differences(notebook) == [
        "the file data/greeting.txt was changed; the grader has it as handed out"
    ]
    greeting.unlink()
    assert differences(notebook) == [
        "the file data/greeting.txt is missing beside the notebook; the grader has it"
    ]
