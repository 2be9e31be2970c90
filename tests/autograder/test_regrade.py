"""Regrading: shown before it counts, written only when asked, and what was given by hand stays."""

import pytest
from camp import regrade
from camp.cli import main
from camp.course import load_course
from camp.gradebook import GradebookDoor
from camp.inbox import collect, look_through
from camp.verdict import read_verdict
from camp.workers import _call
from click.testing import CliRunner
from nbgrader.api import Gradebook

HALF = {"double": "def double(x):\n    return 2 * int(x)", "total": "total = sum"}


@pytest.fixture
def camp(toy, monkeypatch):
    """Run `camp` on the toy checkout, in this process, kernels included."""

    def here(function, jobs, _workers, _prepare=None):
        return ((job, _call(function, job)) for job in jobs)

    def run(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr("camp.classroom.in_workers", here)
            patch.setenv("COLUMNS", "200")
            return CliRunner().invoke(main, ["--root", str(toy.root), *arguments])

    return run


@pytest.fixture
def graded(toy, camp, hand_in, right):
    """A class of three, graded; then the check of `double` asks whole numbers only, and pays other points."""
    for name, answers in (("ada", right), ("bo", HALF), ("王 小明", {"total": "total = sum"})):
        inbox = hand_in(name, answers)
    result = camp("grade", "--from", str(inbox))
    assert result.exit_code == 0, result.output
    return toy


def _change_the_check(toy):
    path = toy.exercises / "a1-sums" / "checks.py"
    text = path.read_text(encoding="utf-8")
    assert "points=2" in text
    path.write_text(text.replace("points=2", "points=3"), encoding="utf-8")


def _everything(toy):
    return {p.relative_to(toy.build): p.read_bytes() for p in toy.build.rglob("*") if p.is_file()}


def _by_hand(toy, learner, score):
    with Gradebook(f"sqlite:///{toy.course / 'gradebook.db'}") as book:
        grade = book.find_grade("double_check", "sums", "a1-sums", learner)
        grade.manual_score = score
        book.db.commit()


def _points(toy):
    return {p.stem: read_verdict(p).points for p in (toy.results / "a1-sums").glob("*.json")}


@pytest.mark.slow
def test_preview_then_write(graded, camp):
    """--diff shows whose points change, by how much and why, and writes nothing; without, all is written."""
    _by_hand(graded, "王 小明", 2)
    unchanged = camp("regrade", "--diff")
    assert unchanged.exit_code == 0, unchanged.output
    assert "no points change" in unchanged.stdout
    _change_the_check(graded)
    before = _everything(graded)
    shown = camp("regrade", "a1-sums", "--diff")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert _everything(graded) == before
    rows = [" ".join(line.split()) for line in shown.stdout.splitlines() if "→" in line]
    change = "a1-sums total 3 → 4 (+1) passed this task has other points now"
    assert rows == [f"{name} {change}" for name in ("ada", "bo", "王 小明")]
    assert "3 graded again, 3 with other points (+3 in all); nothing was written" in shown.stdout

    written = camp("regrade", "a1-sums")
    assert written.exit_code == 0, written.output
    assert "3 graded again, 3 with other points (+3 in all); written" in written.stdout
    assert _points(graded) == {"ada": 6, "bo": 5, "王 小明": 4}
    scores = GradebookDoor(graded).scores("a1-sums")
    assert scores == {"ada": 6, "bo": 5, "王 小明": 6}, "two of them by hand"
    grade = camp("grade")
    assert grade.stdout.count("(unchanged)") == 3


@pytest.mark.slow
def test_filters(graded, camp):
    """One learner, or only those in whom a task's result changes; no other is shown or written."""
    _change_the_check(graded)
    result = camp("regrade", "--learner", "bo", "--diff", "--yes")
    assert result.exit_code == 0, result.output
    assert "1 graded again, 1 with other points (+1 in all); written" in result.stdout
    assert _points(graded) == {"ada": 5, "bo": 5, "王 小明": 3}
    none = camp("regrade", "--task", "double")
    assert "no points change" in none.stdout
    assert _points(graded) == {"ada": 5, "bo": 5, "王 小明": 3}
    assert camp("regrade", "--task", "total").exit_code == 0
    assert _points(graded) == {"ada": 6, "bo": 5, "王 小明": 4}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--learner nobody", "'nobody' handed in nothing of a1-sums, a2-words"),
        ("--task none", "no task is called 'none'; there are: double, shout, total"),
        ("a1-sum", "did you mean 'a1-sums'?"),
    ],
)
def test_filter_that_nothing_passes(toy, camp, hand_in, arguments, told):
    """A learner, task or assignment that is not there is one line, before anything is graded."""
    course = load_course(toy.exercises)
    collect(toy, course, look_through(course, hand_in("ada", {}), ["a1-sums"]))
    result = camp("regrade", *arguments.split())
    assert result.exit_code == 1
    assert result.stderr.startswith("camp: ")
    assert result.stderr.count("\n") == 1
    assert told in result.stderr


def test_nothing_to_regrade(camp):
    """Without submissions there is nothing to grade again, in one line."""
    result = camp("regrade")
    assert (result.exit_code, result.stderr) == (1, "camp: nothing is submitted yet; run camp grade first\n")


@pytest.fixture
def verdicts(sums, learner_file, right):
    """A verdict of full marks and one that lost its `double`, made without a kernel."""
    from camp.grade import without_points
    from camp.intake import take_in
    from camp.verdict import CheckResult, Status

    none = without_points(take_in(learner_file(right), sums), sums, "ada", Status.FAILED, "x")
    failed = CheckResult(
        name="c", title="doubles", points=0, max_points=2, status=Status.FAILED, message="got 3,\nnot 4"
    )
    tasks = [t.model_copy(update={"points": t.max_points, "status": Status.PASSED}) for t in none.tasks]
    full = none.model_copy(update={"tasks": tasks, "points": 5})
    worse = [tasks[0].model_copy(update={"points": 0, "status": Status.FAILED, "checks": [failed]}), tasks[1]]
    return full, full.model_copy(update={"tasks": worse, "points": 3})


def test_why_points_change(verdicts):
    """A loss is explained by what fails now, a gain by what failed before, a first verdict by being one."""
    full, less = verdicts
    assert regrade._compare(full, full) == []
    (lost,) = regrade._compare(full, less)
    assert (lost.task, lost.before, lost.after, lost.old, lost.new) == ("double", 2, 0, "passed", "failed")
    assert lost.why == "doubles: got 3, not 4"
    (gained,) = regrade._compare(less, full)
    assert gained.why == "before: doubles: got 3, not 4"
    first = regrade._compare(None, full)
    assert [(c.old, c.why) for c in first] == [("", "this task had no verdict before")] * 2
    gone = regrade._compare(full, full.model_copy(update={"tasks": full.tasks[1:]}))
    assert [(c.task, c.after, c.why) for c in gone] == [
        ("double", 0, "this task is no longer in the exercise")
    ]


def test_trouble_keeps_the_old_verdict(verdicts):
    """What could not be graded again is told in one line at the end, after the others were written."""
    from camp.errors import KernelStartError

    changes = regrade.Changes(troubles=[KernelStartError("no kernel"), KernelStartError("no kernel")])
    with pytest.raises(KernelStartError, match=r"^no kernel \(and 1 more like it\)$"):
        changes.raise_troubles()
    regrade.Changes(verdicts=list(verdicts)).raise_troubles()
