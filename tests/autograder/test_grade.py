"""Grading one notebook: points for what is right, a typed verdict for everything else, the same each time."""

import hashlib
import json
import textwrap

import nbformat
import pytest
from camp.answers import fill_in, model_answers
from camp.checks import Check
from camp.editions import learner_edition
from camp.exercise import Exercise
from camp.grade import MAX_TEXT, grade
from camp.gradebook import show_verdict
from camp.intake import Intake, take_in
from camp.verdict import Outcome, Status, Verdict

HASHES = ("submission", "exercise", "grader", "environment")


def _tasks(verdict):
    return {task.task: (task.points, str(task.status)) for task in verdict.tasks}


@pytest.fixture(scope="module")
def full(sums):
    """The verdict on right answers."""
    answers = {"double": "def double(x):\n    return 2 * x", "total": "total = sum"}
    return grade(Intake(fill_in(sums, answers), "digest"), sums, "ada")


def test_right_answers_earn_all(full):
    """Right answers earn full marks, and every check says so."""
    assert (full.points, full.max_points, full.outcome) == (5, 5, Outcome.FULL)
    assert all(c.status is Status.PASSED and not c.message for t in full.tasks for c in t.checks)


def test_hashes_are_all_there(full, sums):
    """A verdict says by four digests what it depends on."""
    hashes = full.hashes.model_dump()
    assert tuple(hashes) == HASHES
    assert hashes["exercise"] == sums.digest
    assert all(len(hashes[name]) == 64 for name in HASHES[1:])


def test_verdict_can_be_read_back(full):
    """What is written is JSON with the schema's version first, and reads back the same."""
    text = full.to_json()
    assert next(iter(json.loads(text).items())) == ("schema_version", 1)
    assert Verdict.model_validate_json(text) == full


def test_blank_earns_nothing_and_runs_nothing(graded):
    """The notebook as it was handed out earns 0, and is said to be blank."""
    verdict = graded({})
    assert _tasks(verdict) == {"double": (0, "not attempted"), "total": (0, "not attempted")}
    assert verdict.outcome is Outcome.BLANK


def test_refused_submission_has_a_verdict(tmp_path, sums):
    """What is no notebook has a verdict with all tasks, 0 points, and the reason."""
    (tmp_path / "x.ipynb").write_bytes(b"<html>")
    verdict = grade(take_in(tmp_path / "x.ipynb", sums), sums, "eve")
    assert _tasks(verdict) == {"double": (0, "refused"), "total": (0, "refused")}
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.max_points == 5
    assert verdict.findings[0].startswith("not a notebook")
    assert len(verdict.findings) == 1
    assert {task.message for task in verdict.tasks} == {"not graded"}, "the reason is said once"


def test_why_nothing_was_run(learner_file, sums):
    """A missing, an empty and an untouched answer cell are told apart; no verdict says two things of one."""

    def without_double(cells):
        cells[:] = [c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") != "double"]

    verdict = grade(take_in(learner_file({}, without_double), sums), sums, "ada")
    assert verdict.findings == ["the answer cell of 'double' is missing"]
    assert [t.message for t in verdict.tasks] == [
        "the answer cell of 'double' is missing",
        "this answer cell is as it was handed out",
    ]
    assert verdict.outcome is Outcome.BLANK
    emptied = grade(take_in(learner_file({"double": " \n"}), sums), sums, "ada")
    assert (emptied.findings, emptied.tasks[0].message) == ([], "this answer cell is empty")


def test_finding_is_said_once(learner_file, sums, tmp_path):
    """In the graded notebook a finding stands once: at the task that it is about, or at the first task."""

    def without_total(cells):
        cells[:] = [c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") != "total"]
        check = next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == "double_check")
        check["source"] = "print('ok')"

    (tmp_path / "refused.ipynb").write_bytes(b"<html>")
    for path in (learner_file({}, without_total), tmp_path / "refused.ipynb"):
        intake = take_in(path, sums)
        verdict = grade(intake, sums, "ada")
        show_verdict(intake.notebook, verdict, sums)
        text = "".join(o.get("text", "") for c in intake.notebook.cells for o in c.get("outputs", []))
        assert verdict.findings
        assert [text.count(finding) for finding in verdict.findings] == [1] * len(verdict.findings)


def test_wrong_answer_is_explained(graded, right):
    """A wrong answer loses its checks' points; the message names input and result, never the right one."""
    verdict = graded({**right, "double": "def double(x):\n    return x * x"})
    assert _tasks(verdict) == {"double": (0, "failed"), "total": (3, "passed")}
    check = verdict.tasks[0].checks[0]
    given, came = (int(part.split()[1].rstrip(".")) for part in check.message.split(";")[:2])
    assert check.message.startswith("given ")
    assert (came, check.expected) == (given * given, str(2 * given))
    assert check.expected not in check.message
    assert verdict.outcome is Outcome.PARTIAL


def test_part_of_a_task(graded, right):
    """A task's points are the sum over its checks."""
    verdict = graded({**right, "double": "def double(x):\n    return 2 * int(x)"})
    assert _tasks(verdict)["double"] == (1, "failed")


HONEST = {
    "warnings and prints": """
        import sys, warnings
        warnings.warn("slow")
        print("on stderr", file=sys.stderr)
        def double(x):
            warnings.warn("again")
            print("x is", x, file=sys.stderr)
            return 2 * x
        print("done")
    """,
    "an error at the end of a right answer": """
        def double(x):
            return 2 * x
        double(None)
    """,
    "names of built-ins used for something else": """
        list, dict, len, globals, exec, compile, json, str = 1, 2, 3, 4, 5, 6, 7, 8
        def double(x):
            return 2 * x
        print = None
    """,
    "magics and shell": """
        %time y = 1
        !true
        def double(x):
            return 2 * x
        double(3)
    """,
    "a call to exit": """
        def double(x):
            return 2 * x
        exit()
    """,
    "a display and an object": """
        from IPython.display import HTML, clear_output
        display(HTML("<b>bold</b>"))
        clear_output(wait=True)
        def double(x):
            return 2 * x
        object()
    """,
    "a slow answer": """
        import time
        def double(x):
            time.sleep(0.5)
            return 2 * x
    """,
    "chunks of output": """
        print("x" * 300_000)
        def double(x):
            print("x" * 300_000)
            return 2 * x
    """,
    "text that is no UTF-8": """
        print("\\ud800")
        def double(x):
            print("\\udfff\\x00\\x1b[31m")
            return 2 * x
    """,
    "a thread that stays": """
        import threading
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        def double(x):
            return 2 * x
    """,
    "numbers of another type": """
        from fractions import Fraction
        class Number(float): pass
        def double(x):
            return type(x)(2 * x) if isinstance(x, int) else Number(2 * x)
    """,
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HONEST)
def test_honest_answers_keep_their_points(graded, right, case):
    """Prints, warnings, plots, slips outside the answer: what is right earns its points."""
    verdict = graded({**right, "double": HONEST[case]})
    assert _tasks(verdict) == {"double": (2, "passed"), "total": (3, "passed")}


@pytest.mark.slow
@pytest.mark.parametrize("before", ["double-answer", "double-check"])
def test_helper_cells_keep_their_points(graded, right, before):
    """A helper in a cell of its own counts, above the answer or between it and the check."""

    def add(cells):
        place = next(i for i, c in enumerate(cells) if c["id"] == before)
        cells.insert(
            place, {"cell_type": "code", "source": "def twice(x): return 2 * x", "metadata": {}, "id": "mine"}
        )

    answers = {**right, "double": "def double(x):\n    return twice(x)"}
    assert graded(answers, add).points == 5


HOSTILE = {
    "an exception": ("1 / 0", "error"),
    "a syntax error": ("def double(x:", "error"),
    "a null byte": ("x = '\0'", "error"),
    "sys.exit": ("import sys\nsys.exit(0)", "error"),
    "input": ("input('your name?')", "error"),
    "the kernel's end": ("import os\nos._exit(0)", "killed"),
    "the kernel's end in the function": ("def double(x):\n    import os\n    os._exit(0)", "killed"),
    "no end": ("while True:\n    pass", "timed out"),
    "no end in the function": ("def double(x):\n    while True:\n        pass", "timed out"),
    "no end that catches interrupts": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timed out",
    ),
    "no end of output": ("while True:\n    print('x' * 10_000)", "timed out"),
    "infinite recursion": ("def double(x):\n    return double(x)", "error"),
    "an unreadable value": ("def double(x):\n    return object()", "error"),
    "a deep value": (
        "def double(x):\n    v = []\n    for _ in range(900): v = [v]\n    return v",
        "failed",
    ),
    "a value of every type": ("def double(x):\n    return {'a': [None, True, 'x']}", "failed"),
    "NaN": ("def double(x):\n    return float('nan')", "failed"),
    "infinity": ("def double(x):\n    return float('inf')", "failed"),
    "half a surrogate pair": ("def double(x):\n    return '\\ud800'", "failed"),
    "a number of 4,000 digits": ("def double(x):\n    return 10 ** 4000", "failed"),
    "very much data": ("def double(x):\n    return [0] * 10_000_000", "error"),
    "an object equal to everything": (
        "class All(int):\n    def __eq__(self, other): return True\ndef double(x):\n    return All(1)",
        "failed",
    ),
    "json broken": ("import json\njson.dumps = None\ndef double(x):\n    return 2 * x", "*"),
    "json forged": ("import json\njson.dumps = lambda *a, **k: '1'\ndef double(x):\n    return 0", "*"),
    "display broken": (
        "import IPython.display\nIPython.display.display = print\ndef double(x):\n    return 0",
        "failed",
    ),
    "built-ins broken": ("import builtins\nbuiltins.exec = None\ndef double(x):\n    return 2 * x", "error"),
    "globals emptied": ("globals().clear()", "error"),
    "the shell broken": ("get_ipython().run_cell = None", "*"),
    "output streams closed": (
        "import sys\nsys.stdout.close()\nsys.stderr = None\ndef double(x):\n    return 0",
        "*",
    ),
    "folder deleted": (
        "import os, shutil\nshutil.rmtree(os.getcwd())\nos.chdir('/')\ndef double(x):\n    return 0",
        "failed",
    ),
    "an exception that cannot be shown": (
        "class E(Exception):\n    def __str__(self): raise E\ndef double(x):\n    raise E",
        "timed out",  # the kernel itself falls over it, and says nothing more
    ),
    "an exception with a monstrous text": (
        "def double(x):\n    raise ValueError('\\ud800\\x00' * 1_000_000)",
        "error",
    ),
    "a transformer that drops asserts": (
        """
import ast
class T(ast.NodeTransformer):
    def visit_Assert(self, node): return None
get_ipython().ast_transformers.append(T())
def double(x): return 0
""",
        "failed",
    ),
    "a displayhook that prints the points": (
        "import sys\nsys.displayhook = lambda value: print(2)\ndef double(x):\n    return 0\n2",
        "failed",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_answers_cost_their_own_task_alone(graded, right, case):
    """Whatever an answer does, its task ends in a typed status with 0 points, and is no end of the grader."""
    source, status = HOSTILE[case]
    verdict = graded({**right, "double": source})
    came = _tasks(verdict)
    assert came["double"][0] == 0
    assert came["double"][1] == status or (status == "*" and came["double"][1] != "passed")
    text = verdict.to_json()
    assert text.encode("utf-8")
    assert len(text) < 50_000
    # What breaks the process for all that come after is the learner's own doing; everything else is not.
    if not any(word in case for word in ("broken", "forged", "closed", "emptied")):
        assert came["total"] == (3, "passed")


@pytest.mark.slow
def test_what_was_defined_before_is_there_after_a_death(graded):
    """An answer may use an earlier one, also when a cell between them ended the kernel."""

    def die_between(cells):
        place = next(i for i, c in enumerate(cells) if c["id"] == "total-answer")
        cell = {"cell_type": "code", "source": "import os\nos._exit(1)", "metadata": {}, "id": "mine"}
        cells.insert(place, cell)

    answers = {
        "double": "def double(x):\n    return 2 * x",
        "total": "def total(numbers):\n    return double(sum(numbers)) // 2",
    }
    assert graded(answers, die_between).points == 5


@pytest.mark.slow
def test_data_lies_beside_the_notebook(graded, words):
    """A cell of the course that reads the exercise's data finds it."""
    verdict = graded(model_answers(words), exercise=words)
    assert (verdict.points, verdict.outcome) == (4, Outcome.FULL)


@pytest.mark.slow
def test_same_bytes_again(graded, right):
    """The same submission gives the same bytes, also where it prints addresses and random numbers."""
    noisy = """
        import os, random, sys, warnings
        warnings.warn("where am I?")
        print(object(), random.random(), hash("x"), os.getcwd(), {"b", "a"})
        print("first on stderr", file=sys.stderr)
        def double(x):
            raise RuntimeError(f"{object()} in {os.getcwd()} {random.random()}")
    """
    first, second = (graded({**right, "double": noisy}).to_json() for _ in range(2))
    assert first == second
    assert "where am I?" in first
    assert "first on stderr" in first


@pytest.mark.slow
def test_values_depend_on_the_learner(graded, right):
    """Two learners are asked with other values, one learner always with the same."""
    wrong = {**right, "double": "def double(x):\n    return 0"}
    ada, bo, again = (graded(wrong, learner=name).tasks[0].checks[0].message for name in ("ada", "bo", "ada"))
    assert ada == again
    assert ada != bo


@pytest.mark.slow
def test_output_is_kept_and_cut(graded, right):
    """What an answer printed is in the verdict, up to a bound."""
    assert graded({**right, "double": "print('hello')"}).tasks[0].output == "hello\n"
    output = graded({**right, "double": "print('x' * 100_000)"}).tasks[0].output
    assert output.endswith("... output cut here ...")
    assert len(output) < MAX_TEXT + 50


def _with_check(sums, function):
    checks = {**sums.checks, "double": [Check("double", 1, "a check of its own", function)]}
    return Exercise(sums.course, sums.assignment, sums.folder, sums.source, checks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "function",
    [
        lambda ask: ask.run("result = double(1)")["key"],
        lambda ask: 1 / ask.run("result = double(0)"),
        lambda ask: [][ask.run("result = double(1)")],
        lambda ask: ask.run("result = double(1)").shape,
        lambda ask: ask.run("result = double(1)").bit_length(1),
    ],
    ids=["type", "zero", "index", "attribute", "arguments"],
)
def test_check_that_meets_another_form_fails(sums, right, function):
    """A check that falls over what came back is a failed check, not the end of the class."""
    exercise = _with_check(sums, function)
    verdict = grade(Intake(fill_in(exercise, right), "digest"), exercise, "ada")
    assert _tasks(verdict) == {"double": (0, "failed"), "total": (3, "passed")}
    assert "data of another form" in verdict.tasks[0].checks[0].message


GOLDEN = {
    "full": {"double": "def double(x):\n    return 2 * x\nprint('hi')", "total": "total = sum"},
    "partial": {"double": "def double(x):\n    return 2 * int(x)"},
    "error": {"double": "def double(x):\n    raise KeyError(x)", "total": "def total(n: return"},
    "killed": {"double": "import os\nos._exit(3)", "total": "total = sum"},
    "timed_out": {"double": "def double(x):\n    while True: pass", "total": "total = sum"},
    "blank": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*GOLDEN, "refused"])
def test_golden_verdicts(request, tmp_path, sums, name):
    """A submission gives the verdict that is kept beside this test, byte for byte (but for the hashes)."""
    path = tmp_path / "sums.ipynb"
    if name == "refused":
        path.write_bytes(b"<!DOCTYPE html>")
    else:
        path.write_text(nbformat.writes(fill_in(sums, GOLDEN[name])), encoding="utf-8")
    verdict = grade(take_in(path, sums), sums, "ada")
    assert verdict.hashes.submission == hashlib.sha256(path.read_bytes()).hexdigest()
    verdict.hashes = verdict.hashes.model_copy(update=dict.fromkeys(HASHES, ""))
    golden = request.path.parent / "golden" / f"{name}.json"
    assert verdict.to_json() == golden.read_text(encoding="utf-8")


def test_skeleton_is_what_is_graded(sums):
    """The blank of which answers are told apart is the learner's edition."""
    blank = {c["id"]: c.source for c in learner_edition(sums).cells}
    assert "not answered yet" in blank["double-answer"]
    assert textwrap.dedent(blank["double-answer"]) == blank["double-answer"]
