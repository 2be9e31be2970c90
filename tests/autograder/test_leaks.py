"""What must not be found is found wherever it is planted, and is nowhere where learners look."""

import html
import json

import nbformat
import pytest
from camp.course import load_course
from camp.editions import instructor_edition, learner_edition
from camp.exercise import load_exercise
from camp.leaks import leaked, leaks_in, secret_lines
from camp.report import verdicts, write_report
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

CHECK = "x = ask.random.randint(10, 10**6)"
ANSWER = "sum_so_far_of_numbers += number"
QUOTES = 'came = ask.run("result = double(x)", x=x)'


@pytest.fixture
def secretive(toy):
    """An exercise whose secrets hold what is hard to find again: quotes, escapes, angles, other scripts."""
    path = toy.exercises / "a1-sums" / "checks.py"
    odd = """
@check("total", points=1, title="odd")
def odd(ask: Ask) -> None:
    lines = "one\\\\ttwo\\\\nthree".split("\\\\n") if 1 < 2 and 3 > 2 else None
    words = "你好昇腾处理器" + '"quoted"' + "😀 & more"
""".replace("\\\\\\\\", "\\\\")
    path.write_text(path.read_text(encoding="utf-8") + odd, encoding="utf-8")
    return load_exercise(load_course(toy.exercises), "a1-sums")


def test_secrets_are_checks_and_answers(sums):
    """Lines of hidden checks and of solutions are secret; short ones, imports and what is shown are not."""
    secret = secret_lines(sums)
    assert {CHECK, ANSWER, QUOTES} <= secret
    assert not any(line.startswith(("import ", "from ", "#")) for line in secret)
    shown = nbformat.writes(learner_edition(sums))
    assert "STEP = 2" in shown
    assert not any(line == "STEP = 2" for line in secret)


DISGUISES = {
    "as it is": lambda line: line,
    "in a notebook": lambda line: nbformat.writes(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"x = 1\n    {line}\ny = 2", id="a")])
    ),
    "in JSON": lambda line: json.dumps({"source": f"a\n\t{line}\nb"}),
    "in JSON that keeps other scripts": lambda line: json.dumps([line], ensure_ascii=False),
    "in JSON in JSON": lambda line: json.dumps(json.dumps({"source": line})),
    "in a page": lambda line: f"<pre><code>{html.escape(line)}</code></pre>",
    "in a highlighted page": lambda line: highlight(
        f"if True:\n    {line}\n", PythonLexer(), HtmlFormatter()
    ),
    "in a page in JSON": lambda line: json.dumps({"html": f"<p>{html.escape(line)}</p>"}),
    "in other white space": lambda line: line.replace(" ", "\u00a0 \n\t"),
    "in the middle of a line": lambda line: f"xx{line}yy",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_every_secret_is_found_in_every_disguise(secretive, disguise):
    """Each secret line is found again, whatever writes it down."""
    secret = sorted(secret_lines(secretive))
    assert len(secret) > 15
    for line in secret:
        assert line in leaked(DISGUISES[disguise](line), secretive), line


def test_instructors_edition_leaks(sums):
    """The edition with solutions in it is recognised as such."""
    assert ANSWER in leaked(nbformat.writes(instructor_edition(sums)), sums)


def test_innocent_text_does_not_leak(sums):
    """Other text is not taken for a secret."""
    words = nbformat.writes(learner_edition(sums)).split()
    words.sort(key=lambda word: (len(word), word))
    assert leaked(" ".join(words), sums) == []
    assert leaked("", sums) == []


def test_learners_editions_leak_nothing(sums, words, secretive):
    """The learner's edition of the toy exercises holds no secret."""
    for exercise in (sums, words, secretive):
        assert leaked(nbformat.writes(learner_edition(exercise)), exercise) == []


def test_files_below_a_folder_are_searched(tmp_path, sums):
    """A planted file is named with its place and the line; unreadable bytes around it do not hide it."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "page.html").write_bytes(b"\xff\xfe" + ANSWER.encode() + b"\x00")
    (tmp_path / "fine.txt").write_text("nothing here", encoding="utf-8")
    assert leaks_in(tmp_path, sums) == [f"deep/er/page.html: {ANSWER}"]


@pytest.mark.slow
def test_nothing_that_learners_see_leaks(graded_class):
    """Release, feedback and report of the class hold no secret; the sources beside them do."""
    course = load_course(graded_class.exercises)
    write_report(graded_class, course, verdicts(graded_class, course))
    for name in ("a1-sums", "a2-words"):
        exercise = load_exercise(course, name)
        for folder in (
            graded_class.course / "release",
            graded_class.course / "feedback",
            graded_class.report,
        ):
            assert any(folder.rglob("*")), "the test must be able to fail"
            assert leaks_in(folder, exercise) == []
        assert leaks_in(graded_class.course / "source", exercise) != []
