"""Files of answers: what they hold is read, and what is wrong with them is one line."""

import contextlib

import pytest
from camp.answers import fill_in, model_answers, read_answers
from camp.editions import learner_edition
from camp.errors import AnswersError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADER = "# ---\n# about: It is right.\n# loses: {double: 2}\n# ---\n"
GOOD = HEADER + "# %% double\ndef double(x):\n    return 2 * x\n"


def _read(tmp_path, text, exercise):
    path = tmp_path / "file.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_answers(path, exercise)


def test_header_and_cells(tmp_path, sums):
    """The header says what it is about and what it loses; a cell's title says which task it answers."""
    answers = _read(tmp_path, GOOD, sums)
    assert answers.about == "It is right."
    assert answers.loses == {"double": 2}
    assert answers.cells == {"double": "def double(x):\n    return 2 * x"}


def test_header_alone_answers_nothing(tmp_path, sums):
    """A learner who answered nothing is a file with a header and no cell."""
    assert _read(tmp_path, "# ---\n# about: Blank.\n# ---\n", sums).cells == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def double(x): ...\n", "has no 'about'"),
        (GOOD.replace("about: It is right.", "about:"), "has no 'about'"),
        (GOOD.replace("%% double", "%% dubble"), "names dubble; the tasks are double, total"),
        (GOOD.replace("{double: 2}", "{dubble: 2}"), "names dubble"),
        (GOOD.replace("{double: 2}", "{double: two}"), "points as whole numbers"),
        (GOOD.replace("{double: 2}", "{double: 1.5}"), "points as whole numbers"),
        (GOOD.replace("{double: 2}", "[double]"), "points as whole numbers"),
        (GOOD.replace("{double: 2}", "7"), "points as whole numbers"),
        (GOOD.replace("{double: 2}", "{1: 2}"), "names 1"),
        (GOOD.replace("{double: 2}", "{double: 2"), "cannot be read"),
        (GOOD.replace("# %% double\n", ""), "has code before or without"),
        (GOOD + "\n# %%\nx = 1\n", "has code before or without"),
        (GOOD + GOOD[GOOD.index("# %%") :], "answers double twice"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_faults(tmp_path, sums, text, told):
    """Every fault is one line with the file's name."""
    with pytest.raises(AnswersError) as caught:
        _read(tmp_path, text, sums)
    assert told in str(caught.value)
    assert "file.py" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path, sums):
    """A file that is not there is one line."""
    with pytest.raises(AnswersError, match="cannot be read"):
        read_answers(tmp_path / "none.py", sums)


@given(data=st.binary(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(tmp_path, sums, data):
    """Any bytes are either answers or one of our errors."""
    with contextlib.suppress(AnswersError):
        _read(tmp_path, data, sums)


def test_model_answers_have_no_marks(sums):
    """The author's answers are what the solutions' marks enclose, and the lines around them."""
    answers = model_answers(sums)
    assert list(answers) == ["double", "total"]
    assert "SOLUTION" not in answers["double"]
    space = {"operator": __import__("operator"), "STEP": 2}
    exec(answers["double"], space)  # noqa: S102 - the toy's own answer
    assert space["double"](4) == 8


def test_fill_in_changes_only_what_is_answered(sums):
    """Answers stand in their cells; the rest is the learner's edition."""
    filled, blank = fill_in(sums, {"total": "total = sum"}), learner_edition(sums)
    differing = [a["id"] for a, b in zip(filled.cells, blank.cells, strict=True) if a != b]
    assert differing == ["total-answer"]


def test_fill_in_leaves_its_base_alone(sums):
    """A notebook given as the base is not changed."""
    base = learner_edition(sums)
    fill_in(sums, {"total": "total = sum"}, base=base)
    assert base == learner_edition(sums)
