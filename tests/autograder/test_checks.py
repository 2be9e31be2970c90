"""What a hidden check is written with: tolerance has laws, messages have bounds, values have seeds."""

import math

import pytest
from camp.checks import Ask, CheckFailedError, TamperedError, check
from hypothesis import given
from hypothesis import strategies as st

NUMBER = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False, width=32)
NESTED = st.recursive(NUMBER, lambda inner: st.lists(inner, max_size=4), max_leaves=10)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


class Echo:
    """A kernel that gives back what it was asked with."""

    def probe(self, code, inputs):
        """Give back the question."""
        return {"code": code, **inputs}


@pytest.fixture(scope="module")
def ask():
    """What a check is given, with nobody behind it."""
    return Ask(Echo(), "seed")


@given(a=NESTED)
def test_close_to_itself(ask, a):
    """Every finite value is close to itself."""
    assert ask.close(a, a)


@given(a=ANYTHING, b=ANYTHING)
def test_close_is_symmetric_and_never_raises(ask, a, b):
    """Closeness does not depend on the order, and any data can be compared."""
    assert ask.close(a, b) is ask.close(b, a)


@given(a=NESTED, b=st.none() | st.text() | st.booleans() | st.dictionaries(st.text(), NUMBER))
def test_only_numbers_are_close(ask, a, b):
    """What is no number is close to nothing: neither text, nor nothing, nor True for 1."""
    assert not ask.close(a, b)


@given(a=st.lists(NUMBER, min_size=1), more=st.lists(NUMBER, min_size=1))
def test_shapes_must_agree(ask, a, more):
    """A longer list, or a list deeper by one, is not close."""
    assert not ask.close(a, a + more)
    assert not ask.close(a, [a])


@given(a=st.floats(1e-3, 1e3), part=st.floats(0, 0.5))
def test_tolerance_is_relative(ask, a, part):
    """Within rtol it is close, well beyond it is not."""
    assert ask.close(a, a * (1 + 1e-3 * part), rtol=1e-3, atol=0)
    assert not ask.close(a, a * 1.01, rtol=1e-3, atol=0)


@pytest.mark.parametrize("a", [math.nan, [math.nan], [1.0, [math.nan]]])
def test_nan_is_close_to_nothing(ask, a):
    """NaN is never right, not even where it was expected."""
    assert not ask.close(a, a)
    assert not ask.close(a, 0.0)


def test_infinity_is_close_to_itself_alone(ask):
    """Infinity is close to itself, to no number and not to its opposite."""
    assert ask.close(math.inf, math.inf)
    assert not ask.close(math.inf, -math.inf)
    assert not ask.close(1e308, math.inf)


def test_whole_numbers_past_every_float(ask):
    """Numbers of hundreds of digits are compared, not raised."""
    assert not ask.close(10**400, 1.0)
    assert ask.close(10**400, 10**400)


def test_expect_says_all_that_helps(ask):
    """A failed expectation tells the learner what was given, what came and why; the rest the instructor."""
    with pytest.raises(CheckFailedError, match=r"^given 3; got 9\. Twice means times two\.$") as caught:
        ask.expect(None, given=3, expected=6, came=9, why="Twice means times two.")
    assert caught.value.expected == "6"
    ask.expect([1], expected=6, came=6)


@given(value=ANYTHING)
def test_expect_never_says_too_much(ask, value):
    """Whatever came, the message has bounds."""
    with pytest.raises(CheckFailedError) as caught:
        ask.expect(None, given=[value] * 500, expected=[value] * 500, came="x" * 10_000)
    assert len(str(caught.value)) < 700


def test_values_differ_between_learners_and_stay_for_one():
    """The same seed gives the same values, another seed gives others."""

    def values(seed):
        return [Ask(Echo(), seed).random.random() for _ in range(3)]

    assert values("7/ada/double") == values("7/ada/double")
    assert values("7/ada/double") != values("7/bo/double")


def test_run_hands_on_probe_and_inputs(ask):
    """A check's probe and its inputs go to the kernel, and what it gives back comes from there."""
    assert ask.run("result = x", x=[1]) == {"code": "result = x", "x": [1]}


class Meter:
    """A device whose events are the numbers that the probe collects."""

    witness = "collected = []"

    def read(self, data):
        """Whole numbers hold."""
        return [int(n) for n in data]


class Answers:
    """A kernel that gives back what it was told to, and notes the question."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def probe(self, code, inputs, beside=""):
        """Answer."""
        self.asked.append((code, inputs, beside))
        return self.answer


def test_on_device_brings_result_and_events():
    """The probe runs between what collects the events and what sends them; they are judged here."""
    kernel = Answers(["fine", ["1", "2"]])
    assert Ask(kernel, "seed").on_device(Meter(), "result = f(x)", x=3) == ("fine", [1, 2])
    assert kernel.asked == [("result = f(x)", {"x": 3}, "collected = []")]


@pytest.mark.parametrize("answer", [["fine", ["one"]], ["fine"], ["fine", [], 3], ["fine", [None]]])
def test_events_that_do_not_hold_are_refused(answer):
    """Events that nobody can have left end the check as refused, whatever their form."""
    with pytest.raises(TamperedError, match="cannot be judged") as caught:
        Ask(Answers(answer), "seed").on_device(Meter(), "result = 1")
    assert caught.value.status == "refused"


def test_declared_checks_stay_functions():
    """A declared check is still a function, with what was declared beside it."""

    @check("double", points=2, title="whole numbers")
    def whole(ask: Ask) -> None:
        ask.expect(None, expected=1, came=2)

    declared = whole.__camp_check__
    assert (declared.task, declared.points, declared.title, declared.name) == (
        "double",
        2,
        "whole numbers",
        "whole",
    )
    with pytest.raises(CheckFailedError):
        whole(Ask(Echo(), ""))
