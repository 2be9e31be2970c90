"""An exercise read from its folder: its parts must fit together, or the author is told in one line."""

import pytest
from camp.course import load_course
from camp.errors import ExerciseError
from camp.exercise import load_exercise

CHECK = '@check("double", points=1, title="t")\ndef f(ask: Ask) -> None: ...\n'
NOTEBOOK_FAULTS = {
    "a task that camp.toml does not know": (
        ":task: double\n:role: answer",
        ":task: dubble\n:role: answer",
        "dubble",
    ),
    "a role that there is not": (":task: double\n:role: check", ":task: double\n:role: chek", "chek"),
    "no check cell": (
        ":task: double\n:role: check\n",
        "",
        "'double' needs one answer cell, then one check cell",
    ),
    "no mark of the end": (
        "    return twice_the_number\n    ### END SOLUTION",
        "    return 1",
        "END SOLUTION",
    ),
    "marks in the wrong order": (
        "### BEGIN SOLUTION\n    twice",
        "### END SOLUTION\n    twice",
        "BEGIN SOLUTION",
    ),
    "a solution outside an answer": (
        "STEP = 2",
        "### BEGIN SOLUTION\nSTEP = 2\n### END SOLUTION",
        "outside an answer",
    ),
    "a mark in the text": ("Two small tasks.", "Write below ### BEGIN SOLUTION.", "outside an answer"),
}
CELL_FAULTS = {
    "a given cell": ("STEP = 2", "STEP = = 2", "code cell of line 16 is no Python", "(line 19)"),
    "a check cell": (
        "assert double(3) == 6,",
        "assert double(3 == 6,",
        "code cell of line 34",
        "never closed",
    ),
    "an answer": (
        "    return twice_the_number",
        "  return twice_the_number",
        "code cell of line 23",
        "line 30",
    ),
    "an open answer": (
        "    ### END SOLUTION\n```\n",
        "    ### END SOLUTION\n",
        "opened in line 23 is not closed",
        "code cell of line 33",
    ),
    "an open magic": (
        'STEP = 2\nprint("ready")\n```\n',
        "STEP = 2\n```\n\n```{code-cell}\n%%bash\necho ready\n",
        "opened in line 22 is not closed",
        "code cell of line 26",
    ),
    "an open fence of the text": (
        "Two small tasks.\n",
        "```python\nTwo small tasks.\n",
        "opened in line 14 is not closed",
        "code cell of line 17",
    ),
}
CHECKS_FAULTS = {
    "a syntax error": ("def whole_numbers", "def whole numbers", "SyntaxError"),
    "an exception": ("from camp.checks import", "1 / 0\nfrom camp.checks import", "ZeroDivisionError"),
    "an unknown task": (
        '@check("double", points=1, title="whole',
        '@check("dubble", points=1, title="whole',
        "dubble",
    ),
    "no points": ('"double", points=1, title="whole', '"double", points=0, title="whole', "worth 0"),
    "half a point": ('"double", points=1, title="whole', '"double", points=0.5, title="whole', "worth 0.5"),
    "points to lose": ('"double", points=1, title="whole', '"double", points=-1, title="whole', "worth -1"),
    "points as text": ('"double", points=1, title="whole', '"double", points="1", title="whole', "worth '1'"),
    "a task without checks": ('@check("total"', '@check("double"', "no hidden check for task 'total'"),
}


def _fault_of(toy):
    with pytest.raises(ExerciseError) as caught:
        load_exercise(load_course(toy.exercises), "a1-sums")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _change(path, old, new, count=1):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


@pytest.mark.parametrize("fault", NOTEBOOK_FAULTS)
def test_fault_in_the_notebook(toy, fault):
    """What does not fit in the notebook is named in one line."""
    old, new, told = NOTEBOOK_FAULTS[fault]
    _change(toy.exercises / "a1-sums" / "sums.md", old, new)
    assert told in _fault_of(toy)


@pytest.mark.parametrize("fault", CELL_FAULTS)
def test_cell_that_is_no_python(toy, fault):
    """A code cell that does not compile, or that swallows another, is one line with file, line and error."""
    old, new, *told = CELL_FAULTS[fault]
    path = toy.exercises / "a1-sums" / "sums.md"
    _change(path, old, new)
    message = _fault_of(toy)
    assert all(words in message for words in (str(path), *told)), message


def test_fence_that_is_never_closed(toy):
    """A fence left open at the end of the file is named."""
    path = toy.exercises / "a1-sums" / "sums.md"
    text = path.read_text(encoding="utf-8").rstrip()
    path.write_text(text.removesuffix("```"), encoding="utf-8")
    assert "line 56 is never closed; close it with ```" in _fault_of(toy)


@pytest.mark.parametrize(
    "given",
    [
        "%timeit -n1 STEP",
        "!ls",
        "%%bash\nno python at all",
        "files = !ls\nlen?",
        "import asyncio\nawait asyncio.sleep(0)",
        'print("\\d")',
        "",
    ],
)
def test_what_the_kernel_runs_is_no_fault(toy, given, recwarn):
    """Magics, shell lines, help and `await`, which a notebook's kernel runs, are allowed in a cell."""
    _change(toy.exercises / "a1-sums" / "sums.md", "STEP = 2", f"STEP = 2\n```\n\n```{{code-cell}}\n{given}")
    load_exercise(load_course(toy.exercises), "a1-sums")
    assert [w for w in recwarn if w.category is SyntaxWarning] == []


@pytest.mark.parametrize(
    "text",
    [
        "````md\n```{code-cell}\n:task: x\nno python\n```\n````",
        "~~~\n```{code-cell}\n~~~",
        "<!--\n```{code-cell}\nx = 1\n```\n-->",
        "- a list\n\n      ```{code-cell}",
        "```{note}\ntext\n```",
    ],
)
def test_fence_that_is_shown_is_no_cell(toy, text):
    """A fence within a longer one, a comment or indented code is text, and none of it need be Python."""
    _change(toy.exercises / "a1-sums" / "sums.md", "Two small tasks.", text)
    load_exercise(load_course(toy.exercises), "a1-sums")


def test_pages_that_are_not_in_the_book(toy):
    """Pages are looked for in the book beside the exercises, none outside of it, and only if there is one."""

    def missing():
        return load_exercise(load_course(toy.exercises), "a1-sums").missing_pages

    assert missing() == []
    (toy.root / "book").mkdir()
    assert missing() == ["sums"]
    (toy.root / "book" / "sums.md").touch()
    assert missing() == []
    (toy.root / "README.md").touch()
    _change(toy.exercises / "camp.toml", 'page = "sums#double"', 'page = "../README#x"')
    assert missing() == ["../README"]


@pytest.mark.parametrize("fault", CHECKS_FAULTS)
def test_fault_in_the_checks(toy, fault):
    """What does not fit in the hidden checks is named in one line."""
    old, new, told = CHECKS_FAULTS[fault]
    _change(toy.exercises / "a1-sums" / "checks.py", old, new, count=2 if "total" in old else 1)
    assert told in _fault_of(toy)


@pytest.mark.parametrize("name", ["sums.md", "checks.py"])
def test_missing_file(toy, name):
    """A missing file is named."""
    (toy.exercises / "a1-sums" / name).unlink()
    assert f"{name} is missing" in _fault_of(toy)


def test_notebook_that_is_no_text(toy):
    """A notebook that is no text is one line."""
    (toy.exercises / "a1-sums" / "sums.md").write_bytes(b"\xff\xfe\x00")
    assert "is not a MyST notebook" in _fault_of(toy)


def test_points_are_the_sum_of_the_checks(sums):
    """What a task is worth stands nowhere but in its checks."""
    assert [sums.points(task) for task in sums.assignment.task] == [2, 3]
    assert sums.max_points == 5


def test_cells_have_the_same_names_each_time(sums):
    """Cells keep their ids from one load to the next, so that submissions can be matched to them."""
    again = load_exercise(sums.course, "a1-sums")
    assert [c["id"] for c in again.source.cells] == [c["id"] for c in sums.source.cells]
    assert len({c["id"] for c in again.source.cells}) == len(again.source.cells)


def test_data_is_what_lies_beside(sums, words):
    """Data is every file but source, checks and solutions."""
    assert sums.data == {}
    assert list(words.data) == ["data/greeting.txt"]


@pytest.mark.parametrize("name", ["sums.md", "checks.py", "new.csv"])
def test_digest_changes_with_what_counts(toy, name):
    """A change of source, checks or data makes earlier verdicts void."""
    before = load_exercise(load_course(toy.exercises), "a1-sums").digest
    path = toy.exercises / "a1-sums" / name
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + "\n", encoding="utf-8")
    assert load_exercise(load_course(toy.exercises), "a1-sums").digest != before


@pytest.mark.parametrize(
    "name", ["right/new.py", "wrong/new.py", "__pycache__/x.pyc", ".ipynb_checkpoints/x"]
)
def test_digest_stays_with_what_does_not(toy, name):
    """A new solution to prove the exercise with leaves verdicts as they are."""
    before = load_exercise(load_course(toy.exercises), "a1-sums").digest
    path = toy.exercises / "a1-sums" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x", encoding="utf-8")
    assert load_exercise(load_course(toy.exercises), "a1-sums").digest == before


def test_digest_changes_with_the_seed(toy):
    """Other values asked for are another exercise."""
    before = load_exercise(load_course(toy.exercises), "a1-sums").digest
    _change(toy.exercises / "camp.toml", "seed = 7", "seed = 8")
    assert load_exercise(load_course(toy.exercises), "a1-sums").digest != before
