"""How much two answers share that is rare: k-grams of tokens, weighed by how few of the class have them.

Fingerprints, overlaps and copied stretches are found by copydetect, after MOSS (S. Schleimer, D. S. Wilkerson
and A. Aiken, "Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD 2003). It hashes characters,
so each token is handed to it as one. Answers are short, so every k-gram is a fingerprint (a window of 1).
What the course handed out is no evidence, nor is what learners are known to find by themselves: the model
solution, and the author's other right and wrong ones. What many of the class wrote is little: a k-gram that n
of N learners have weighs log(N/n) / log(N/2), and nothing once a third of a class has it.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camp.similar.tokens import Tokens

K = 5
"""Tokens in a k-gram."""
MIN_EVIDENCE = 20.0
"""Rare k-grams that two answers must share to be reported: three or four lines that are nobody else's."""
MIN_SHARE = 0.6
"""Share of the shorter answer's own k-grams that must be in the other."""
STRONG_EVIDENCE, STRONG_SHARE = 40.0, 0.85
CLASS, COMMON = 12, 1 / 3
"""From so many learners on, what a third of them wrote weighs nothing: it came from a page or a lecture."""
_LETTERS = 0x100
"""The first of the characters that stand for tokens; there are over a million."""
_COLUMNS = 4096
"""K-grams that are multiplied at a time, which bounds the memory."""


class Sureness(StrEnum):
    """How far the likeness of a pair goes; never proof, which only people can find."""

    STRONG = "strong"
    WEAK = "worth a look"


@dataclass(frozen=True)
class Answer:
    """One learner's answer to one task."""

    learner: str
    task: str
    source: str
    tokens: Tokens


@dataclass(frozen=True)
class Pair:
    """Two answers to one task that share more than chance."""

    first: Answer
    second: Answer
    share: float
    """Of the shorter one's own k-grams, by weight: 0 to 1."""
    evidence: float
    """Rare k-grams that both have, by weight."""
    same_names: float
    """Of the names that the two chose, how many both chose: 0 to 1."""
    same_comments: int
    """Comments, beyond those of the course, that both have word for word."""

    @property
    def sureness(self) -> Sureness:
        """Strong where nearly all of a longer answer is shared, or where even comments are."""
        strong = self.share >= STRONG_SHARE and (self.evidence >= STRONG_EVIDENCE or self.same_comments > 0)
        return Sureness.STRONG if strong else Sureness.WEAK


class Comparison:
    """Compares the answers of a class to one task, each with each.

    Args:
        known: what the course gave, and the answers that are known to be found again; none is evidence.
    """

    def __init__(self, known: Sequence[Tokens]) -> None:
        self._letters: dict[str, str] = {}
        self._given: frozenset[int] = frozenset()
        self._given = frozenset().union(*(self._own(given)[0] for given in known))
        self._given_comments: frozenset[str] = frozenset().union(*(given.comments for given in known))

    def pairs(self, answers: Sequence[Answer]) -> tuple[list[Pair], int]:
        """Find the pairs that are worth a look.

        Args:
            answers: at most one of each learner.

        Returns:
            The pairs, the most alike first; and how many answers could not be judged, because too little in
            them is the learner's own.
        """
        own = [self._own(answer.tokens)[0] for answer in answers]
        judged = [number for number, mine in enumerate(own) if len(mine) >= MIN_EVIDENCE]
        unjudged = len(answers) - len(judged)
        if len(judged) < 2:  # noqa: PLR2004 - a pair is two
            return [], unjudged
        shared, total = _shared_weights([own[number] for number in judged], len(answers))
        share = shared / np.maximum(np.minimum(total[:, None], total[None, :]), 1e-9)
        alike = np.triu((share >= MIN_SHARE) & (shared >= MIN_EVIDENCE), k=1)
        found = [
            self._pair(answers[judged[i]], answers[judged[j]], share[i, j], shared[i, j])
            for i, j in zip(*np.nonzero(alike), strict=True)
        ]
        return sorted(found, key=_most_alike_first), unjudged

    def stretches(self, pair: Pair) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Where in the two sources the shared code stands, as character ranges."""
        from copydetect.utils import find_fingerprint_overlap, get_copied_slices

        one, other = pair.first.tokens, pair.second.tokens
        places = find_fingerprint_overlap(
            *(self._own(one)[0], self._own(other)[0]), self._own(one)[1], self._own(other)[1]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first, second = (get_copied_slices(np.asarray(found, dtype=int), K) for found in places)
        return _ranges(one, first), _ranges(other, second)

    def _own(self, tokens: Tokens) -> tuple[frozenset[int], dict[int, list[int]]]:
        """The fingerprints of an answer that the course did not give, and where each of them begins."""
        from copydetect.utils import get_document_fingerprints

        text = "".join(
            self._letters.setdefault(word, chr(_LETTERS + len(self._letters))) for word in tokens.words
        )
        if len(text) < K:
            return frozenset(), {}
        found, places = get_document_fingerprints(text, K, 1)
        return frozenset(found) - self._given, places

    def _pair(self, first: Answer, second: Answer, share: float, evidence: float) -> Pair:
        one, other = first.tokens, second.tokens
        either = one.names | other.names
        return Pair(
            first,
            second,
            share=min(1.0, round(float(share), 4)),
            evidence=round(float(evidence), 2),
            same_names=len(one.names & other.names) / len(either) if either else 0.0,
            same_comments=len((one.comments & other.comments) - self._given_comments),
        )


def _most_alike_first(pair: Pair) -> tuple[float, str, str]:
    return -pair.share * min(pair.evidence, STRONG_EVIDENCE), pair.first.learner, pair.second.learner


def _shared_weights(sets: list[frozenset[int]], learners: int) -> tuple[Any, Any]:
    """The weight that each two share, and the weight of each alone."""
    count = Counter(gram for mine in sets for gram in mine)
    weight = {gram: _weight(n, learners) for gram, n in count.items()}
    total = np.array([sum(weight[gram] for gram in mine) for mine in sets])
    common = [gram for gram, n in sorted(count.items()) if n > 1 and weight[gram] > 0]
    shared = np.zeros((len(sets), len(sets)))
    for begin in range(0, len(common), _COLUMNS):
        some = {gram: column for column, gram in enumerate(common[begin : begin + _COLUMNS])}
        has = np.zeros((len(sets), len(some)), dtype=np.float32)
        for row, mine in enumerate(sets):
            has[row, [some[gram] for gram in mine if gram in some]] = 1
        weights = np.array([weight[gram] for gram in some], dtype=np.float32)
        shared += (has * weights) @ has.T
    return shared, total


def _weight(n: int, learners: int) -> float:
    """1 for what only two have, less the more have it, 0 for what all have."""
    if learners <= 2 or n <= 2:  # noqa: PLR2004 - a pair is two
        return 1.0
    if learners >= CLASS and n >= COMMON * learners:
        return 0.0
    return max(0.0, math.log(learners / n) / math.log(learners / 2))


def _ranges(tokens: Tokens, slices: Any) -> list[tuple[int, int]]:
    """Slices of tokens as ranges of characters."""
    return [
        (tokens.places[int(begin)][0], tokens.places[int(end) - 1][1])
        for begin, end in zip(*slices, strict=True)
    ]
