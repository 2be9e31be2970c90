"""Writing results: in one step, or not at all."""

import pytest
from camp import paths
from camp.errors import NotWritableError
from camp.paths import Layout, make_folder, write_text


def test_text_is_written_whole(tmp_path):
    """Folders are made, the bytes are exactly the text's, and nothing else is left there."""
    write_text(tmp_path / "a" / "b.txt", "line\n你好\r\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "line\n你好\r\n".encode()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


@pytest.mark.parametrize("trouble", ["disk", "half a character", "folder in its place"])
def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, trouble):
    """When writing fails half-way the old text stands, and no temporary file is left."""
    path = tmp_path / "x.txt"
    text = "new"
    if trouble == "folder in its place":
        (path / "inside").mkdir(parents=True)
    else:
        path.write_text("old", encoding="utf-8")
    if trouble == "disk":
        monkeypatch.setattr(paths.Path, "replace", _full)
    if trouble == "half a character":
        text = "new \ud800"
    with pytest.raises((NotWritableError, UnicodeEncodeError)):
        write_text(path, text)
    assert path.is_dir() or path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def _full(*_):
    raise OSError(28, "No space left on device")


def test_file_in_the_place_of_a_folder(tmp_path):
    """A file where a folder is needed is one line that names it."""
    (tmp_path / "x").write_text("", encoding="utf-8")
    with pytest.raises(NotWritableError, match=r"x cannot be made \(File exists\); check who owns it"):
        make_folder(tmp_path / "x")
    with pytest.raises(NotWritableError, match="cannot be made"):
        make_folder(tmp_path / "x" / "y")


def test_places_that_others_rely_on(tmp_path):
    """The places which programs read lie where the design says."""
    layout = Layout(tmp_path)
    assert layout.site == tmp_path / "build/site"
    assert layout.course == tmp_path / "build/course"
    assert layout.results == tmp_path / "build/report/results"
    assert layout.work == tmp_path / "work"
