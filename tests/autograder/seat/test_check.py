"""`camp check`: what the grader would say of public checks, and where the learner's own kernel differs."""

import json
import subprocess
import sys
import tempfile

import nbformat
import pytest
from camp.cli import main
from camp.course import load_course
from camp.errors import KernelStartError
from camp.exercise import load_exercise
from camp.seat.check import all_pass, check
from camp.seat.fresh import FreshKernel
from camp.seat.state import PASSED, Result, load_state, state_file
from click.testing import CliRunner
from nbclient import NotebookClient

pytestmark = pytest.mark.slow


def _statuses(now):
    return [row.status for row in now.rows]


def test_right_answers_pass(seat, right):
    """Right answers: all pass, nothing is told, exit code 0, and the progress is kept."""
    notebook = seat(right)
    result = CliRunner().invoke(main, ["check", str(notebook.path)])
    assert result.exit_code == 0, result.output
    assert "2 of 2 tasks · 5 of 5 points so far" in result.output
    assert "all tasks done" in result.output
    assert "!" not in result.output
    state = load_state(notebook.path, notebook.release)
    assert {name: entry.status for name, entry in state.tasks.items()} == {"double": PASSED, "total": PASSED}


def test_blank_and_wrong_as_data(seat):
    """A wrong and a missing answer: exit code 1, and the JSON says all that the table says."""
    notebook = seat({"double": "def double(x):\n    return x"})
    result = CliRunner().invoke(main, ["check", "--json", str(notebook.path)])
    assert result.exit_code == 1
    came = json.loads(result.output)
    assert next(iter(came)) == "schema_version"
    assert (came["assignment"], came["release"]) == ("a1-sums", notebook.release.release)
    assert (came["passed"], came["points"], came["max_points"], came["next"]) == (False, 0, 5, "double")
    assert [(t["status"], t["message"]) for t in came["tasks"]] == [
        ("failed", "double(3): expected 6, got 3"),
        ("open", ""),
    ]


def test_state_of_a_deleted_cell(seat, right):
    """A check that passed with a helper which the notebook does not hold: failed, and told why."""
    notebook = seat({**right, "double": "def double(x):\n    return helper(x)"})
    state = load_state(notebook.path, notebook.release)
    answer = notebook.answer(notebook.release.tasks[0])
    from camp.seat.marks import digest

    state.tasks["double"] = Result(PASSED, "", digest(answer.source), digest(answer.source), 1.0)
    state.save()
    now = check(notebook)
    assert _statuses(now) == ["failed", "passed"]
    assert "NameError: name 'helper' is not defined" in now.rows[0].message
    assert any("'Double' passed in your kernel and fails from a fresh one" in note for note in now.notes)
    assert any("uses 'helper', which no cell of the notebook makes" in note for note in now.notes)


def test_name_from_a_check_is_not_there(seat, right, toy):
    """As in grading, no answer sees the names that a check makes; another check does."""
    source = toy.exercises / "a1-sums" / "sums.md"
    text = source.read_text(encoding="utf-8").replace("assert double(3)", "lent = 3\nassert double(lent)")
    source.write_text(text.replace("assert total(", "assert lent == 3 and total("), encoding="utf-8")
    exercise = load_exercise(load_course(toy.exercises), "a1-sums")
    assert _statuses(check(seat(right, exercise=exercise))) == ["passed", "passed"]
    borrows = {**right, "total": "offset = lent - 3\ndef total(numbers):\n    return sum(numbers) + offset"}
    now = check(seat(borrows, exercise=exercise))
    assert _statuses(now) == ["passed", "failed"]
    assert any("uses 'lent', which only a check makes" in note for note in now.notes)


def test_what_hangs_or_ends_the_kernel(seat, right, added, at):
    """A loop without end and an exit cost their own task; what ran before is there for the next."""

    def change(cells):
        cells.insert(at(cells, "double-about"), added("import os"))

    answers = {"double": "def double(x):\n    while True: pass", "total": right["total"]}
    now = check(seat(answers, change))
    assert _statuses(now) == ["failed", "passed"]
    assert now.rows[0].message == "the check was still running after 9 s"
    now = check(seat({**answers, "double": "def double(x):\n    os._exit(3)"}, change))
    assert _statuses(now) == ["failed", "passed"]
    assert now.rows[0].message == "the check ended its kernel"


def test_loop_that_cannot_be_interrupted(seat, right):
    """A cell that shrugs off the interrupt is ended with its kernel, and the next task is still checked."""
    stubborn = "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt:\n        pass"
    now = check(seat({"double": stubborn, "total": right["total"]}))
    assert _statuses(now) == ["failed", "passed"]
    assert now.rows[0].message == "the answer cell was still running after 3 s"


def test_huge_output_is_dropped(seat, right):
    """A hundred megabytes of output are read and dropped; the check counts."""
    noisy = "def double(x):\n    return 2 * x\nfor _ in range(100):\n    print('x' * 10**6)"
    assert _statuses(check(seat({**right, "double": noisy})))[1] == "passed"


def test_only_files_that_were_handed_out(seat, words):
    """The kernel finds the assignment's files, and none of the learner's own: nor does the grader."""
    text = "def shout(word):\n    open({!r}).close()\n    return f'{{GREETING}} {{word.upper()}}!'"
    now = check(seat({"shout": text.format("data/greeting.txt")}, exercise=words))
    assert _statuses(now) == ["passed"]
    notebook = seat({"shout": text.format("mine.txt")}, exercise=words)
    (notebook.path.parent / "mine.txt").write_text("", encoding="utf-8")
    now = check(notebook)
    assert _statuses(now) == ["failed"]
    assert "No such file or directory: 'mine.txt'" in now.rows[0].message


def test_damaged_progress_is_made_anew(seat, right):
    """A damaged file of progress is told, and rebuilt by the run."""
    notebook = seat(right)
    state_file(notebook.path).write_text("{", encoding="utf-8")
    now = check(notebook)
    assert now.notes == (".sums.progress.json was damaged and is begun anew; it is made anew",)
    assert load_state(notebook.path, notebook.release).tasks["double"].status == PASSED


def test_read_only_folder(seat, right, monkeypatch):
    """Where progress cannot be kept, the check goes on and says so."""
    make = tempfile.mkstemp

    def refuse(*args, prefix="", **options):
        if prefix == ".half-":
            raise OSError(30, "Read-only file system")
        return make(*args, prefix=prefix, **options)

    monkeypatch.setattr("camp.seat.state.tempfile.mkstemp", refuse)
    now = check(seat(right))
    assert all_pass(now)
    assert any("progress is not kept" in note for note in now.notes)


def test_unsaved_answer_is_told(seat, right):
    """When the kernel ran a newer answer than the file holds, the learner is told to save."""
    notebook = seat(right)
    state = load_state(notebook.path, notebook.release)
    state.tasks["double"] = Result("", "", "", "another", notebook.modified + 5)
    state.save()
    assert check(notebook).notes == (
        "the answer of 'Double' that you ran last is not saved: save it (Ctrl-S)",
    )


def test_no_kernel_to_be_had(tmp_path, monkeypatch):
    """Where no kernel starts, one line says what to install."""
    from jupyter_client.manager import KernelManager

    def refuse(*_, **__):
        raise FileNotFoundError("no ipykernel")

    monkeypatch.setattr(KernelManager, "start_kernel", refuse)
    with pytest.raises(KernelStartError, match=r"no kernel could be started \(no ipykernel\)"):
        FreshKernel(tmp_path).__enter__()


def _run_all(path, **options):
    """Run a saved notebook from top to bottom as a front end does; return what its panel cells put out."""
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, **options).execute()
    return [cell.outputs for cell in notebook.cells if cell.id.startswith("progress-")]


def test_panel_in_a_real_kernel(seat, right, monkeypatch):
    """Run from top to bottom, the panel at the end shows what `camp check` says; the next remembers."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    notebook = seat(right)
    top, end = _run_all(notebook.path)
    assert "application/vnd.jupyter.widget-view+json" in top[0].data
    assert "0 of 2 tasks" in top[0].data["text/plain"]
    assert "2 of 2 tasks · 5 of 5 points so far" in end[0].data["text/plain"]
    again, _ = _run_all(notebook.path)
    assert "2 of 2 tasks" in again[0].data["text/plain"]


def test_panel_without_widgets(seat, right, tmp_path, monkeypatch):
    """Where ipywidgets is not installed, the panel is text that is replaced as checks pass."""
    _without(tmp_path, monkeypatch, "ipywidgets")
    top, end = _run_all(seat(right).path)
    for outputs in (top, end):
        assert set(outputs[0].data) == {"text/plain", "text/html"}
        assert "2 of 2 tasks" in outputs[0].data["text/plain"]


def test_notebook_without_the_course_installed(seat, right, tmp_path, monkeypatch):
    """On a machine without `camp`, the panel is one line, and the notebook runs as it is."""
    _without(tmp_path, monkeypatch, "camp")
    top, end = _run_all(seat(right).path)
    assert [o.text for o in (*top, *end)] == ["no progress panel here: the course is not installed\n"] * 2


def _without(folder, monkeypatch, name):
    """Let the kernels of this test find no package of that name."""
    (folder / "without").mkdir()
    hides = f"import sys\nsys.modules[{name!r}] = None\n"
    (folder / "without" / "sitecustomize.py").write_text(hides, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder / "without"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def test_seat_needs_nothing_of_the_grader():
    """Panel, check and submit import nothing that only an instructor's installation has."""
    code = (
        "import sys, camp.cli, camp.seat.panel, camp.seat.views, camp.seat.check, camp.seat.submit\n"
        "heavy = {'nbgrader', 'pydantic', 'jupytext', 'sqlalchemy', 'nbformat', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
