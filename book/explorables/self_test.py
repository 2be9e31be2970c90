"""The self-test of part 0: questions with an answer that the tests have run, and what to read for each.

Plain JavaScript (`self_test.js`) tells right from wrong, so it moves with no kernel behind it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from explorables.reference import Html

QUESTIONS = Path(__file__).with_suffix(".toml")
SCRIPT = Path(__file__).with_suffix(".js")


@dataclass(frozen=True)
class Question:
    """One question: `right` counts the options from 0; `code`, if any, prints the right one."""

    ask: str
    options: list[str]
    right: int
    why: str
    part: str
    code: str = ""


@dataclass(frozen=True)
class Topic:
    """A subject: the language of its code, and what to read, by address and name."""

    name: str
    lang: str
    read: str
    what: str
    questions: list[Question]


@cache
def topics() -> list[Topic]:
    """All subjects in the order of the file."""
    found = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["topic"]
    return [Topic(**{**one, "questions": [Question(**q) for q in one["questions"]]}) for one in found]


def _option(name: str, number: int, text: str) -> str:
    said = escape(text)
    return f'<label><input type="radio" name="{name}" value="{number}"> <span>{said}</span></label>'


def _question(topic: Topic, question: Question, name: str, number: int) -> str:
    options = "".join(_option(name, i, text) for i, text in enumerate(question.options))
    code = f"<pre>{escape(question.code)}</pre>" if question.code else ""
    read = f'Read: <a href="{escape(topic.read)}">{escape(topic.what)}</a>, {escape(question.part)}.'
    return (
        f'<fieldset data-right="{question.right}"><legend>{number}. {escape(question.ask)}</legend>{code}'
        f'<div class="options">{options}</div><p class="told" aria-live="polite" hidden>'
        f'<strong class="verdict"></strong> {escape(question.why)} '
        f'<span class="read">{read}</span></p></fieldset>'
    )


def self_test() -> Html:
    """The questions by subject, with a line at the end that says what to brush up."""
    parts, number = [], 0
    for place, topic in enumerate(topics()):
        parts.append(f'<section data-topic="{escape(topic.name)}"><p class="topic">{escape(topic.name)}</p>')
        for question in topic.questions:
            number += 1
            parts.append(_question(topic, question, f"self-test-{place}-{number}", number))
        parts.append("</section>")
    return Html(
        f'<form class="camp-quiz" data-count="{number}">{"".join(parts)}'
        '<p class="result" role="status">Choose an answer to each question.</p></form>'
        f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
    )
