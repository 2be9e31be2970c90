"""Copied answers are found, whatever was done to them, and two who had the same idea are not accused.

The planted set: every answer of the exercise's `right/` and `wrong/` solutions, as if it were a learner's
own and not known to the course; each copied in five ways, in a class whose others wrote what is known.
"""

import functools
import importlib.util
import itertools
from pathlib import Path

import pytest
from camp.answers import model_answers, read_answers
from camp.course import load_course
from camp.exercise import load_exercise
from camp.similar.pairs import MIN_EVIDENCE, Answer, Comparison
from camp.similar.search import _handed_out
from camp.similar.tokens import imported_names, tokens

_SPEC = importlib.util.spec_from_file_location("mutations", Path(__file__).with_name("mutations.py"))
mutations = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(mutations)

EXERCISES = Path(__file__).parents[3] / "exercises"
OBVIOUS = {
    "move_data": [
        (
            "def to_device(batch, device):\n    out = {}\n    for name, tensor in batch.items():\n"
            "        out[name] = tensor.to(device)\n    return out\n"
        ),
        (
            "def to_device(batch, device):\n    moved = {}\n    for k in batch:\n"
            "        moved[k] = batch[k].to(device)\n    return moved\n"
        ),
        "def to_device(batch, device):\n    return {key: value.to(device) for key, value in batch.items()}\n",
        "def to_device(batch, device):\n    return dict((k, v.to(device)) for k, v in batch.items())\n",
    ],
    "place_model": [
        (
            "def place(net, lr, device):\n    net.to(device)\n"
            "    optimizer = torch.optim.SGD(net.parameters(), lr=lr)\n    return net, optimizer\n"
        ),
        (
            "def place(net, lr, device):\n    net = net.to(device)\n"
            "    opt = torch.optim.SGD(params=net.parameters(), lr=lr)\n    return net, opt\n"
        ),
    ],
}
"""What learners write when they solve a task by themselves in the plainest way."""


@functools.cache
def _course():
    """The exercise, what its notebook shows, the names it gives, and the known answers by task and file."""
    exercise = load_exercise(load_course(EXERCISES), "01-hello-npu")
    shown = _handed_out(exercise)
    known = {}
    for path in sorted([*exercise.folder.glob("right/*.py"), *exercise.folder.glob("wrong/*.py")]):
        for task, source in read_answers(path, exercise).cells.items():
            known.setdefault(task, {})[path.stem] = source
    return exercise, shown, imported_names(shown), known


def _comparison(task, without=None):
    """Compare with all that is known, but for one answer, which is then a learner's own."""
    exercise, shown, names, known = _course()
    others = [source for name, source in known[task].items() if name != without]
    return Comparison([tokens(text, names) for text in (*shown, model_answers(exercise)[task], *others)])


def _answer(learner, task, source):
    return Answer(learner, task, source, tokens(source, _course()[2]))


def _planted():
    """Each task and answer that has enough of its own to be judged."""
    for task, answers in _course()[3].items():
        for name, source in answers.items():
            own, _ = _comparison(task, name)._own(_answer("x", task, source).tokens)
            if len(own) >= MIN_EVIDENCE:
                yield task, name, source


def test_planted_copies_are_found():
    """Of the copies in which enough is the learner's own, at least nine in ten are found, and no one else."""
    tried, missed, wrong = 0, [], []
    for task, name, source in _planted():
        comparison = _comparison(task, name)
        others = [_answer(f"other {n}", task, text) for n, text in _course()[3][task].items() if n != name]
        for mutation in mutations.ALL:
            copy = _answer("copier", task, mutation(source))
            pairs, _ = comparison.pairs([_answer("author", task, source), copy, *others])
            found = {tuple(sorted((p.first.learner, p.second.learner))) for p in pairs}
            tried += 1
            missed += [] if ("author", "copier") in found else [(task, name, mutation.__name__)]
            wrong += sorted(found - {("author", "copier")})
    assert tried >= 50
    assert len(missed) <= 0.1 * tried, missed
    assert wrong == []


@pytest.mark.parametrize("task", sorted(OBVIOUS))
def test_the_same_obvious_answer_accuses_nobody(task):
    """Learners who wrote the plainest answer, each by themselves, are not paired, in a small class either."""
    exercise, *_ = _course()
    plain = [*OBVIOUS[task], model_answers(exercise)[task]]
    variants = [mutation(source) for source in plain for mutation in mutations.ALL]
    pairs, unjudged = _comparison(task).pairs(
        [_answer(f"learner {n}", task, source) for n, source in enumerate(variants)]
    )
    assert pairs == []
    assert unjudged == len(variants)


def test_independent_answers_accuse_nobody():
    """Different solutions of one task, none of them known to the course, are not paired."""
    exercise, shown, names, known = _course()
    flagged, tried = [], 0
    for task, answers in known.items():
        comparison = Comparison([tokens(text, names) for text in (*shown, model_answers(exercise)[task])])
        pairs, _ = comparison.pairs([_answer(name, task, source) for name, source in answers.items()])
        flagged += [(task, p.first.learner, p.second.learner) for p in pairs]
        tried += len(list(itertools.combinations(answers, 2)))
    assert tried > 100
    assert flagged == []
