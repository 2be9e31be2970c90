"""What must hold for every exercise of the course, seen without running any learner's code."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest
from camp.answers import model_answers, read_answers
from camp.checks import Ask, CheckFailedError
from camp.course import load_course
from camp.editions import learner_edition
from camp.exercise import ANSWER, CHECK, load_exercise, task_cell
from camp.leaks import leaked

FOLDER = Path(__file__).parents[2] / "exercises"
COURSE = load_course(FOLDER)
EXERCISES = {a.id: load_exercise(COURSE, a.id) for a in COURSE.assignment}
SOLUTIONS = sorted(
    p for name in EXERCISES for kind in ("right", "wrong") for p in (FOLDER / name / kind).iterdir()
)
CHECKS = [check for e in EXERCISES.values() for checks in e.checks.values() for check in checks]
OURS = re.compile(r"\b(npusim|camp)\b")

each_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: f"{p.parent.name}/{p.stem}")
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda c: f"{c.task}-{c.name}")


class Recorder:
    """Stands in for the kernel: notes the question and gives no answer."""

    class NoAnswerError(CheckFailedError):
        """Ends the check at its first question."""

    def __init__(self):
        self.asked = []

    def probe(self, code, inputs, beside=""):  # noqa: ARG002 - the kernel's own
        """Note the question."""
        self.asked.append((code, inputs))
        raise self.NoAnswerError


def first_question(check, learner):
    """The probe and the inputs of a check's first question to a learner's kernel."""
    recorder = Recorder()
    with pytest.raises(Recorder.NoAnswerError):
        check.function(Ask(recorder, f"0/{learner}/{check.task}"))
    return recorder.asked[0]


def foreign_imports(source):
    """Modules that a `checks.py` imports although it may not."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    allowed = sys.stdlib_module_names | {"npusim"}
    return {n for n in names if n.split(".")[0] not in allowed and n != "camp.checks"}


def computed_probes(source):
    """Lines of a `checks.py` that ask with a text computed in the check, where a result could slip in."""
    tree = ast.parse(source)
    constants = {t.id for s in tree.body if isinstance(s, ast.Assign) for t in s.targets}
    place = {"run": 0, "on_device": 1}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in place
        and (probe := node.args[place[node.func.attr]]) is not None
        and not (isinstance(probe, ast.Constant) or getattr(probe, "id", None) in constants)
    ]


def by_machine(exercise):
    """The tasks that hidden checks grade."""
    return [task for task in exercise.assignment.task if not task.by_hand]


def headings(exercise):
    """Headings of the second level, in order."""
    text = "\n".join(c.source for c in exercise.source.cells if c.cell_type == "markdown")
    return re.findall(r"^## (.+)$", text, flags=re.MULTILINE)


def test_every_folder_is_in_the_course():
    """A folder with a checks.py that camp.toml does not name would be graded by nobody."""
    assert sorted(p.parent.name for p in FOLDER.glob("*/checks.py")) == sorted(EXERCISES)


@each_exercise
def test_an_assignment_takes_one_to_two_hours(exercise):
    """The course promises 60 to 120 minutes, and the tasks' minutes add up to them at most."""
    assert 60 <= exercise.assignment.minutes <= 120
    assert sum(t.minutes for t in exercise.assignment.task) <= exercise.assignment.minutes


@each_exercise
def test_an_assignment_has_four_to_eight_tasks(exercise):
    """Fewer tell no story, more fit into no sitting."""
    assert 4 <= len(exercise.assignment.task) <= 8


@each_exercise
def test_hints_are_three_different_sentences(exercise):
    """A rung that repeats the one before, or is a word, helps nobody."""
    for task in exercise.assignment.task:
        assert len(set(task.hints)) == 3, task.id
        assert all(len(hint) > 40 and hint.rstrip()[-1] in ".?!" for hint in task.hints), task.id


@each_exercise
def test_objectives_say_what_the_learner_can_do(exercise):
    """An objective is one sentence about the learner."""
    for task in exercise.assignment.task:
        assert re.fullmatch(r"You can [^.]+\.", task.objective), task.id


@each_exercise
def test_tasks_stand_in_the_order_of_the_course(exercise):
    """camp.toml and the notebook tell one story: same order, same titles, numbered from 1."""
    titled = [f"Task {n} · {t.title}" for n, t in enumerate(exercise.assignment.task, start=1)]
    assert [h for h in headings(exercise) if h.startswith("Task ")] == titled
    cells = [(c.metadata["task"], c.metadata["role"]) for c in exercise.source.cells if "task" in c.metadata]
    roles = {True: (ANSWER,), False: (ANSWER, CHECK)}
    assert cells == [(t.id, role) for t in exercise.assignment.task for role in roles[t.by_hand]]


@each_exercise
def test_answer_cells_say_what_is_asked(exercise):
    """The starter has a docstring, is Python, and stops with NotImplementedError where the answer goes."""
    for cell in learner_edition(exercise).cells:
        grading = cell.metadata.get("nbgrader", {})
        if grading.get("solution") and not grading["grade"]:
            starter = ast.parse(cell.source)
            assert ast.get_docstring(starter.body[0]), cell.id
            assert "raise NotImplementedError" in cell.source, cell.id


@each_exercise
def test_learners_never_meet_our_own_names(exercise):
    """What learners read and write runs on a real server: no code cell says npusim or camp."""
    for cell in exercise.source.cells:
        assert cell.cell_type != "code" or not OURS.search(cell.source), cell.source


@each_exercise
def test_public_checks_explain(exercise):
    """Every assert says what was expected and what came; one line is printed when all is well."""
    for task in by_machine(exercise):
        tree = ast.parse(task_cell(exercise.source, task.id, CHECK).source)
        asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        assert asserts, task.id
        for node in asserts:
            message = ast.unparse(node.msg) if node.msg else ""
            assert "expected" in message, ast.unparse(node)
            assert "got" in message, ast.unparse(node)
        assert re.match(r"print\(f?['\"]ok: ", ast.unparse(tree.body[-1])), task.id


@each_exercise
def test_nothing_leaks_into_the_learners_edition(exercise):
    """Neither a line of the model solution nor one of the hidden checks is in what learners get."""
    assert leaked(nbformat.writes(learner_edition(exercise)), exercise) == []


@each_exercise
def test_there_are_wrong_and_right_solutions(exercise):
    """At least five that a learner would write and that must lose points, two that must not."""
    folder = FOLDER / exercise.id
    assert len(list((folder / "wrong").glob("*.py"))) >= 5
    assert len(list((folder / "right").glob("*.py"))) >= 2


@each_exercise
def test_every_task_is_got_wrong_by_someone(exercise):
    """A task without a wrong solution has checks that nothing has shown to bite."""
    lost = set()
    for path in (FOLDER / exercise.id / "wrong").glob("*.py"):
        lost |= set(read_answers(path, exercise).loses)
    assert lost == {task.id for task in by_machine(exercise)}


def test_the_first_assignment_has_an_answer_in_words():
    """An assignment asks for at least one short answer that a person reads."""
    first = EXERCISES[COURSE.assignment[0].id]
    assert len(by_machine(first)) < len(first.assignment.task)


@each_exercise
def test_rubrics_say_what_earns_a_point(exercise):
    """A rubric has lines that differ, and a model answer that shows what is meant."""
    for task in exercise.assignment.task:
        if task.by_hand:
            assert len({criterion.text for criterion in task.rubric}) == len(task.rubric) >= 2
            assert len(model_answers(exercise)[task.id].split()) > 40


@each_solution
def test_headers_of_solutions_are_right(path):
    """A wrong solution names what it loses in the tasks that it answers; a right one names nothing."""
    exercise = EXERCISES[path.parents[1].name]
    answers = read_answers(path, exercise)
    points = {task.id: exercise.points(task) for task in exercise.assignment.task}
    assert answers.about.endswith(".")
    assert answers.cells
    if path.parent.name == "right":
        assert not answers.loses
    else:
        assert set(answers.loses) == set(answers.cells)
        assert all(0 < lost <= points[task] for task, lost in answers.loses.items())


@each_solution
def test_solutions_are_not_the_model(path):
    """A solution is Python, in learners' words only, and differs from the model's in every cell."""
    exercise = EXERCISES[path.parents[1].name]
    model = model_answers(exercise)
    for task, source in read_answers(path, exercise).cells.items():
        assert ast.unparse(ast.parse(source)) != ast.unparse(ast.parse(model[task]))
        assert not OURS.search(source)


@each_exercise
def test_hidden_checks_import_no_face_of_the_device(exercise):
    """checks.py runs on the trusted side: the standard library, camp.checks, and npusim to recompute time."""
    assert foreign_imports((FOLDER / exercise.id / "checks.py").read_text(encoding="utf-8")) == set()


@each_exercise
def test_probes_are_fixed_texts(exercise):
    """What a check knows cannot slip into its probe: probes are constants, values go in as inputs."""
    assert computed_probes((FOLDER / exercise.id / "checks.py").read_text(encoding="utf-8")) == []


@each_check
def test_a_probe_is_python_and_leaves_a_result(check):
    """A probe compiles as it stands, in column one, and assigns `result`."""
    code, _ = first_question(check, "someone")
    names = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    assert "result" in {n.id for n in names}


@each_check
def test_a_check_asks_the_same_learner_the_same(check):
    """Regrading puts the same question."""
    assert first_question(check, "someone") == first_question(check, "someone")


@each_exercise
def test_values_differ_between_learners(exercise):
    """In every task, some check asks two learners with different values, so a copied number is no use."""
    for task, checks in exercise.checks.items():
        assert any(first_question(c, "ada") != first_question(c, "grace") for c in checks), task


@each_exercise
def test_titles_of_checks_are_told_apart(exercise):
    """The learner reads the titles: no two of a task are the same, none quotes code."""
    for checks in exercise.checks.values():
        titles = [check.title for check in checks]
        assert len(set(titles)) == len(titles)
        assert not any(re.search(r"[()_=`]", title) for title in titles)


def test_the_import_rule_bites():
    """A check that imported the device would be found."""
    source = "import json\nfrom camp.checks import Ask\nimport torch, npusim.replay, camp.kernel, torch_npu"
    assert foreign_imports(source) == {"torch", "torch_npu", "camp.kernel"}


def test_the_probe_rule_bites():
    """A check that wrote its expected value into the probe would be found."""
    source = "P = 'x'\ndef f(ask):\n    ask.run(P)\n    ask.run('x')\n    ask.run(f'result = {x}')\n"
    source += "    ask.on_device(D, P)\n    ask.on_device(D, P + x)\n"
    assert computed_probes(source) == [5, 7]
