"""The search for copied answers in one assignment: its answers read, compared task by task, and clustered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camp.answers import model_answers, read_answers
from camp.editions import learner_edition
from camp.intake import take_in
from camp.similar.pairs import Answer, Comparison, Pair, Sureness
from camp.similar.tokens import Tokens, imported_names, prose, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from camp.exercise import Exercise

_FENCED = re.compile(r"^```(?:\{code-cell\}|python)[^\n]*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Likeness:
    """Two learners whose answers are alike in one task or more."""

    learners: tuple[str, str]
    pairs: list[Pair]
    """The answers that are alike, the most alike first."""

    @property
    def evidence(self) -> float:
        """Over all tasks: the rare k-grams that both have."""
        return sum(pair.evidence for pair in self.pairs)

    @property
    def sureness(self) -> Sureness:
        """Strong where one task is, or several are alike."""
        several = len(self.pairs) > 1 and self.pairs[0].share >= 0.85  # noqa: PLR2004 - as STRONG_SHARE
        return Sureness.STRONG if several else self.pairs[0].sureness


@dataclass(frozen=True)
class Search:
    """What was found in one assignment."""

    exercise: Exercise
    likenesses: list[Likeness]
    """The most alike first."""
    clusters: list[list[str]]
    """Three learners or more who are alike in a chain, by name; the largest first."""
    compared: dict[str, int]
    """Answers that were compared, by task."""
    unjudged: dict[str, int]
    """Answers with too little of the learner's own in them, by task."""
    comparisons: dict[str, Comparison]
    """The comparison of each task, for showing what two answers share."""


def look_for_copies(
    exercise: Exercise, submitted: Iterable[tuple[str, Path]], progress: Callable[[], None] = lambda: None
) -> Search:
    """Compare the answers of a class, each task by itself.

    Args:
        exercise: the assignment.
        submitted: each learner with the file that was handed in, which may be any bytes at all.
        progress: called once a learner.
    """
    handed_out = _handed_out(exercise)
    names = imported_names(handed_out)
    blank = {cell["id"]: cell.source for cell in learner_edition(exercise).cells}
    answers: dict[str, list[Answer]] = {task.id: [] for task in exercise.assignment.task}
    in_words = {task.id for task in exercise.assignment.task if task.by_hand}

    def split(task: str, text: str) -> Tokens:
        return prose(text) if task in in_words else tokens(text, names)

    for learner, path in submitted:
        for task, source in _answers(exercise, path, blank).items():
            answers[task].append(Answer(learner, task, source, split(task, source)))
        progress()
    pairs: list[Pair] = []
    unjudged, comparisons = {}, {}
    for task, given in answers.items():
        comparison = Comparison([split(task, text) for text in (*handed_out, *_expected(exercise, task))])
        found, unjudged[task] = comparison.pairs(given)
        pairs += found
        comparisons[task] = comparison
    likenesses = _by_learners(pairs)
    compared = {task: len(given) for task, given in answers.items()}
    return Search(exercise, likenesses, _clusters(likenesses), compared, unjudged, comparisons)


def _handed_out(exercise: Exercise) -> list[str]:
    """All code that the course showed: the notebook's cells, and the page that the assignment links to."""
    cells = [cell.source for cell in learner_edition(exercise).cells if cell.source.strip()]
    pages = {task.page.partition("#")[0] for task in exercise.assignment.task} | {exercise.assignment.page}
    for page in sorted(pages):
        path = exercise.course.folder.parent / "book" / f"{page}.md"
        if path.is_file():
            cells += [match["code"] for match in _FENCED.finditer(path.read_text(encoding="utf-8"))]
    return cells


def _expected(exercise: Exercise, task: str) -> list[str]:
    """Answers that learners are known to find by themselves: the model's, and those of right/ and wrong/."""
    files = [*sorted(exercise.folder.glob("right/*.py")), *sorted(exercise.folder.glob("wrong/*.py"))]
    found = [read_answers(path, exercise).cells.get(task) for path in files]
    return [model_answers(exercise).get(task, ""), *(source for source in found if source)]


def _answers(exercise: Exercise, path: Path, blank: dict[str, str]) -> dict[str, str]:
    """What a learner wrote for each task; without tasks that were left as they were handed out."""
    known = {task.id for task in exercise.assignment.task}
    found = {}
    intake = take_in(path, exercise)
    for cell in intake.notebook.cells if not intake.refused else []:
        task = cell.metadata.get("nbgrader", {}).get("grade_id")
        if task in known and task not in intake.missing and cell.source != blank.get(cell["id"]):
            found[task] = cell.source
    return found


def _by_learners(pairs: list[Pair]) -> list[Likeness]:
    together: dict[tuple[str, str], list[Pair]] = {}
    for pair in sorted(pairs, key=lambda p: -p.share * p.evidence):
        one, other = sorted((pair.first.learner, pair.second.learner))
        together.setdefault((one, other), []).append(pair)
    found = [Likeness(learners, alike) for learners, alike in together.items()]
    return sorted(found, key=lambda like: (like.sureness is Sureness.WEAK, -like.evidence, like.learners))


def _clusters(likenesses: list[Likeness]) -> list[list[str]]:
    """Learners who are joined by likenesses, directly or through others."""
    group: dict[str, set[str]] = {}
    for like in likenesses:
        one, other = (group.setdefault(name, {name}) for name in like.learners)
        if one is not other:
            one |= other
            group.update(dict.fromkeys(other, one))
    distinct = {id(members): sorted(members) for members in group.values()}
    return sorted((m for m in distinct.values() if len(m) > 2), key=lambda m: (-len(m), m))  # noqa: PLR2004
