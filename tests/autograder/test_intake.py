"""Taking in a submission: whatever the bytes, the result is our skeleton with the learner's code in it."""

import copy
import json

import nbformat
import pytest
from camp import intake
from camp.editions import learner_edition
from camp.intake import MAX_ANSWER_CHARS, MAX_EXTRA_CELLS, take_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON,
        "source": st.text(max_size=20) | st.lists(st.text(max_size=5) | JSON, max_size=3) | JSON,
        "input": JSON,
        "id": st.sampled_from(["double-answer", "total-check", "given-002", ""]) | JSON,
        "outputs": JSON,
        "metadata": st.fixed_dictionaries(
            {
                "nbgrader": st.fixed_dictionaries(
                    {"grade_id": st.sampled_from(["double", "total_check"]) | JSON}
                )
                | JSON
            }
        )
        | JSON,
    },
)
RELAXED = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _bytes_in(tmp_path, data, exercise):
    path = tmp_path / "submitted.ipynb"
    path.write_bytes(data)
    return take_in(path, exercise)


def _require_skeleton(taken, exercise):
    """Whatever came, the cells are ours in our order, valid, with extra code cells between them at most."""
    nbformat.validate(taken.notebook)
    json.dumps(taken.notebook, ensure_ascii=False).encode("utf-8")
    ours = learner_edition(exercise)
    kept = [c for c in taken.notebook.cells if "-extra-" not in c["id"]]
    assert [c["id"] for c in kept] == [c["id"] for c in ours.cells]
    for mine, cell in zip(ours.cells, kept, strict=True):
        assert cell.metadata == mine.metadata
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            assert cell.source == mine.source
    assert all("\n" not in finding for finding in taken.findings)


@given(data=st.binary(max_size=300))
@RELAXED
def test_any_bytes(tmp_path, sums, data):
    """Arbitrary bytes never raise."""
    _require_skeleton(_bytes_in(tmp_path, data, sums), sums)


@given(value=JSON)
@RELAXED
def test_any_json(tmp_path, sums, value):
    """Arbitrary JSON never raises."""
    _require_skeleton(_bytes_in(tmp_path, json.dumps(value).encode(), sums), sums)


@given(cells=st.lists(CELL | JSON, max_size=6) | JSON, sheets=st.booleans())
@RELAXED
def test_anything_in_the_shape_of_a_notebook(tmp_path, sums, cells, sheets):
    """Notebooks whose every part may be of any type never raise, in format 4 and in format 3."""
    value = {"worksheets": [{"cells": cells}]} if sheets else {"cells": cells}
    _require_skeleton(_bytes_in(tmp_path, json.dumps(value).encode(), sums), sums)


@pytest.mark.parametrize(
    "worksheets", [[{"cells": None}], [{"cells": 3}], [None], [{}], [], None, {"cells": []}]
)
def test_wrong_types_in_format_3(tmp_path, sums, worksheets):
    """Sheets of the wrong type never raise."""
    _require_skeleton(_bytes_in(tmp_path, json.dumps({"worksheets": worksheets}).encode(), sums), sums)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a notebook: the file is not JSON"),
        (b"<!DOCTYPE html><title>Sign in</title>", "not a notebook: the file is not JSON"),
        (b"PK\x03\x04", "not a notebook: the file is not JSON"),
        (b"[" * 200_000, "not a notebook: the file is not JSON"),
        (b'{"cells":' * 100_000, "not a notebook: the file is not JSON"),
        (b'{"cells": ' + b"9" * 10_000 + b"}", "not a notebook"),
        ("{}".encode("utf-16"), "not a notebook: the file is not JSON"),
        (b"[]", "not a notebook: the file holds no cells"),
        (b'{"cells": {}}', "not a notebook: the file holds no cells"),
        (b"3", "not a notebook: the file holds no cells"),
    ],
    ids=[
        "empty",
        "web page",
        "zip",
        "deep list",
        "deep dict",
        "long number",
        "UTF-16",
        "list",
        "dict",
        "number",
    ],
)
def test_what_is_no_notebook_is_refused(tmp_path, sums, data, told):
    """What is no notebook is refused in one line, which says what to submit."""
    taken = _bytes_in(tmp_path, data, sums)
    assert taken.refused.startswith(told)
    assert "submit" in taken.refused
    _require_skeleton(taken, sums)


def test_missing_file(tmp_path, sums):
    """A file that is not there is refused, not raised."""
    assert "not an ordinary file" in take_in(tmp_path / "none.ipynb", sums).refused


def test_folder(tmp_path, sums):
    """A folder in the place of the file is refused."""
    (tmp_path / "x.ipynb").mkdir()
    assert "not an ordinary file" in take_in(tmp_path / "x.ipynb", sums).refused


def test_link_is_not_followed(tmp_path, sums, learner_file, right):
    """A symbolic link is refused, even to a notebook that would earn full marks."""
    (tmp_path / "link.ipynb").symlink_to(learner_file(right))
    taken = take_in(tmp_path / "link.ipynb", sums)
    assert "not an ordinary file" in taken.refused
    assert taken.notebook == learner_edition(sums)


def test_too_large(sums, monkeypatch, learner_file, right):
    """A file past the bound is refused without being parsed, one just within is read."""
    path = learner_file(right)
    size = path.stat().st_size
    monkeypatch.setattr(intake, "MAX_BYTES", size)
    assert not take_in(path, sums).refused
    monkeypatch.setattr(intake, "MAX_BYTES", size - 1)
    assert "larger than" in take_in(path, sums).refused


def test_byte_order_mark(tmp_path, sums, learner_file, right):
    """A byte order mark, which some editors write, costs nothing."""
    data = learner_file(right).read_bytes()
    taken = _bytes_in(tmp_path, b"\xef\xbb\xbf" + data, sums)
    assert (taken.refused, taken.findings) == ("", [])


def _sources(taken):
    return {c["id"]: c.source for c in taken.notebook.cells if c.cell_type == "code"}


def test_answers_are_taken(sums, learner_file, right):
    """An untouched notebook with answers in it has no findings, and the answers are in their cells."""
    taken = take_in(learner_file(right), sums)
    assert (taken.refused, taken.findings) == ("", [])
    assert _sources(taken)["double-answer"] == right["double"]


def test_sources_as_lists_of_lines(sums, learner_file, right):
    """Sources as lists of lines, as Jupyter saves them, are the same as text."""

    def split(cells):
        for cell in cells:
            text = cell["source"]
            cell["source"] = (text if isinstance(text, str) else "".join(text)).splitlines(keepends=True)

    assert take_in(learner_file(right, split), sums).notebook == take_in(learner_file(right), sums).notebook


def test_format_3(tmp_path, sums, right):
    """A notebook of format 3 is read, with `input` for source and its grade ids."""
    cells = [
        {"cell_type": "code", "input": text, "metadata": {"nbgrader": {"grade_id": task}}}
        for task, text in right.items()
    ]
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    assert _sources(_bytes_in(tmp_path, data, sums))["total-answer"] == right["total"]


def test_lost_metadata_is_made_good_by_the_cell_id(sums, learner_file, right):
    """An editor that drops metadata but keeps cell ids loses no answer."""

    def strip(cells):
        for cell in cells:
            cell["metadata"] = {}

    taken = take_in(learner_file(right, strip), sums)
    assert taken.findings == []
    assert _sources(taken)["total-answer"] == right["total"]


def test_nothing_else_of_the_file_counts(sums, learner_file, right):
    """Metadata, ids, points, outputs and schema versions of the file have no effect at all."""

    def forge(cells):
        for number, cell in enumerate(cells):
            if grading := cell["metadata"].get("nbgrader"):
                grading.update(points=10**9, schema_version=99, locked=False, grade=True, solution=True)
            cell["metadata"]["tags"] = ["skip-execution", "raises-exception"]
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "999"}}] * number
            cell["execution_count"] = "many"

    assert take_in(learner_file(right, forge), sums).notebook == take_in(learner_file(right), sums).notebook


def test_missing_answer_is_said(sums, learner_file, right):
    """A deleted answer cell is said in words and comes back blank."""
    taken = take_in(learner_file(right, lambda cells: cells.pop(_at(cells, "double-answer"))), sums)
    assert taken.findings == ["the answer cell of 'double' is missing"]
    assert "NotImplementedError" in _sources(taken)["double-answer"]


def test_first_of_two_answers_counts(sums, learner_file, right):
    """A copied answer cell is said in words; the first counts."""

    def double(cells):
        second = copy.deepcopy(cells[_at(cells, "double-answer")])
        second["source"] = "double = None"
        cells.append(second)

    taken = take_in(learner_file(right, double), sums)
    assert taken.findings == ["the answer cell of 'double' is there more than once; the first one counts"]
    assert _sources(taken)["double-answer"] == right["double"]


def test_changed_check_is_said_and_ours_counts(sums, learner_file, right):
    """A changed check cell is said in words, and graded as handed out."""

    def weaken(cells):
        cells[_at(cells, "double-check")]["source"] = "print('ok')"

    taken = take_in(learner_file(right, weaken), sums)
    assert taken.findings == ["the check cell of 'double' was changed; it is graded as handed out"]
    assert "assert double(3)" in _sources(taken)["double-check"]


def test_swapped_cells_come_back_in_order(sums, learner_file, right):
    """The order of the cells is ours."""
    taken = take_in(learner_file(right, lambda cells: cells.reverse()), sums)
    _require_skeleton(taken, sums)
    assert _sources(taken)["double-answer"] == right["double"]


def _at(cells, cell_id):
    return next(i for i, cell in enumerate(cells) if cell["id"] == cell_id)


def _code(source, cell_id="mine"):
    return {"cell_type": "code", "source": source, "metadata": {}, "id": cell_id, "outputs": []}


@pytest.mark.parametrize("before", ["double-answer", "double-check", "total-answer", "total-check"])
def test_extra_cells_stay_where_they_are(sums, learner_file, right, before):
    """A cell that the learner added runs where it stands: before the task cell that it precedes."""
    taken = take_in(
        learner_file(right, lambda cells: cells.insert(_at(cells, before), _code("HELP = 1"))), sums
    )
    ids = list(_sources(taken))
    place = next(i for i, name in enumerate(ids) if "-extra-" in name)
    assert ids[place + 1] == before
    assert taken.findings == []


def test_changed_cell_of_the_course_runs_too(sums, learner_file, right):
    """An import that a learner wrote into one of our cells is there when the answers run; ours ran before."""

    def add_import(cells):
        cells[_at(cells, "given-002")]["source"] += "\nimport math"

    taken = take_in(learner_file(right, add_import), sums)
    sources = list(_sources(taken).values())
    assert sources[0] == learner_edition(sums).cells[1].source
    assert sources[1] == sources[0] + "\nimport math"
    given = "the course's cell that begins 'import operator' was changed; it runs as handed out, then yours"
    assert taken.findings == [given]


def test_missing_cell_of_the_course_is_said(sums, learner_file, right):
    """A cell of the course that was deleted runs all the same, and that is said in words."""
    taken = take_in(learner_file(right, lambda cells: cells.pop(_at(cells, "given-002"))), sums)
    assert next(iter(_sources(taken).values())) == learner_edition(sums).cells[1].source
    assert taken.findings == [
        "the course's cell that begins 'import operator' is missing; it runs as handed out"
    ]


def test_missing_check_is_said(sums, learner_file, right):
    """A check cell that was deleted or emptied is said in words."""
    taken = take_in(learner_file(right, lambda cells: cells.pop(_at(cells, "double-check"))), sums)
    assert taken.findings == ["the check cell of 'double' is missing or empty; it is graded as handed out"]


def test_line_ends_are_nobodys_doing(sums, learner_file, right):
    """Line ends of other systems in the cells change neither answers nor findings."""

    def windows(cells):
        for cell in cells:
            cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")

    taken = take_in(learner_file(right, windows), sums)
    assert (taken.findings, _sources(taken)["double-answer"]) == ([], right["double"])


def test_what_is_reached_for_is_said(sums, learner_file, right):
    """What an answer or an added cell uses that no task asks for is said once for each place."""

    def add(cells):
        cells[2:2] = [_code("import ctypes", "a"), _code("import npusim", "b")]

    taken = take_in(learner_file({**right, "double": "import ctypes\nctypes.x"}, add), sums)
    assert taken.findings == [
        "an added cell uses ctypes, npusim; no task asks for that",
        "the answer of 'double' uses ctypes; no task asks for that",
    ]
    assert taken.on_simulator == "npusim"


def test_untouched_cells_are_no_extra_cells(sums, learner_file, right):
    """Our own cells do not run twice, even where an editor gave them new ids."""

    def rename(cells):
        for number, cell in enumerate(cells):
            cell["id"] = f"renamed-{number}"

    assert not [i for i in _sources(take_in(learner_file(right, rename), sums)) if "-extra-" in i]


def test_half_a_surrogate_pair_is_made_text(sums, learner_file):
    """A lone surrogate, which JSON allows and UTF-8 does not, does not stop the class."""
    taken = take_in(learner_file({"double": "x = '\ud800'", "total": "y = 1"}), sums)
    assert _sources(taken)["double-answer"] == "x = '?'"
    _require_skeleton(taken, sums)


def test_long_answer_is_cut_and_said(sums, learner_file):
    """An answer past the bound is cut and said in words."""
    taken = take_in(learner_file({"double": "#" * (MAX_ANSWER_CHARS + 1)}), sums)
    assert len(_sources(taken)["double-answer"]) == MAX_ANSWER_CHARS
    assert "only 200,000 are read" in taken.findings[0]


def test_many_extra_cells_are_cut_and_said(sums, learner_file, right):
    """Of very many added cells, so many are run and the rest is said in words."""

    def flood(cells):
        cells[0:0] = [_code(f"x = {i}", f"m{i}") for i in range(MAX_EXTRA_CELLS + 50)]

    taken = take_in(learner_file(right, flood), sums)
    assert sum("-extra-" in i for i in _sources(taken)) == MAX_EXTRA_CELLS
    assert "more than 200 cells were added" in taken.findings[0]
    _require_skeleton(taken, sums)


def test_digest_is_of_the_bytes(tmp_path, sums, learner_file, right):
    """The digest tells submissions apart by their bytes."""
    data = learner_file(right).read_bytes()
    first, second = _bytes_in(tmp_path, data, sums), _bytes_in(tmp_path, data + b"\n", sums)
    assert first.digest != second.digest
    assert first.digest == _bytes_in(tmp_path, data, sums).digest
