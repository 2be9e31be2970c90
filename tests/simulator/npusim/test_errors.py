"""The error table."""

import npusim
import pytest


def test_both_families_of_codes_are_there():
    """AscendCL's numbers and CANN's letters are looked up in one table."""
    assert npusim.errors[107002].name == "ACL_ERROR_RT_CONTEXT_NULL"
    assert npusim.errors["E10001"].arguments == ("value", "parameter", "reason")
    assert len(npusim.errors) > 700
    assert npusim.errors.by_name("ACL_ERROR_RT_INVALID_DEVICEID").code == 107001
    assert npusim.errors[0].name == "ACL_SUCCESS"


def test_every_entry_says_what_it_means_and_what_to_do():
    """No entry is empty, and each is one line."""
    for code in npusim.errors:
        entry = npusim.errors[code]
        assert entry.meaning.endswith(".")
        assert entry.remedy.endswith(".")
        assert "\n" not in entry.meaning + entry.remedy


def test_unknown_codes():
    """An unknown code is told apart from a known one."""
    assert npusim.errors.get(42) is None
    assert 42 not in npusim.errors
    assert 507015 in npusim.errors
    with pytest.raises(KeyError, match="42"):
        npusim.errors[42]


def test_our_exceptions_carry_codes_of_the_table():
    """Every exception class names a code that the table knows."""
    for name in npusim.__all__:
        found = getattr(npusim, name)
        if isinstance(found, type) and issubclass(found, npusim.NpusimError):
            assert found.code in npusim.errors


def test_words_belong_to_codes_of_the_table():
    """Every explanation in our own words is for a code that exists, and is shown under it."""
    from npusim._error_entries import _WORDS

    assert len(_WORDS) > 80
    for code, (meaning, remedy) in _WORDS.items():
        assert (npusim.errors[code].meaning, npusim.errors[code].remedy) == (meaning, remedy)
