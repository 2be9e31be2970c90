"""The file of progress: read back as written; begun anew, and told, where it is damaged or another's."""

import json

import pytest
from camp.seat.state import PASSED, Result, load_state, state_file


def _saved(notebook):
    state = load_state(notebook.path, notebook.release)
    state.tasks["double"] = Result(PASSED, "", "aa", "aa", 5.0)
    assert state.save() == ""
    return state


def test_what_is_written_is_read(seat):
    """A state read back is the one that was written, and the file is small and beside the notebook."""
    notebook = seat()
    written = _saved(notebook)
    read = load_state(notebook.path, notebook.release)
    assert (read.tasks, read.told, read.missing) == (written.tasks, "", False)
    path = state_file(notebook.path)
    assert path.parent == notebook.path.parent
    assert path.stat().st_size < 2000
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".half")] == []


def test_missing_file_is_no_fault(seat):
    """Before the first check there is no file, and nothing to tell."""
    notebook = seat()
    state = load_state(notebook.path, notebook.release)
    assert (state.missing, state.told, state.tasks) == (True, "", {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"schema_version": 1}',
        '{"schema_version": 1, "assignment": "a1-sums", "release": "x", "tasks": []}',
        '{"schema_version": 1, "assignment": "a1-sums", "release": "x", "tasks": {"double": {}}}',
        '{"schema_version": 1, "assignment": "a1-sums", "release": "x", "tasks": {"double": 4}}',
        '{"schema_version": 1, "assignment": "a1-sums", "release": "x", "tasks": {"double": {"status": 1}}}',
        "[" * 100_000,
    ],
)
def test_damaged_file_is_told_and_begun_anew(seat, text):
    """Whatever stands in the file, one line says that it is begun anew, and the next save mends it."""
    notebook = seat()
    state_file(notebook.path).write_text(text, encoding="utf-8")
    state = load_state(notebook.path, notebook.release)
    assert state.told == ".sums.progress.json was damaged and is begun anew"
    assert state.tasks == {}
    assert state.save() == ""
    assert load_state(notebook.path, notebook.release).told == ""


def test_bytes_that_are_no_text(seat):
    """Bytes that are no UTF-8 are told as well."""
    notebook = seat()
    state_file(notebook.path).write_bytes(b"\xff\xfe\x00")
    assert "begun anew" in load_state(notebook.path, notebook.release).told


def test_file_of_another_release(seat):
    """Progress of another release does not count, and that is told."""
    notebook = seat()
    _saved(notebook)
    path = state_file(notebook.path)
    raw = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**raw, "release": "other"}), encoding="utf-8")
    state = load_state(notebook.path, notebook.release)
    assert "of another release" in state.told
    assert state.tasks == {}


def test_folder_that_cannot_be_written(seat, monkeypatch):
    """Where the folder is read-only, saving says so in a line and raises nothing."""
    notebook = seat()
    state = load_state(notebook.path, notebook.release)

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("camp.seat.state.tempfile.mkstemp", refuse)
    assert "cannot be written (Read-only file system): progress is not kept" in state.save()
