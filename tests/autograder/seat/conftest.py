"""Learners' notebooks as they lie on their machines: released, answered, saved."""

import json
import shutil

import nbformat
import pytest
from camp.answers import fill_in
from camp.editions import learner_edition
from camp.seat.notebook import read_notebook
from camp.seat.stamp import stamped


@pytest.fixture
def seat(tmp_path, sums):
    """Write the released notebook with these answers, and changes made to its cells; read it."""

    def write(answers=None, change=None, exercise=sums, name=None):
        edition = stamped(learner_edition(exercise), exercise)
        raw = json.loads(nbformat.writes(fill_in(exercise, answers or {}, base=edition)))
        if change is not None:
            change(raw["cells"])
        path = tmp_path / "desk" / (name or f"{exercise.assignment.notebook}.ipynb")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(raw), encoding="utf-8")
        for place, source in exercise.data.items():
            (path.parent / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path.parent / place)
        return read_notebook(path)

    return write


@pytest.fixture
def added():
    """A cell of the learner's own, for the list of a notebook's cells."""

    def cell(source, **more):
        return {
            "cell_type": "code",
            "id": f"own-{len(source)}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
            **more,
        }

    return cell


@pytest.fixture
def at():
    """The place of a cell in the list of a notebook's cells, by its id."""

    def find(cells, identity):
        return next(n for n, cell in enumerate(cells) if cell["id"] == identity)

    return find
