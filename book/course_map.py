"""The map of the course and its calendars, from what there is: the table of contents, pages and camp.toml.

`camp_site.py` puts them into pages as `{camp-map}`, `{camp-parts}` and `{camp-calendar}`, anew in each
build: so a page names only chapters and assignments that exist, and never misses one.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
TIME = re.compile(r"^Time\n: (\d+) minutes", re.MULTILINE)
REFERENCE = "part5/"


@dataclass(frozen=True)
class Assignment:
    """One of `camp.toml`: its number and title, its minutes, and the chapters that its tasks name."""

    number: str
    title: str
    minutes: int
    pages: frozenset[str]


@dataclass
class Chapter:
    """A page of the book; `minutes` is 0 where it names none. `assignments` are those that follow it."""

    page: str
    title: str
    minutes: int
    part: str
    assignments: list[Assignment] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """What a learner does next: a chapter or an assignment."""

    text: str
    minutes: int
    is_assignment: bool


def read_assignments(course: Path) -> list[Assignment]:
    """The assignments in the file `course`, in its order."""
    found = []
    for one in tomllib.loads(course.read_text(encoding="utf-8"))["assignment"]:
        pages = {one["page"], *(task["page"] for task in one["task"])}
        chapters = frozenset(p.partition("#")[0] for p in pages if not p.startswith(REFERENCE))
        found.append(Assignment(one["id"].partition("-")[0], one["title"], one["minutes"], chapters))
    return found


def read_chapters(book: Path) -> list[Chapter]:
    """The pages of the table of contents with titles and minutes, in its order."""
    found = []
    for part in yaml.safe_load((book / "_toc.yml").read_text(encoding="utf-8"))["parts"]:
        for entry in part["chapters"]:
            text = (book / f"{entry['file']}.md").read_text(encoding="utf-8")
            title, time = TITLE.search(text), TIME.search(text)
            name = title[1] if title else entry["file"]
            found.append(Chapter(entry["file"], name, int(time[1]) if time else 0, part["caption"]))
    return found


def course(book: Path, exercises: Path) -> list[Chapter]:
    """All chapters, each with the assignments that a learner is ready for once it is read.

    An assignment follows the last chapter that its tasks name, and never an assignment with a higher number.
    """
    chapters = read_chapters(book)
    places = {chapter.page: place for place, chapter in enumerate(chapters)}
    place = 0
    for assignment in read_assignments(exercises):
        place = max([place, *(places[page] for page in assignment.pages if page in places)])
        chapters[place].assignments.append(assignment)
    return chapters


def map_text(chapters: Sequence[Chapter], at: str) -> str:
    """A table for each part: chapters with their minutes, and what is done after them.

    Args:
        chapters: see `course`.
        at: the folder of the page that shows it, from which links are counted.
    """
    lines = []
    for part in dict.fromkeys(chapter.part for chapter in chapters):
        lines += ["", f"**{part}**", "", "| Chapter | Minutes | Then do |", "| :--- | ---: | :--- |"]
        for chapter in (c for c in chapters if c.part == part):
            link = f"[{chapter.title}]({os.path.relpath(chapter.page, at or '.')}.md)"
            then = ", ".join(f"{a.number} · {a.title} ({a.minutes} min)" for a in chapter.assignments)
            lines.append(f"| {link} | {chapter.minutes or ''} | {then} |")
    return "\n".join(lines)


def parts_text(chapters: Sequence[Chapter], at: str) -> str:
    """A table with a line for each part: the hours of reading and doing, and its assignments.

    Args:
        chapters: see `course`.
        at: the folder of the page that shows it, from which links are counted.
    """
    lines = ["| Part | Hours | Assignments |", "| :--- | ---: | :--- |"]
    for part in dict.fromkeys(chapter.part for chapter in chapters):
        inside = [chapter for chapter in chapters if chapter.part == part]
        link = f"[{part}]({os.path.relpath(inside[0].page, at or '.')}.md)"
        due = [assignment for chapter in inside for assignment in chapter.assignments]
        way = steps(inside)
        hours = f"{sum(step.minutes for step in way) / 60:.0f}" if way else ""
        span = " to ".join(dict.fromkeys((due[0].number, due[-1].number))) if due else ""
        lines.append(f"| {link} | {hours} | {span} |")
    return "\n".join(lines)


def steps(chapters: Sequence[Chapter]) -> list[Step]:
    """The way through the course; pages that are for looking up are left out."""
    found = []
    for chapter in chapters:
        if chapter.minutes and not chapter.page.startswith(REFERENCE):
            found.append(Step(chapter.title, chapter.minutes, is_assignment=False))
        found += [Step(a.number, a.minutes, is_assignment=True) for a in chapter.assignments]
    return found


def split(minutes: Sequence[int], into: int) -> list[int]:
    """Cut a sequence into that many pieces in order, so that the longest piece is as short as can be.

    Returns:
        For each piece, where it ends.

    Raises:
        ValueError: there are more pieces than things to do.
    """
    if not 1 <= into <= len(minutes):
        raise ValueError(
            f"{len(minutes)} things cannot be cut into {into} pieces; choose 1 to {len(minutes)}"
        )

    @cache
    def best(end: int, pieces: int) -> tuple[int, int]:
        """The longest piece of the first `end`, and where its last piece begins."""
        if pieces == 1:
            return sum(minutes[:end]), 0
        cuts = range(pieces - 1, end)
        return min((max(best(cut, pieces - 1)[0], sum(minutes[cut:end])), cut) for cut in cuts)

    ends, end = [], len(minutes)
    for pieces in range(into, 0, -1):
        ends.append(end)
        end = best(end, pieces)[1]
    return ends[::-1]


def calendar_text(chapters: Sequence[Chapter], weeks: int) -> str:
    """A table of so many weeks: from which chapter to which one reads, the assignments due, and the hours."""
    way = steps(chapters)
    lines = ["| Week | Read | Hand in | Hours |", "| ---: | :--- | :--- | ---: |"]
    start = 0
    for week, end in enumerate(split([step.minutes for step in way], weeks), 1):
        read = [step.text for step in way[start:end] if not step.is_assignment]
        due = [step.text for step in way[start:end] if step.is_assignment]
        span = " to ".join(dict.fromkeys((read[0], read[-1]))) if read else "nothing new"
        hours = sum(step.minutes for step in way[start:end]) / 60
        lines.append(f"| {week} | {span} | {', '.join(due) or 'nothing'} | {hours:.1f} |")
        start = end
    return "\n".join(lines)
