"""The class report: its columns, its page, its links, the same bytes each time."""

import csv
import io
from datetime import datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from camp.course import load_course
from camp.graded import Graded
from camp.records import feedback_page
from camp.report import class_table, grades_csv, verdicts, write_report
from camp.verdict import CheckResult, Hashes, Outcome, Status, TaskResult, Verdict, outcome
from rich.console import Console

NAMES = ["ada", "王小明", "Ada Lovelace", "<script>alert(1)</script>", "[red]bo[/] [/]", "x#y?z%20"]


def _verdict(learner, statuses=("passed", "failed"), assignment="a1-sums"):
    tasks = [
        TaskResult(
            task=task,
            title=task.title(),
            points=most if status == "passed" else 0,
            max_points=most,
            status=Status(status),
            checks=[
                CheckResult(name="c", title="a <b> check", points=0, max_points=most, status=Status(status))
            ],
        )
        for task, most, status in zip(("double", "total"), (2, 3), statuses, strict=True)
    ]
    return Verdict(
        assignment=assignment,
        learner=learner,
        points=sum(t.points for t in tasks),
        max_points=5,
        outcome=outcome(tasks),
        findings=["not a notebook: the file is not JSON; submit it"] if statuses[0] == "refused" else [],
        tasks=tasks,
        seed=7,
        hashes=Hashes(submission="", exercise="", grader="", environment=""),
    )


class Page(HTMLParser):
    """What a page holds: its links, its scripts, its text, and whether its tags close."""

    def __init__(self, text):
        super().__init__()
        self.links, self.sources, self.words, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note a link or a source."""
        given = dict(attrs)
        self.links += [given["href"]] if tag == "a" else []
        self.sources += [given[k] for k in ("src", "href") if k in given and tag in {"script", "link", "img"}]
        if tag in {"table", "tr", "td", "th", "section", "main", "ul", "li", "script"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Note an end."""
        if self.open and tag == self.open[-1]:
            self.open.pop()

    def handle_data(self, data):
        """Note the text."""
        self.words.append(data)


@pytest.fixture
def written(toy):
    """The page of a class with names of every kind, with feedback pages beside it."""
    course = load_course(toy.exercises)
    found = [_verdict(name) for name in NAMES]
    exercise_page = toy.course / "feedback"
    for name in NAMES:
        page = exercise_page / name.replace("/", "") / "a1-sums" / "sums.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("x", encoding="utf-8")
    return toy, write_report(toy, course, [v for v in found if "/" not in v.learner])


def test_columns_are_the_interface():
    """One row a task, these columns in this order, whole numbers, the status in words."""
    rows = list(csv.reader(io.StringIO(grades_csv([_verdict("ada", ("passed", "timed out"))]))))
    assert rows == [
        ["learner", "assignment", "task", "points", "max_points", "status"],
        ["ada", "a1-sums", "double", "2", "2", "passed"],
        ["ada", "a1-sums", "total", "0", "3", "timed out"],
    ]


def test_grades_add_up_to_what_counts():
    """Points by hand replace the verdict's, lateness is a row, a group's submission is each member's."""
    grades = {
        "a1-sums": {
            "ada": Graded(score=3.5, penalty=0.5, by_hand={"total_check": 1.5}),
            "bo": Graded(score=2.0),
            "left out": Graded(score=0.0),
        }
    }
    text = grades_csv([_verdict("ada")], grades, lambda _, learner: "ada" if learner == "bo" else learner)
    assert text.splitlines()[1:] == [
        "ada,a1-sums,double,2,2,passed",
        "ada,a1-sums,total,1.5,3,graded by hand",
        "ada,a1-sums,late_penalty,-0.5,0,late",
        "bo,a1-sums,double,2,2,passed",
        "bo,a1-sums,total,0,3,failed",
    ]


def test_names_survive_the_table():
    """Names with commas, quotes and lines of other scripts come back as they are."""
    names = ['a,"b"', "王小明", "a\tb"]
    rows = list(csv.DictReader(io.StringIO(grades_csv([_verdict(name) for name in names]))))
    assert [row["learner"] for row in rows[::2]] == names


def test_page_is_whole_and_asks_nothing_of_others(written):
    """The page's tags close, and it fetches nothing from anywhere."""
    _, path = written
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.sources == []
    assert not any("//" in link for link in page.links)


def test_links_lead_somewhere(written):
    """Every learner's link leads to the feedback page, whatever the name holds."""
    toy, path = written
    page = Page(path.read_text(encoding="utf-8"))
    targets = {(path.parent / unquote(link)).resolve() for link in page.links if link.endswith(".html")}
    assert len(targets) == len([n for n in NAMES if "/" not in n])
    assert all(target.is_file() for target in targets)
    assert targets >= {
        feedback_page(toy, _Exercise, name).resolve() for name in ("王小明", "Ada Lovelace", "x#y?z%20")
    }


class _Exercise:
    id = "a1-sums"

    class assignment:  # noqa: N801 - stands for an exercise's attribute
        notebook = "sums"


def test_names_are_text_not_markup(toy):
    """A name or a title that looks like markup is shown as it is, in the page and in the terminal."""
    course = load_course(toy.exercises)
    found = [_verdict(name) for name in NAMES]
    text = write_report(toy, course, found).read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "<script>alert(1)</script>" in Page(text).words
    console = Console(file=io.StringIO(), width=200)
    console.print(class_table(found))
    shown = console.file.getvalue()
    assert all(name in shown for name in NAMES)


def test_same_bytes_each_time(toy):
    """The same class gives the same page and the same table."""
    course = load_course(toy.exercises)
    found = [_verdict("ada"), _verdict("bo", ("timed out", "not attempted"))]
    first = write_report(toy, course, found).read_bytes()
    assert write_report(toy, course, found).read_bytes() == first


def test_every_status_has_its_place(toy):
    """Every status and outcome there is can be shown."""
    course = load_course(toy.exercises)
    found = [_verdict(f"learner {s.value}", (s.value, s.value)) for s in Status]
    assert {v.outcome for v in found} == set(Outcome) - {Outcome.PARTIAL}
    text = write_report(toy, course, found).read_text(encoding="utf-8")
    for status in Status:
        assert status.value in text
    Console(file=io.StringIO()).print(class_table(found))


def test_verdicts_of_an_older_exercise_are_shown(toy):
    """Verdicts from before a task was added or renamed do not stop the report."""
    course = load_course(toy.exercises)
    old = _verdict("ada")
    old.tasks = old.tasks[:1]
    renamed = _verdict("bo")
    renamed.tasks[1].task = "sum_up"
    for found in ([old], [renamed], [old, renamed, _verdict("cleo")]):
        assert "Total" in write_report(toy, course, found).read_text(encoding="utf-8")


def test_no_verdicts(toy):
    """Before anything is graded, the page says so."""
    text = write_report(toy, load_course(toy.exercises), []).read_text(encoding="utf-8")
    assert "No verdicts yet" in text


def test_verdicts_that_cannot_be_read_are_passed_over(toy):
    """Half a file, another version's file, a folder: none of them stops the report."""
    folder = toy.results / "a1-sums"
    folder.mkdir(parents=True)
    (folder / "ada.json").write_text(_verdict("ada").to_json(), encoding="utf-8")
    (folder / "half.json").write_text(_verdict("half").to_json()[:50], encoding="utf-8")
    (folder / "other.json").write_text(
        _verdict("o").to_json().replace('"schema_version": 1', '"schema_version": 2')
    )
    (folder / "bytes.json").write_bytes(b"\xff\xfe")
    (folder / "folder.json").mkdir()
    assert [v.learner for v in verdicts(toy, load_course(toy.exercises))] == ["ada"]


def test_questions_open_in_a_spreadsheet(toy):
    """A row for each hidden check, marked as UTF-8, and no text of a learner's is a formula."""
    told = _verdict("ada")
    told.tasks[1].checks[0].message = '=HYPERLINK("http://x")'
    told.tasks[1].checks[0].expected = "6"
    write_report(toy, load_course(toy.exercises), [told])
    text = (toy.report / "questions" / "a1-sums.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert text.startswith("\ufeff")
    assert [(r["learner"], r["task"], r["check"], r["status"]) for r in rows] == [
        ("ada", "double", "c", "passed"),
        ("ada", "total", "c", "failed"),
    ]
    assert (rows[1]["message"], rows[1]["expected"]) == ('\'=HYPERLINK("http://x")', "6")


def test_tasks_as_data(toy):
    """A row a task; what too few learners tell stays empty."""
    write_report(toy, load_course(toy.exercises), [_verdict("ada"), _verdict("bo")])
    text = (toy.report / "tasks.csv").read_text(encoding="utf-8").removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(r["task"], r["n"], r["facility"], r["discrimination"]) for r in rows] == [
        ("double", "2", "1.0", ""),
        ("total", "2", "0.0", ""),
    ]


def test_what_the_gradebook_knows_beyond_the_verdict(toy):
    """The score that counts, lateness with what it cost, and what waits for a person, by the task's title."""
    due = datetime(2026, 3, 1)  # noqa: DTZ001 - in UTC without a zone, as nbgrader stores it
    grades = {
        "ada": Graded(
            score=1.5,
            penalty=0.5,
            submitted=due + timedelta(days=1, hours=3, minutes=5),
            due=due,
            extension=timedelta(hours=12),
            to_grade=("total_check",),
        ),
        "bo": Graded(score=2, submitted=due, due=due),
    }
    course = load_course(toy.exercises)
    found = [_verdict("ada"), _verdict("bo")]
    shown = write_report(toy, course, found, {"a1-sums": grades}).read_text(encoding="utf-8")
    words = " ".join(" ".join(Page(shown).words).split())
    assert "1.5 (2 by machine)" in words
    assert "1 day 3 hours, extended by 12 hours, 0.5 off" in words
    assert "in time" in words
    assert "1 of 2, in the formgrader" in words
    assert "ada : Total" in words
    assert "Late" not in write_report(toy, course, found).read_text(encoding="utf-8")


def test_who_handed_in_nothing(toy):
    """Who is on the roster and neither handed in nor is in a group that did is named."""
    toy.class_data.mkdir()
    (toy.class_data / "roster.csv").write_text("id,group\nada,1\nbo,1\ncleo,\n", encoding="utf-8")
    (toy.class_data / "policy.toml").write_text('groups = "all"\n', encoding="utf-8")
    shown = write_report(toy, load_course(toy.exercises), [_verdict("ada")]).read_text(encoding="utf-8")
    words = " ".join(" ".join(Page(shown).words).split())
    assert "ada , with bo" in words
    assert "1 of the roster: cleo" in words


def test_findings_are_listed(toy):
    """What was strange in a submitted file stands in the page, with whose it was."""
    odd = _verdict("ada")
    odd.findings = ["the check cell of 'total' was changed; it is graded as handed out"]
    text = write_report(toy, load_course(toy.exercises), [odd]).read_text(encoding="utf-8")
    assert "the check cell of &#39;total&#39; was changed" in text


def test_a_thousand_learners(toy):
    """The page of a thousand learners stays small enough to be sent, and folds its long table."""
    found = [_verdict(f"learner {n:04}", ("passed", "failed")) for n in range(1000)]
    path = write_report(toy, load_course(toy.exercises), found)
    assert path.stat().st_size < 500_000
    assert "All 1000" in path.read_text(encoding="utf-8")


def test_a_thousand_learners_in_many_assignments(toy, monkeypatch):
    """Where tables of learners would make the page heavy, each has a page of its own, with whole links."""
    monkeypatch.setattr("camp.report.page.APART_FROM", 4)
    course = load_course(toy.exercises)
    index = write_report(toy, course, [_verdict(name) for name in ("ada", "bo", "cleo", "x#y?z%20")])
    assert "learners/a1-sums.html" in Page(index.read_text(encoding="utf-8")).links
    assert "cleo" not in Page(index.read_text(encoding="utf-8")).words
    apart = index.parent / "learners" / "a1-sums.html"
    page = Page(apart.read_text(encoding="utf-8"))
    assert page.open == []
    assert {"ada", "bo", "cleo", "x#y?z%20"} <= set(page.words)
    pages = {(apart.parent / unquote(link)).resolve() for link in page.links if "feedback" in link}
    assert pages == {
        feedback_page(toy, _Exercise, name).resolve() for name in ("ada", "bo", "cleo", "x#y?z%20")
    }


@pytest.mark.slow
def test_report_of_the_graded_class(graded_class):
    """The real report of the class: a row per task of every learner, and links that all resolve."""
    course = load_course(graded_class.exercises)
    path = write_report(graded_class, course, verdicts(graded_class, course))
    rows = list(csv.DictReader((graded_class.report / "grades.csv").open(encoding="utf-8")))
    assert len(rows) == 11
    assert {(r["learner"], r["status"]) for r in rows if r["task"] == "total"} == {
        ("ada", "passed"),
        ("bo", "passed"),
        ("cleo", "not attempted"),
        ("dima", "timed out"),
        ("eve", "refused"),
    }
    page = Page(path.read_text(encoding="utf-8"))
    feedback = {link for link in page.links if link.endswith(".html")}
    assert len(feedback) == 6
    assert all((path.parent / unquote(link)).is_file() for link in feedback)
