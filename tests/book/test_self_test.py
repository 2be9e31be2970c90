"""The self-test of part 0: each answer that it calls right is what its code prints; it needs no kernel."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from explorables import self_test

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Visit

ALL = [(topic, question) for topic in self_test.topics() for question in topic.questions]
RUN = {lang: [(t, q) for t, q in ALL if t.lang == lang] for lang in ("python", "bash", "c++")}


def named(pairs: list[tuple[self_test.Topic, self_test.Question]]) -> list[pytest.param]:
    """A parameter for each question, called by its subject and place."""
    return [pytest.param(question, id=f"{topic.name}-{i}") for i, (topic, question) in enumerate(pairs)]


@pytest.mark.parametrize("question", named(RUN["python"]))
def test_the_right_answer_is_what_python_prints(question: self_test.Question) -> None:
    """The program prints the option that the page calls right."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(question.code, {"__name__": "quiz"})  # noqa: S102  our own questions
    assert said.getvalue().strip() == question.options[question.right]


@pytest.mark.parametrize("question", named(RUN["bash"]))
def test_the_right_answer_is_what_the_shell_prints(question: self_test.Question) -> None:
    """The commands print the option that the page calls right."""
    done = subprocess.run(["bash", "-c", question.code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == question.options[question.right]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="no compiler for C++ on this machine")
@pytest.mark.parametrize("question", named(RUN["c++"]))
def test_the_right_answer_is_what_the_program_prints(question: self_test.Question, tmp_path: Path) -> None:
    """Compiled and run, it prints the option that the page calls right."""
    (tmp_path / "quiz.cpp").write_text(question.code, encoding="utf-8")
    subprocess.run(["g++", "-o", str(tmp_path / "quiz"), str(tmp_path / "quiz.cpp")], check=True)
    done = subprocess.run([str(tmp_path / "quiz")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == question.options[question.right]


@pytest.mark.parametrize("question", named(ALL))
def test_every_question_can_be_answered_and_explains_itself(question: self_test.Question) -> None:
    """Three different options, one of them right, a reason, and a place to read."""
    assert len(set(question.options)) == 3
    assert 0 <= question.right < 3
    assert question.why.endswith(".")
    assert question.part


def test_the_page_holds_every_question_once() -> None:
    """A fieldset with three options each; names of groups are distinct, so that no choice undoes another."""
    shown = self_test.self_test().text
    groups = re.findall(r'type="radio" name="([^"]+)"', shown)
    assert shown.count("<fieldset") == len(ALL) == len(set(groups))
    assert len(groups) == 3 * len(ALL)
    assert f'data-count="{len(ALL)}"' in shown


def test_right_answers_stand_in_no_fixed_place() -> None:
    """Who always takes the same option does not pass."""
    places = [question.right for _, question in ALL]
    assert max(places.count(place) for place in range(3)) < 0.75 * len(places)


@pytest.mark.slow
@pytest.mark.browser
def test_it_says_what_to_brush_up(visit: Callable[..., Visit]) -> None:
    """With the keyboard alone: a wrong answer names what to read; at the end its subject is named."""
    seen = visit()
    page = seen.open("part0/need.html")
    fields = page.locator(".camp-quiz fieldset")
    for i, (_, question) in enumerate(ALL):
        wanted = question.right if i else (question.right + 1) % 3
        fields.nth(i).locator("input").nth(wanted).focus()
        page.keyboard.press("Space")
    assert fields.nth(0).locator(".told a").is_visible()
    assert not fields.nth(1).locator(".told a").is_visible()
    result = page.locator(".camp-quiz .result").inner_text()
    assert result == f"{len(ALL) - 1} of {len(ALL)} right, 0 still open. Brush up: {ALL[0][0].name}."
    assert seen.complaints == []
