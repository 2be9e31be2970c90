"""What `camp similar` found: a page with the answers side by side, and the same as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from camp.cells import csv_text
from camp.paths import Layout, write_text
from camp.similar.pairs import MIN_EVIDENCE, MIN_SHARE, Pair

if TYPE_CHECKING:
    from pathlib import Path

    from camp.similar.search import Likeness, Search

MAX_SHOWN = 60
"""Pairs of learners whose answers stand side by side in the page; the CSV has all."""
COLUMNS = ("first", "second", "task", "sureness", "share", "evidence", "same_names", "same_comments")


@dataclass(frozen=True)
class Shown:
    """Two answers, side by side."""

    title: str
    pair: Pair
    first: Markup
    second: Markup


def write_similar(layout: Layout, search: Search) -> Path:
    """Write `build/report/similar/<assignment>.html` and `.csv`; return the page's path."""
    folder = layout.report / "similar"
    exercise = search.exercise
    write_text(folder / f"{exercise.id}.csv", _csv(search))
    templates = resources.files("camp").joinpath("templates")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(templates.joinpath("similar.html").read_text(encoding="utf-8")).render(
        exercise=exercise,
        search=search,
        style=templates.joinpath("page.css").read_text(encoding="utf-8"),
        shown=[(like, _side_by_side(search, like)) for like in search.likenesses[:MAX_SHOWN]],
        more=max(0, len(search.likenesses) - MAX_SHOWN),
        min_share=MIN_SHARE,
        min_evidence=MIN_EVIDENCE,
    )
    write_text(folder / f"{exercise.id}.html", page)
    return folder / f"{exercise.id}.html"


def _csv(search: Search) -> str:
    rows = (
        (
            *like.learners,
            pair.first.task,
            str(like.sureness),
            round(pair.share, 3),
            round(pair.evidence, 1),
            round(pair.same_names, 3),
            pair.same_comments,
        )
        for like in search.likenesses
        for pair in like.pairs
    )
    return csv_text(COLUMNS, rows, bom=True)


def _side_by_side(search: Search, like: Likeness) -> list[Shown]:
    titles = {task.id: task.title for task in search.exercise.assignment.task}
    shown = []
    for pair in like.pairs:
        places = search.comparisons[pair.first.task].stretches(pair)
        first, second = (
            _marked(answer.source, ranges)
            for answer, ranges in zip((pair.first, pair.second), places, strict=True)
        )
        shown.append(Shown(titles[pair.first.task], pair, first, second))
    return shown


def _marked(source: str, ranges: list[tuple[int, int]]) -> Markup:
    """A source as HTML, its shared stretches marked; every character of it escaped."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    parts, at = [], 0
    for begin, end in ranges:
        parts += [escape(text[at:begin]), Markup("<mark>"), escape(text[begin:end]), Markup("</mark>")]
        at = end
    return Markup("").join([*parts, escape(text[at:])])
