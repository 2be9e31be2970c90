"""The map of the course and its calendars: they name all that there is, in order, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

# isort: split
import course_map

ROOT = Path(__file__).resolve().parents[2]
BOOK, EXERCISES = ROOT / "book", ROOT / "exercises" / "camp.toml"


@pytest.fixture(scope="module")
def chapters() -> list[course_map.Chapter]:
    """The real course."""
    return course_map.course(BOOK, EXERCISES)


def small(tmp_path: Path) -> tuple[Path, Path]:
    """A course of three chapters and two assignments, of which the first needs the second chapter."""
    (tmp_path / "part1").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "parts:\n- caption: 1 · One\n  chapters: [{file: part1/a}, {file: part1/b}, {file: part5/c}]\n",
        encoding="utf-8",
    )
    (tmp_path / "part5").mkdir()
    for page, time in (
        ("part1/a", "Time\n: 30 minutes\n"),
        ("part1/b", "Time\n: 20 minutes\n"),
        ("part5/c", ""),
    ):
        (tmp_path / f"{page}.md").write_text(f"# Page {page[-1]}\n\n{time}", encoding="utf-8")
    course = tmp_path / "camp.toml"
    course.write_text(
        '[[assignment]]\nid = "01-x"\ntitle = "X"\nminutes = 60\npage = "part1/a"\n'
        '[[assignment.task]]\npage = "part1/b#there"\n'
        '[[assignment]]\nid = "02-y"\ntitle = "Y"\nminutes = 40\npage = "part1/a"\n'
        '[[assignment.task]]\npage = "part5/c"\n',
        encoding="utf-8",
    )
    return tmp_path, course


def test_an_assignment_follows_what_it_needs(tmp_path: Path) -> None:
    """After the last chapter of its tasks, never before an earlier assignment; looking up does not count."""
    found = course_map.course(*small(tmp_path))
    assert [[a.number for a in chapter.assignments] for chapter in found] == [[], ["01", "02"], []]
    assert [(s.text, s.minutes) for s in course_map.steps(found)] == [
        ("Page a", 30),
        ("Page b", 20),
        ("01", 60),
        ("02", 40),
    ]


def test_the_map_links_from_where_it_stands(tmp_path: Path) -> None:
    """Links are relative to the page's folder; a page without minutes has none."""
    text = course_map.map_text(course_map.course(*small(tmp_path)), "part0")
    assert "| [Page b](../part1/b.md) | 20 | 01 · X (60 min), 02 · Y (40 min) |" in text
    assert "| [Page c](../part5/c.md) |  |  |" in text


def test_the_parts_add_up(chapters: list[course_map.Chapter]) -> None:
    """A line a part, which leads to its first page; hours and assignments are those of the map."""
    rows = [row.split("|")[1:4] for row in course_map.parts_text(chapters, "").splitlines()[2:]]
    assert [re.findall(r"\[(.+)\]", row[0])[0] for row in rows] == list(
        dict.fromkeys(c.part for c in chapters)
    )
    assert all((BOOK / re.findall(r"\((.+)\)", row[0])[0]).is_file() for row in rows)
    total = sum(step.minutes for step in course_map.steps(chapters)) / 60
    assert sum(int(row[1]) for row in rows if row[1].strip()) == pytest.approx(total, abs=len(rows) / 2)
    spans = [[int(number) for number in re.findall(r"\d\d", " ".join(row[2:]))] for row in rows]
    due = [number for span in spans if span for number in range(span[0], span[-1] + 1)]
    assert due == [int(a.number) for a in course_map.read_assignments(EXERCISES)]


def test_the_real_map_holds_every_chapter_and_assignment_once(chapters: list[course_map.Chapter]) -> None:
    """Each page of the table of contents, each assignment of camp.toml, and files that exist."""
    text = course_map.map_text(chapters, "part0")
    pages = re.findall(r"\]\(([^)]+)\)", text)
    assert len(pages) == len(set(pages)) == len(chapters)
    assert all((BOOK / "part0" / page).resolve().is_file() for page in pages)
    numbers = re.findall(r"(\d\d) · ", text)
    assert numbers == [a.number for a in course_map.read_assignments(EXERCISES)]


@pytest.mark.parametrize("weeks", [2, 4, 8])
def test_a_calendar_holds_all_and_is_even(chapters: list[course_map.Chapter], weeks: int) -> None:
    """Every assignment is due once, in order; all hours are there; no week is twice as long as the mean."""
    rows = course_map.calendar_text(chapters, weeks).splitlines()[2:]
    assert len(rows) == weeks
    due = [number for row in rows for number in re.findall(r"\b\d\d\b(?!\.)", row.split("|")[3])]
    assert due == [a.number for a in course_map.read_assignments(EXERCISES)]
    hours = [float(row.split("|")[4]) for row in rows]
    total = sum(step.minutes for step in course_map.steps(chapters)) / 60
    assert sum(hours) == pytest.approx(total, abs=0.1 * weeks)
    assert max(hours) < 2 * total / weeks


@given(st.lists(st.integers(1, 200), min_size=1, max_size=9), st.data())
def test_no_cut_is_better(minutes: list[int], data: st.DataObject) -> None:
    """The longest piece is as short as any way to cut the sequence allows, and no piece is empty."""
    from itertools import combinations, pairwise

    into = data.draw(st.integers(1, len(minutes)))
    ends = [0, *course_map.split(minutes, into)]
    assert ends[-1] == len(minutes)
    assert all(a < b for a, b in pairwise(ends))
    ways = ([0, *cuts, len(minutes)] for cuts in combinations(range(1, len(minutes)), into - 1))
    best = min(max(sum(minutes[a:b]) for a, b in pairwise(way)) for way in ways)
    assert max(sum(minutes[a:b]) for a, b in pairwise(ends)) == best


@pytest.mark.parametrize("into", [0, 3, -1])
def test_more_weeks_than_work_are_refused(into: int) -> None:
    """The message says how many there are, and what to choose."""
    with pytest.raises(ValueError, match=r"2 things cannot be cut into -?\d pieces; choose 1 to 2"):
        course_map.split([5, 5], into)


@pytest.mark.parametrize(
    "page", [*sorted(BOOK.glob("part*/*.md")), BOOK / "index.md"], ids=lambda path: path.stem
)
def test_a_page_names_only_assignments_that_exist(page: Path) -> None:
    """A number and a title, as in `02 · One operator …`, are those of an assignment of camp.toml."""
    titles = {a.number: a.title for a in course_map.read_assignments(EXERCISES)}
    for number, rest in re.findall(r"\b([01]\d) · ([A-Z][^\n]*)", page.read_text(encoding="utf-8")):
        assert rest.startswith(titles.get(number, "no such assignment")), f"{number} · {rest}"


@pytest.mark.parametrize("path", sorted(BOOK.glob("part*/*.md")), ids=lambda path: path.stem)
def test_every_page_can_be_reached(path: Path) -> None:
    """No page lies in the book's folders without an entry in its table of contents."""
    pages = {chapter.page for chapter in course_map.read_chapters(BOOK)}
    assert path.relative_to(BOOK).with_suffix("").as_posix() in pages
