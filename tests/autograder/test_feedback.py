"""A learner's feedback page: what failed, on which input, and where help is; nothing that is secret."""

import html
import json

import pytest
from camp.course import load_course
from camp.editions import page_address
from camp.exercise import load_exercise
from camp.records import autograded_folder, feedback_page, verdict_path
from camp.verdict import Status, read_verdict

pytestmark = pytest.mark.slow

CLASS = ("ada", "bo", "cleo", "dima", "eve")


@pytest.fixture(scope="module")
def exercise(graded_class):
    """The exercise that the class was graded in."""
    return load_exercise(load_course(graded_class.exercises), "a1-sums")


@pytest.fixture
def pages(graded_class, exercise):
    """Every learner's verdict and the text of the page."""
    return {
        name: (
            read_verdict(verdict_path(graded_class, "a1-sums", name)),
            feedback_page(graded_class, exercise, name).read_text(encoding="utf-8"),
        )
        for name in CLASS
    }


def test_what_failed_is_explained(pages, exercise):
    """A failed check tells input and result; its task offers the page to read and all three hints."""
    verdict, page = pages["bo"]
    task = next(t for t in verdict.tasks if t.status is Status.FAILED)
    check = next(c for c in task.checks if c.status is Status.FAILED)
    assert check.message.startswith("given ")
    assert task.message == check.message, "a program reads it at the task, too"
    assert page.count(html.escape(check.message, quote=False)) == 1
    known = next(t for t in exercise.assignment.task if t.id == task.task)
    assert page_address(exercise, known) in page
    assert [page.count(f"Hint {n}<") for n in (1, 2, 3)] == [1, 1, 1]


def test_full_marks_need_no_hints(pages):
    """Who solved everything is offered no help."""
    assert "Hint 1" not in pages["ada"][1]


def test_a_refused_file_says_what_to_do(pages):
    """Who handed in no notebook reads that, once, and no list of hints."""
    verdict, page = pages["eve"]
    assert page.count(html.escape(verdict.findings[0], quote=False)) == 1
    assert "Hint 1" not in page


def test_what_was_expected_is_not_told(pages, graded_class):
    """What a hidden check expected stands neither in the page nor in the notebook that nbgrader keeps."""
    secrets = [
        (name, check.expected)
        for name, (verdict, _) in pages.items()
        for task in verdict.tasks
        for check in task.checks
        if check.expected
    ]
    assert secrets
    for name, expected in secrets:
        kept = (autograded_folder(graded_class, "a1-sums", name) / "sums.ipynb").read_text(encoding="utf-8")
        assert expected not in pages[name][1]
        assert all(expected not in json.dumps(cell["metadata"]) for cell in json.loads(kept)["cells"])


def test_nobody_else_is_named(pages):
    """A page names its learner and no other."""
    for name, (_, page) in pages.items():
        assert f">{name} · " in page
        assert not any(f">{other} · " in page for other in CLASS if other != name)
