"""Upgrading a learner's folder: what the learner wrote is there afterwards, or nothing has changed at all."""

import copy
import hashlib
import io
import json
import shutil
import zipfile

import nbformat
import pytest
from camp import publish, upgrade
from camp.archive import ArchiveError, Manifest, VersionError, make_edition, read_edition
from camp.cli import main
from camp.course import load_course
from camp.editions import STUB, TEXT_STUB
from camp.errors import NotWritableError
from camp.exercise import load_exercise
from camp.intake import take_in
from camp.merge import merge, read_notebook, write_notebook
from camp.upgrade import UpgradeError
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MINE = "def double(x):\n    return x + x\n"
RELAXED = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Write the learner's edition of a checkout at a version, with a wheel of no consequence."""
    monkeypatch.setattr(
        publish, "_wheel", lambda _layout, v: (f"cann_camp-{v}-py3-none-any.whl", b"wheel " + v.encode())
    )
    monkeypatch.setattr(publish, "_requirements", lambda _layout, wheel: f"./{wheel}\n")

    def make(layout, version):
        course = load_course(layout.exercises)
        exercises = [load_exercise(course, a.id) for a in course.assignment]
        made = publish._learners_edition(layout, course, exercises, version, "")
        path = tmp_path / f"cann-camp-{version}-learner.zip"
        path.write_bytes(make_edition(*made))
        return path

    return make


@pytest.fixture
def folder(tmp_path, archive, toy):
    """A learner's folder: release 1.0, unpacked."""
    with zipfile.ZipFile(archive(toy, "1.0")) as packed:
        packed.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked" / "cann-camp"


@pytest.fixture
def newer(archive, reasoned_course):
    """Release 1.1: a task more, a task changed, a cell more, the data changed, a file more."""
    return archive(reasoned_course, "1.1")


@pytest.fixture
def reasoned_course(tmp_path, toy, add_words):
    """The toy course a term later."""
    root = tmp_path / "later"
    shutil.copytree(toy.root, root)
    later = type(toy)(root)
    add_words(later)
    notebook = later.exercises / "a1-sums" / "sums.md"
    text = notebook.read_text(encoding="utf-8").replace(
        "# Sums\n", "# Sums\n\n```{code-cell}\nNEW = 1\n```\n"
    )
    notebook.write_text(text.replace('"""Twice x."""', '"""Twice x, for any number x."""'), encoding="utf-8")
    (later.exercises / "a2-words" / "data" / "greeting.txt").write_text("您好\n", encoding="utf-8")
    (later.exercises / "a2-words" / "data" / "more.txt").write_text("more\n", encoding="utf-8")
    return later


def _notebook(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _cell(notebook, name):
    (found,) = [c for c in notebook["cells"] if c["id"] == name]
    return found


def _source(cell):
    return "".join(cell["source"])


def _answer(path, task, text):
    """Answer a task in a learner's notebook, as JupyterLab saves it."""
    notebook = nbformat.read(path, 4)
    _cell(notebook, f"{task}-answer").source = text
    nbformat.write(notebook, path)


def _tree(folder):
    """All files below a folder with their bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _sums(folder):
    return folder / "work" / "a1-sums" / "sums.ipynb"


def test_untouched_folder_becomes_the_new_release(folder, newer):
    """Who has written nothing has exactly the new release afterwards, and the old one in backup/."""
    before = _tree(folder)
    report = upgrade.upgrade(folder, newer)
    with zipfile.ZipFile(newer) as packed:
        wanted = {name.removeprefix("cann-camp/"): packed.read(name) for name in packed.namelist()}
    after = _tree(folder)
    assert {name: data for name, data in after.items() if not name.startswith("backup/")} == wanted
    kept = {
        name.removeprefix("backup/1.0/"): data for name, data in after.items() if name.startswith("backup/")
    }
    assert kept == before
    assert (report.before, report.after, report.told, report.answers) == ("1.0", "1.1", [], {})


def test_answers_and_own_cells_are_in_the_new_notebook(folder, newer):
    """Answers, outputs, added code and text are in their places; the course's cells are the new ones."""
    notebook = nbformat.read(_sums(folder), 4)
    place = notebook.cells.index(_cell(notebook, "double-answer"))
    output = nbformat.v4.new_output("stream", text="6\n")
    notebook.cells[place].source = MINE
    notebook.cells.insert(place, nbformat.v4.new_code_cell("print(6)", outputs=[output], execution_count=3))
    notebook.cells.append(nbformat.v4.new_markdown_cell("My *notes*.", id="mine"))
    nbformat.write(notebook, _sums(folder))
    report = upgrade.upgrade(folder, newer)
    made = nbformat.read(_sums(folder), 4)
    nbformat.validate(made)
    sources = [c.source for c in made.cells]
    assert sources.index("NEW = 1") < sources.index("print(6)") < sources.index(MINE)
    assert made.cells[sources.index("print(6)")].outputs == [output]
    assert (made.cells[-1].source, made.cells[-1]["id"]) == ("My *notes*.", "mine")
    assert _cell(made, "reason-answer").source == TEXT_STUB
    assert STUB in _cell(made, "total-answer").source
    assert report.answers == {"a1-sums/sums.ipynb": 1}
    assert [line for _, line in report.told] == [
        "the task 'double' has changed; your answer is kept: read the task and run its check again"
    ]


def test_the_grader_sees_the_same_work(folder, newer, reasoned_course):
    """What the grader takes in from the upgraded notebook is what it would take in from the learner's own."""
    exercise = load_exercise(load_course(reasoned_course.exercises), "a1-sums")
    _answer(_sums(folder), "double", MINE)
    before = take_in(_sums(folder), exercise)
    upgrade.upgrade(folder, newer)
    after = take_in(_sums(folder), exercise)
    assert [c.source for c in after.notebook.cells] == [c.source for c in before.notebook.cells]
    assert after.missing == {}


def test_a_changed_task_without_an_answer_is_the_new_one(folder, newer):
    """Where nothing was answered the new task stands, with its own words."""
    _answer(_sums(folder), "total", "def total(numbers):\n    return sum(numbers)\n")
    upgrade.upgrade(folder, newer)
    assert "for any number x" in _source(_cell(_notebook(_sums(folder)), "double-answer"))


def test_an_answer_to_a_task_that_is_gone_stays(folder, archive, toy):
    """The answer to a task that the new release does not have is a cell of the learner's own, and told."""
    _answer(_sums(folder), "double", MINE)
    course = toy.exercises / "camp.toml"
    text = course.read_text(encoding="utf-8")
    first, rest = text.split('[[assignment.task]]\nid = "double"', 1)
    course.write_text(
        first + "[[assignment.task]]" + rest.split("[[assignment.task]]", 1)[1], encoding="utf-8"
    )
    notebook = toy.exercises / "a1-sums" / "sums.md"
    text = notebook.read_text(encoding="utf-8")
    start, end = text.index("```{code-cell}\n:task: double"), text.index("Now a whole list")
    notebook.write_text(text[:start] + text[end:], encoding="utf-8")
    checks = toy.exercises / "a1-sums" / "checks.py"
    checks.write_text(checks.read_text(encoding="utf-8").replace('"double"', '"total"'), encoding="utf-8")
    report = upgrade.upgrade(folder, archive(toy, "2.0"))
    made = _notebook(_sums(folder))
    assert MINE.strip() in [_source(c).strip() for c in made["cells"]]
    assert all(c["metadata"].get("nbgrader", {}).get("grade_id") != "double" for c in made["cells"])
    assert (
        "a1-sums/sums.ipynb",
        "the task 'double' is no longer there; your answer stays, as a cell of your own",
    ) in report.told


def test_changed_cells_of_the_course_are_kept_beside_its_own(folder, newer):
    """A given cell that was changed is kept after the course's own; a changed check as text, unrun."""
    notebook = nbformat.read(_sums(folder), 4)
    given_cell = next(c for c in notebook.cells if "STEP = 2" in c.source)
    given_cell.source += "\nprint('mine')"
    _cell(notebook, "double-check").source = "print('all is well')"
    nbformat.write(notebook, _sums(folder))
    report = upgrade.upgrade(folder, newer)
    made = nbformat.read(_sums(folder), 4)
    sources = [c.source for c in made.cells]
    assert sum("STEP = 2" in text for text in sources) == 2
    assert [c.cell_type for c in made.cells if "all is well" in c.source] == ["markdown"]
    assert len(report.told) == 2


def test_a_renamed_notebook_keeps_its_name(folder, newer):
    """A notebook under the learner's own name is upgraded under it, and no empty one is laid beside it."""
    mine = _sums(folder).rename(_sums(folder).with_name("my sums.ipynb"))
    _answer(mine, "double", MINE)
    report = upgrade.upgrade(folder, newer)
    assert not _sums(folder).exists()
    assert _source(_cell(_notebook(mine), "double-answer")).strip() == MINE.strip()
    assert "reason-answer" in {c["id"] for c in _notebook(mine)["cells"]}
    assert (
        "a1-sums/my sums.ipynb",
        "keeps the name you gave it; it is handed in as sums.ipynb",
    ) in report.told


def test_a_copy_beside_an_untouched_notebook(folder, newer):
    """Who works in a copy has the copy upgraded, and the untouched original made new."""
    mine = _sums(folder).with_name("sums-Copy1.ipynb")
    shutil.copyfile(_sums(folder), mine)
    _answer(mine, "double", MINE)
    upgrade.upgrade(folder, newer)
    assert STUB in _source(_cell(_notebook(_sums(folder)), "double-answer"))
    assert _source(_cell(_notebook(mine), "double-answer")).strip() == MINE.strip()


def test_a_deleted_notebook_is_there_again(folder, newer):
    """A notebook that the learner deleted comes back, as it is handed out."""
    _sums(folder).unlink()
    upgrade.upgrade(folder, newer)
    assert "reason-answer" in {c["id"] for c in _notebook(_sums(folder))["cells"]}


def test_files_of_the_learner_stay(folder, newer):
    """Own files and notebooks stay; changed data stay with the new ones beside; deleted data come back."""
    words = folder / "work" / "a2-words"
    (words / "data" / "greeting.txt").write_text("moin\n", encoding="utf-8")
    (words / "scratch.ipynb").write_text('{"cells": []}', encoding="utf-8")
    (folder / "work" / "notes.txt").write_text("note", encoding="utf-8")
    report = upgrade.upgrade(folder, newer)
    assert (words / "data" / "greeting.txt").read_text(encoding="utf-8") == "moin\n"
    assert (words / "data" / "greeting.1.1.txt").read_text(encoding="utf-8") == "您好\n"
    assert (words / "data" / "more.txt").is_file()
    assert (words / "scratch.ipynb").read_text(encoding="utf-8") == '{"cells": []}'
    assert (folder / "work" / "notes.txt").read_text(encoding="utf-8") == "note"
    assert report.told == [
        ("a2-words/data/greeting.txt", "was changed by you and stays; the new one is greeting.1.1.txt")
    ]


# --- what stops an upgrade ---------------------------------------------------------------------------


def _damaged(path, change):
    """The archive with one of its files changed, its checksums as they were."""
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    change(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    path.write_bytes(out.getvalue())


def _sealed(files):
    """Write true checksums over files that were changed."""
    rest = {n.removeprefix("cann-camp/"): d for n, d in files.items() if not n.endswith("SHA256SUMS")}
    lines = [f"{hashlib.sha256(rest[name]).hexdigest()}  {name}\n" for name in sorted(rest)]
    files["cann-camp/SHA256SUMS"] = "".join(lines).encode()


def _as_manifest(files, **values):
    manifest = json.loads(files["cann-camp/camp-release.json"])
    files["cann-camp/camp-release.json"] = json.dumps({**manifest, **values}).encode()
    _sealed(files)


def _escaping(files):
    files["cann-camp/../../evil.txt"] = b"x"
    _sealed(files)


def _spoilt(change):
    """A way to spoil an archive's files by name; what is changed of the manifest gets true checksums."""
    return lambda path: _damaged(path, change)


def _claiming(**values):
    return _spoilt(lambda files: _as_manifest(files, **values))


BAD = {
    "cut off": (lambda p: p.write_bytes(p.read_bytes()[:-300]), ArchiveError, "damaged or no zip"),
    "empty": (lambda p: p.write_bytes(b""), ArchiveError, "damaged or no zip"),
    "missing": (lambda p: p.unlink(), ArchiveError, "cannot be read"),
    "another zip": (_spoilt(dict.clear), ArchiveError, "holds no camp-release.json"),
    "changed": (
        _spoilt(lambda f: f.update({"cann-camp/README.md": b"x"})),
        ArchiveError,
        "README.md is not what",
    ),
    "a file more": (
        _spoilt(lambda f: f.update({"cann-camp/x": b"x"})),
        ArchiveError,
        "x is not what SHA256SUMS",
    ),
    "way out": (_spoilt(_escaping), ArchiveError, "no path inside the release"),
    "no manifest": (_claiming(assignments=3), ArchiveError, "is no manifest"),
    "bad part": (_claiming(assignments=[{"id": "x"}]), ArchiveError, "is no manifest"),
    "later form": (_claiming(schema_version=9), ArchiveError, "written in form 9"),
    "no version": (_claiming(version="new"), VersionError, "'new' is no version"),
    "same": (_claiming(version="1.0"), VersionError, "holds 1.0 already"),
    "older": (_claiming(version="0.9"), VersionError, "0.9 is older"),
    "other course": (_claiming(course="x"), UpgradeError, "this is 'x'"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_archive_changes_nothing(folder, newer, kind):
    """A damaged, changed, older or foreign archive is told in a line, and no byte of the folder changes."""
    spoil, error, says = BAD[kind]
    _answer(_sums(folder), "double", MINE)
    spoil(newer)
    before = _tree(folder)
    with pytest.raises(error, match=says) as caught:
        upgrade.upgrade(folder, newer)
    assert "\n" not in str(caught.value)
    assert _tree(folder) == before


def test_checksums_beside_the_archive_count(folder, newer):
    """Where SHA256SUMS of the release lies beside the archive, another file under its name is refused."""
    newer.with_name("SHA256SUMS").write_text(f"{'0' * 64}  {newer.name}\n", encoding="utf-8")
    with pytest.raises(ArchiveError, match="is not what SHA256SUMS beside it says"):
        upgrade.upgrade(folder, newer)


def test_the_folder_of_a_release_will_do(folder, newer):
    """The folder that holds the archive is as good as the archive, unless it holds several."""
    alone = newer.parent / "release"
    alone.mkdir()
    shutil.copy(newer, alone)
    with pytest.raises(ArchiveError, match="holds 2 files"):
        upgrade.upgrade(folder, newer.parent)
    assert upgrade.upgrade(folder, alone).after == "1.1"


@pytest.mark.parametrize(
    "data",
    [b"{", b"\xff\xfe", b"[]", b'{"cells": 3}', b'{"cells": [{"cell_type": "code", "source": 3}]}', b""],
)
def test_a_notebook_that_is_none_stops_the_upgrade(folder, newer, data):
    """What stands under the notebook's name and is none could be lost: it is told, and nothing changes."""
    _sums(folder).write_bytes(data)
    before = _tree(folder)
    with pytest.raises(UpgradeError, match=r"work/a1-sums/sums\.ipynb is no notebook .*; move it"):
        upgrade.upgrade(folder, newer)
    assert _tree(folder) == before


def test_what_is_no_learners_folder(tmp_path, folder, newer):
    """A folder without work/, or without a manifest, is told what it lacks."""
    with pytest.raises(UpgradeError, match="holds no folder work/"):
        upgrade.upgrade(tmp_path, newer)
    (folder / "camp-release.json").unlink()
    with pytest.raises(UpgradeError, match="with --base"):
        upgrade.upgrade(folder, newer)


def test_base_stands_for_a_missing_manifest(tmp_path, folder, newer):
    """With the release that the work began with, a folder without a manifest is upgraded just the same."""
    (folder / "camp-release.json").unlink()
    _answer(_sums(folder), "double", MINE)
    upgrade.upgrade(folder, newer, base=tmp_path / "cann-camp-1.0-learner.zip")
    assert _source(_cell(_notebook(_sums(folder)), "double-answer")).strip() == MINE.strip()
    assert Manifest.read((folder / "camp-release.json").read_bytes(), "it").version == "1.1"


def test_a_folder_that_cannot_be_written(folder, newer, monkeypatch):
    """A folder without the right to write is told, and stays as it is."""
    before = _tree(folder)

    def refuse(self, *_args, **_kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(upgrade.Path, "mkdir", refuse)
    with pytest.raises(NotWritableError, match="cannot be written"):
        upgrade.upgrade(folder, newer)
    assert _tree(folder) == before


def test_a_dry_run_changes_nothing(folder, newer):
    """Asked for that, it says the same and changes nothing."""
    _answer(_sums(folder), "double", MINE)
    before = _tree(folder)
    would = upgrade.upgrade(folder, newer, dry_run=True)
    assert _tree(folder) == before
    does = upgrade.upgrade(folder, newer)
    assert (would.answers, would.told) == (does.answers, does.told)


# --- broken off --------------------------------------------------------------------------------------


@pytest.fixture
def moves(monkeypatch):
    """Let the n-th rename or replace fail with an error, or kill; count them all."""
    counted = {"all": 0}
    reals = {name: getattr(upgrade.Path, name) for name in ("rename", "replace")}

    def arm(number, error):
        counted["all"] = 0
        for name, real in reals.items():

            def move(self, target, real=real):
                counted["all"] += 1
                if counted["all"] == number:
                    raise error
                return real(self, target)

            monkeypatch.setattr(upgrade.Path, name, move)
        return counted

    return arm


class Killed(BaseException):
    """The power goes: nothing after it runs."""


def _outcome(folder):
    """What a folder is: its version and whether the answer is there."""
    version = json.loads((folder / "camp-release.json").read_bytes())["version"]
    cells = {c["id"]: _source(c).strip() for c in _notebook(_sums(folder))["cells"]}
    assert cells["double-answer"] == MINE.strip()
    return version, "reason-answer" in cells


@pytest.mark.parametrize("number", range(1, 9))
def test_an_error_in_the_middle_leaves_the_old_folder(folder, newer, moves, number):
    """Whichever move fails (a file is open, the disk is full), all is as it was, and a second try works."""
    _answer(_sums(folder), "double", MINE)
    before = _tree(folder)
    counted = moves(number, PermissionError(13, "in use", "work"))
    with pytest.raises(UpgradeError, match="your folder is as it was"):
        upgrade.upgrade(folder, newer)
    assert counted["all"] >= number
    assert _tree(folder) == before
    moves(0, None)
    upgrade.upgrade(folder, newer)
    assert _outcome(folder) == ("1.1", True)


@pytest.mark.parametrize("number", range(1, 9))
def test_a_kill_in_the_middle_loses_nothing(folder, newer, moves, monkeypatch, number):
    """Killed at any move, with no chance to tidy up: no answer is lost, the next upgrade puts all right."""
    _answer(_sums(folder), "double", MINE)
    with monkeypatch.context() as patch:
        patch.setattr(upgrade, "_undo", lambda *_: None)
        patch.setattr(upgrade.shutil, "rmtree", lambda *_args, **_kwargs: None)
        moves(number, Killed())
        with pytest.raises(Killed):
            upgrade.upgrade(folder, newer)
        moves(0, None)
    held = [p for p in folder.rglob("sums.ipynb") if b"return x + x" in p.read_bytes()]
    assert held
    try:
        upgrade.upgrade(folder, newer)
    except VersionError as error:
        assert "holds 1.1 already" in str(error)  # noqa: PT017 - both ends are right
    assert _outcome(folder) == ("1.1", True)
    assert not (folder / ".upgrade").exists()


def test_work_after_a_cut_is_kept(folder, newer, moves, monkeypatch):
    """Who goes on working in the new notebooks after a kill keeps that work when the folder is put right."""
    with monkeypatch.context() as patch:
        patch.setattr(upgrade, "_undo", lambda *_: None)
        patch.setattr(upgrade.shutil, "rmtree", lambda *_args, **_kwargs: None)
        moves(3, Killed())
        with pytest.raises(Killed):
            upgrade.upgrade(folder, newer)
        moves(0, None)
    _answer(_sums(folder), "double", MINE)
    with pytest.raises(VersionError, match=r"holds 1\.1 already"):
        upgrade.upgrade(folder, newer)
    assert _outcome(folder) == ("1.1", True)


# --- laws --------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(["answer", "code", "markdown", "raw", "delete", "check", "twice"]),
        TEXT,
    ),
    max_size=8,
)


def _changed(notebook, changes):
    """Make these changes to a learner's notebook; return what was typed and is still there."""
    for number, (place, kind, text) in enumerate(changes):
        cells = notebook["cells"]
        answers = [c for c in cells if c["id"].endswith("-answer")]
        if kind == "answer" and answers:
            answers[place % len(answers)]["source"] = text
        elif kind == "check":
            for c in cells:
                if c["id"] == "total-check":
                    c["source"] = text
        elif kind == "delete" and len(cells) > 1:
            del cells[place % len(cells)]
        elif kind == "twice" and answers:
            cells.append({**copy.deepcopy(answers[0]), "id": f"twice-{number}", "source": text})
        elif kind in {"code", "markdown", "raw"}:
            extra = {"code": {"outputs": [], "execution_count": None}}.get(kind, {})
            new = {
                "cell_type": kind,
                "id": f"own-{number}",
                "metadata": {},
                "source": text,
                **extra,
            }
            cells.insert(place % (len(cells) + 1), new)
    return [c["source"] for c in notebook["cells"] if c["id"].startswith("own-") and c["source"].strip()]


def _plain(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


@RELAXED
@given(CHANGES)
def test_nothing_typed_is_lost_and_nothing_else_is_run(tmp_path, sums_parts, sums, changes):
    """For any edits: what was typed is in the new notebook, and the grader takes the same code from both."""
    part, data = sums_parts
    mine = read_notebook(data)
    typed = _changed(mine, changes)
    answers = [c["source"] for c in mine["cells"] if c["id"].endswith("-answer")]
    raw = write_notebook(mine)
    merged = merge(read_notebook(raw), read_notebook(data), part, part)
    nbformat.validate(nbformat.from_dict(merged.notebook))
    sources = "\0".join(
        cell["source"].replace("\r\n", "\n").replace("\r", "\n") for cell in merged.notebook["cells"]
    )
    for text in [*typed, *filter(str.strip, answers)]:
        assert text.replace("\r\n", "\n").replace("\r", "\n") in sources
    (tmp_path / "mine.ipynb").write_bytes(raw)
    (tmp_path / "made.ipynb").write_bytes(write_notebook(merged.notebook))
    before, after = (take_in(tmp_path / f"{name}.ipynb", sums) for name in ("mine", "made"))
    code = [[c.source for c in taken.notebook.cells if c.cell_type == "code"] for taken in (before, after)]
    assert sorted(code[0]) == sorted(code[1])


@RELAXED
@given(CHANGES)
def test_upgrading_again_changes_nothing(sums_parts, changes):
    """A notebook that was taken over, taken over once more into the same release, stays as it is."""
    part, data = sums_parts
    mine = read_notebook(data)
    _changed(mine, changes)
    once = merge(read_notebook(write_notebook(mine)), read_notebook(data), part, part).notebook
    twice = merge(read_notebook(write_notebook(once)), read_notebook(data), part, part).notebook
    assert twice == once


@pytest.fixture
def sums_parts(folder):
    """The first assignment of release 1.0: what the release says of it, and its notebook's bytes."""
    manifest = Manifest.read((folder / "camp-release.json").read_bytes(), "it")
    return manifest.by_id["a1-sums"], _sums(folder).read_bytes()


# --- the command -------------------------------------------------------------------------------------


def test_the_command_says_what_it_kept(folder, newer):
    """`camp upgrade` tells what it kept of each notebook, where the old files are, and what to do next."""
    _answer(_sums(folder), "double", MINE)
    said = CliRunner().invoke(main, ["upgrade", str(newer), "--folder", str(folder)])
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert lines[0] == "kept  a1-sums/sums.ipynb  1 answer"
    assert lines[-2] == f"1.0 is now 1.1; your old files are in {folder / 'backup' / '1.0'}"
    assert lines[-1].endswith("python -m pip install -r requirements.txt")
    again = CliRunner().invoke(main, ["upgrade", str(newer), "--folder", str(folder)])
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)


def test_it_needs_nothing_but_what_learners_have(folder, newer):
    """A learner has no nbgrader, no pydantic and no jupytext: the command works without them."""
    import subprocess
    import sys

    code = (
        "import sys\n"
        "for name in ('nbgrader', 'pydantic', 'jupytext', 'yaml', 'nbconvert'): sys.modules[name] = None\n"
        "from camp.cli import main\nmain()"
    )
    command = [sys.executable, "-c", code, "upgrade", str(newer), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_an_edition_reads_what_was_written(newer):
    """An archive read back holds its files, and says of each assignment what lies in its folder."""
    edition = read_edition(newer)
    assert edition.manifest.version == "1.1"
    for part in edition.manifest.assignments:
        assert set(edition.of(part)) == set(part.files)
