"""What a learner's code said, made fit to be stored and shown."""

import pytest
from camp.text import tidy
from hypothesis import given
from hypothesis import strategies as st

ANY = st.text(st.characters(), max_size=200)


@given(text=ANY)
def test_result_can_be_stored(text):
    """The result is UTF-8 text without control characters."""
    made = tidy(text, 1000)
    made.encode("utf-8")
    assert not any(ord(c) < 32 and c not in "\t\n\r" for c in made)


@given(text=ANY, limit=st.integers(1, 50))
def test_result_has_bounds(text, limit):
    """No more than so many characters are kept, and a cut is said."""
    made = tidy(text, limit)
    assert len(made) <= limit + len("\n... output cut here ...")


@given(
    text=st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="0x/"), max_size=200)
)
def test_plain_text_stays(text):
    """Ordinary text is not touched."""
    assert tidy(text, 1000) == text


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<f at 0x7f23a1>", "<f at 0x...>"),
        ("mask 0xdeadbeef", "mask 0xdeadbeef"),
        ("/x/ipykernel_17/2931.py:1: UserWarning: slow", "<cell>:1: UserWarning: slow"),
        ("'/var/tmp/camp-a_1b2c3d/home/x.txt'", "'~/x.txt'"),
        ("'/tmp/camp-run-a_1b2c3d/2/camp-run-4e5f6g7h/home/x.txt'", "'~/x.txt'"),
        ("\x1b[31mred\x1b[0m and \x1b[2Kgone", "red and gone"),
        ("a\x00b\x07c\ud800d", "abc?d"),
        ("你好\n\tfine", "你好\n\tfine"),
    ],
)
def test_what_differs_between_runs_is_taken_out(said, kept):
    """Addresses, cell files and folders of one kernel are gone, and what only a terminal understands."""
    assert tidy(said, 1000) == kept
