"""Honest oddities: what learners, editors and platforms do to a notebook, meaning no harm, costs nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from camp.answers import fill_in
from camp.course import load_course
from camp.exercise import load_exercise
from camp.grade import grade
from camp.intake import take_in

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
NAMED = {"memory_cleaned", "monkeypatches_printing"}
"""Answers that reach for what no task asks for, which is told and costs nothing."""
RIGHT = {
    "double": "def double(x):\n    return 2 * x\n",
    "total": "def total(numbers):\n    return sum(numbers)\n",
}


@pytest.fixture(scope="module")
def sums():
    """The toy exercise with time enough for a busy machine."""
    exercise = load_exercise(load_course(HERE.parent / "toy" / "exercises"), "a1-sums")
    return replace(exercise, assignment=exercise.assignment.model_copy(update={"cell_timeout": 30}))


@pytest.mark.parametrize("path", sorted((HERE / "honest").glob("*.py")), ids=lambda p: p.stem)
def test_honest_answer(path, sums, tmp_path):
    """What is right earns its points, whatever else the cell does."""
    cells = path.read_text(encoding="utf-8").split("\n# %% ")[1:]
    answers = {cell.split("\n", 1)[0]: cell.split("\n", 1)[1] for cell in cells}
    verdict = graded(nbformat.writes(fill_in(sums, {**RIGHT, **answers})).encode(), sums, tmp_path)
    assert (verdict.points, verdict.max_points) == (5, 5), verdict.to_json()
    assert verdict.findings == [] or path.stem in NAMED


def _code(source, **more):
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        **more,
    }


def _at(cells, name):
    return next(n for n, cell in enumerate(cells) if cell.get("id") == name)


def vscode(notebook):
    """Visual Studio Code: its own metadata, ids that are kept, languages on each cell."""
    notebook["metadata"] = {"language_info": {"name": "python", "version": "3.12.1"}, "orig_nbformat": 4}
    for cell in notebook["cells"]:
        cell["metadata"]["vscode"] = {"languageId": "python"}


def colab(notebook):
    """Colab: outputs, ids and execution info in the metadata, and cell ids of its own."""
    notebook["metadata"]["colab"] = {"provenance": [], "toc_visible": True}
    notebook["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook["nbformat_minor"] = 0
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"id": f"aB{number}", "colab": {"base_uri": "https://example.com/"}}
        cell.pop("id")


def without_ids(notebook):
    """An old Jupyter: no cell ids."""
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        cell.pop("id")


def without_metadata(notebook):
    """A converter that kept nothing but ids and text."""
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}


def format_3(notebook):
    """A notebook of format 3."""
    cells = [
        {**cell, "input": cell["source"]} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    for cell in cells:
        if "input" in cell:
            del cell["source"]
    notebook.pop("cells")
    notebook.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": cells, "metadata": {}}])


def large_outputs(notebook):
    """Ten megabytes of outputs, with images."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 1_700_000}},
                {"output_type": "stream", "name": "stderr", "text": ["warning\n"] * 1000},
            ]


def extra_cells(notebook):
    """Cells of the learner's own everywhere: text, plots, imports, slips."""
    cells = notebook["cells"]
    for place in range(len(cells), -1, -1):
        cells[place:place] = [
            {"cell_type": "markdown", "source": "my notes", "metadata": {}},
            _code("1 / 0\n"),
        ]


def helper_cells(notebook):
    """A helper above its use, and one between the answer and its check."""
    cells = notebook["cells"]
    cells[_at(cells, "double-answer")]["source"] = "def double(x):\n    return twice(x) + nothing()\n"
    cells.insert(_at(cells, "double-check"), _code("def nothing():\n    return 0"))
    cells.insert(
        _at(cells, "double-answer"), _code("import operator\n\ndef twice(x):\n    return operator.mul(2, x)")
    )


def other_order(notebook):
    """The tasks were answered in another order."""
    cells = notebook["cells"]
    place = _at(cells, "double-answer")
    cells[place:] = cells[place:][::-1]


def reordered_imports(notebook):
    """The imports of the course's own cell in another order, with more of them."""
    given = next(c for c in notebook["cells"] if "import operator" in "".join(c["source"]))
    given["source"] = "import math\nSTEP = 2\nimport operator\nprint('ready')\n"


def split_answer(notebook):
    """The answer was split into two cells, the second of which finishes it."""
    cells = notebook["cells"]
    cells[_at(cells, "double-answer")]["source"] = "FACTOR = 2\n\ndef double(x):\n    return FACTOR * x\n"
    cells.insert(_at(cells, "double-check"), _code("print(double(4))"))


CHANGES = [vscode, colab, without_ids, without_metadata, format_3, large_outputs, extra_cells, helper_cells]
CHANGES += [other_order, reordered_imports, split_answer]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_honest_file(change, sums, tmp_path):
    """What an editor or a learner does around the answers costs no point."""
    notebook = json.loads(nbformat.writes(fill_in(sums, RIGHT)))
    change(notebook)
    verdict = graded(json.dumps(notebook).encode(), sums, tmp_path)
    assert verdict.points == 5, verdict.to_json()
    assert (verdict.findings == []) is (change is not reordered_imports)  # told, and costs nothing


ENCODINGS = {
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "Windows line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "Windows line ends in the cells": lambda data: data.replace(b"\\n", b"\\r\\n"),
    "old Mac line ends in the cells": lambda data: data.replace(b"\\n", b"\\r"),
    "one line": lambda data: json.dumps(json.loads(data)).encode(),
    "letters escaped or not": lambda data: json.dumps(json.loads(data), ensure_ascii=False).encode(),
    "blanks around it": lambda data: b"\n\n  " + data + b"\n\n",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_honest_bytes(encoding, sums, tmp_path):
    """How the file was written costs no point."""
    data = ENCODINGS[encoding](nbformat.writes(fill_in(sums, RIGHT)).encode())
    verdict = graded(data, sums, tmp_path)
    assert verdict.points == 5, verdict.to_json()
    assert verdict.findings == []


@pytest.mark.parametrize("minor", range(6))
def test_every_format_of_the_fourth(minor, sums, tmp_path):
    """Format 4.0 to 4.5: the same answers, the same points."""
    notebook = json.loads(nbformat.writes(fill_in(sums, RIGHT)))
    notebook["nbformat_minor"] = minor
    if minor < 5:
        for cell in notebook["cells"]:
            del cell["id"]
    verdict = graded(json.dumps(notebook).encode(), sums, tmp_path)
    assert (verdict.points, verdict.findings) == (5, [])


def graded(data, exercise, folder):
    """The verdict on a submitted file."""
    path = folder / "sums.ipynb"
    path.write_bytes(data)
    return grade(take_in(path, exercise), exercise, "ada")
