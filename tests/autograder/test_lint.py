"""`camp lint`: a sound exercise has no finding, and every kind of fault is one."""

import pytest
from camp import lint as lint_module
from camp.course import load_course
from camp.errors import CampError
from camp.lint import lint


@pytest.fixture
def prove(toy, monkeypatch):
    """Lint exercises of the toy in this process, with the trials asked for; return the faults."""

    def here(function, jobs, _workers):
        for job in jobs:
            try:
                yield job, function(job)
            except CampError as error:  # in a worker this is what comes back
                yield job, error

    def run(*trials, names=("a1-sums",)):
        monkeypatch.setattr(lint_module, "in_workers", here)
        monkeypatch.setattr(lint_module, "_trials", lambda _: list(trials))
        return {f.what: f.fault for f in lint(load_course(toy.exercises), list(names), 1) if f.fault}

    return run


def _change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _answer(toy, kind, text, about="A solution.", loses=""):
    path = toy.exercises / "a1-sums" / kind / "new.py"
    header = f"# ---\n# about: {about}\n" + (f"# loses: {loses}\n" if loses else "") + "# ---\n"
    path.write_text(header + text, encoding="utf-8")
    return f"{kind}/new.py"


def test_sound_exercise_has_no_static_fault(prove):
    """What can be seen without running anything is in order in the toy."""
    assert prove(names=("a1-sums", "a2-words")) == {}


def test_too_few_solutions(toy, prove):
    """Fewer right or wrong solutions than it takes to prove anything are a finding."""
    (toy.exercises / "a1-sums" / "right" / "by_adding.py").unlink()
    (toy.exercises / "a1-sums" / "wrong" / "both.py").unlink()
    faults = prove()
    assert faults["right/"] == "has 1 solutions; at least 2 are needed"
    assert faults["wrong/"] == "has 4 solutions; at least 5 are needed"


def test_minutes_that_do_not_add_up(toy, prove):
    """Tasks that take longer than the assignment says are a finding."""
    _change(toy.exercises / "camp.toml", "minutes = 4", "minutes = 40")
    assert prove() == {"minutes": "tasks take 46, the assignment says 10"}


def test_page_that_does_not_exist(toy, prove):
    """Where the book lies beside the exercises, a link to a page that is not there is a finding."""
    (toy.root / "book").mkdir()
    assert prove() == {"pages": "book/sums.md does not exist"}
    (toy.root / "book" / "sums.md").write_text("# Sums", encoding="utf-8")
    assert prove() == {}


def test_leak_in_the_learners_edition(toy, prove):
    """A hidden check's line that the notebook shows is a finding: here in a hint, of all places."""
    _change(toy.exercises / "camp.toml", '"Multiply."', '"Think: x = ask.random.randint(10, 10**6)"')
    assert "x = ask.random.randint(10, 10**6)" in prove()["nothing leaks"]


def test_exercise_that_does_not_load(toy, prove):
    """An exercise that does not load is a finding, and the next one is still looked at."""
    (toy.exercises / "a1-sums" / "checks.py").write_text("1 / 0", encoding="utf-8")
    _change(toy.exercises / "camp.toml", "minutes = 5\ncell", "minutes = 1\ncell")
    faults = prove(names=("a1-sums", "a2-words"))
    assert "ZeroDivisionError" in faults["files"]
    assert faults["minutes"] == "tasks take 5, the assignment says 1"


@pytest.mark.parametrize(
    ("text", "about", "told"),
    [
        ("# %% dubble\nx = 1\n", "A.", "names dubble"),
        ("", "A.", "answers no task"),
        ("x = 1\n", "", "no 'about'"),
    ],
)
def test_solution_that_cannot_be_read(toy, prove, text, about, told):
    """A file of answers that cannot be read, or answers nothing, is a finding."""
    name = _answer(toy, "right", text, about)
    assert told in prove(name)[name]


def test_wrong_solution_that_names_nothing(toy, prove):
    """A wrong solution without the points that it loses is a finding."""
    name = _answer(toy, "wrong", "# %% double\ndouble = None\n")
    assert prove(name)[name] == "names no points that it loses"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("solution", "answer", "told"),
    [
        ("wrong {double: 1}", "def double(x):\n    return x", "double loses 2, must lose 1"),
        ("wrong {total: 1}", "def double(x):\n    return 2 * int(x)", "double loses 1, must lose 0"),
        ("wrong {double: 2}", "def double(x):\n    return 2 * x", "double loses 0, must lose 2"),
        ("right", "def double(x):\n    return 2 * int(x)", "double loses 1, must lose 0"),
        ("wrong {double: 1}", "def double(x):\n    return 2 * int(x)", None),
        ("right", "double = lambda x: x + x", None),
    ],
)
def test_solutions_that_are_not_what_they_say(toy, prove, solution, answer, told):
    """A wrong solution must lose the points that it names, no others; a right one none."""
    kind, _, loses = solution.partition(" ")
    name = _answer(toy, kind, f"# %% double\n{answer}\n", loses=loses)
    fault = prove(name).get(name)
    assert (fault is None) if told is None else (told in fault)


@pytest.mark.slow
def test_model_and_public_checks(toy, prove):
    """A model solution that loses points, or that its own public checks refuse, is a finding."""
    assert prove("model solution", "public checks") == {}
    _change(toy.exercises / "a1-sums" / "sums.md", "operator.mul(x, STEP)", "operator.mul(int(x), STEP)")
    assert "double loses 1, must lose 0" in prove("model solution")["model solution"]
    assert prove("public checks") == {}
    _change(toy.exercises / "a1-sums" / "sums.md", "assert double(3) == 6", "assert double(3) == 7")
    assert "double-check: AssertionError" in prove("public checks")["public checks"]


@pytest.mark.slow
def test_blank_earns_nothing_even_of_a_check_that_asks_nothing(toy, prove):
    """What was not attempted is not asked, so a check that would let everything pass gives nothing away."""
    checks = toy.exercises / "a1-sums" / "checks.py"
    _change(checks, 'came = ask.run("result = double(x)", x=x)', "came = 2 * x")
    assert prove("blank") == {}


@pytest.mark.slow
def test_toy_is_green_in_workers(toy, monkeypatch):
    """The toy has no finding with everything run, in processes as the command does it; data is beside it."""
    keep = {"model solution", "blank", "public checks", "right/join.py", "wrong/slip_1.py"}
    trials = lint_module._trials
    monkeypatch.setattr(lint_module, "_trials", lambda exercise: [t for t in trials(exercise) if t in keep])
    findings = list(lint(load_course(toy.exercises), ["a2-words"], 2))
    assert [f for f in findings if f.fault] == []
    assert {f.what for f in findings} >= keep
