"""Search: English words are stemmed, Chinese is found by any two neighbouring characters."""

from __future__ import annotations

import pytest
from camp_site import SearchEnglishAndChinese
from hypothesis import given
from hypothesis import strategies as st

LANGUAGE = SearchEnglishAndChinese({})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ascend Computing Language", ["Ascend", "Computing", "Language"]),
        ("昇腾", ["昇腾"]),
        ("昇腾计算", ["昇腾", "腾计", "计算"]),
        ("AI框架 v2", ["AI", "框架", "v2"]),
        ("流 (stream)", ["流", "stream"]),
        ("", []),
    ],
)
def test_cuts_text(text: str, words: list[str]) -> None:
    """Words are kept, runs of Chinese become overlapping pairs, a single character stays."""
    assert LANGUAGE.split(text) == words


@given(st.text(alphabet="昇腾计算语言流", min_size=2, max_size=20))
def test_every_pair_is_found(run: str) -> None:
    """Whatever part of a Chinese term of two characters or more is asked for, its pairs are in the index."""
    pairs = set(LANGUAGE.split(run))
    for start in range(len(run) - 1):
        assert set(LANGUAGE.split(run[start : start + 2])) <= pairs


def test_short_chinese_words_are_indexed() -> None:
    """Sphinx drops short words as noise; in Chinese two characters, or one, are a word."""
    assert LANGUAGE.word_filter("流")
    assert LANGUAGE.word_filter("昇腾")
