"""A release of the course: complete, the same bytes from the same tree, refused where something is amiss."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import nbformat
import pytest
from camp import publish
from camp.archive import Edition, VersionError, packed, parse_version, read_edition
from camp.cli import main
from camp.course import load_course
from camp.errors import ExerciseError, NotWritableError
from camp.exercise import load_exercise
from camp.publish import DirtyTreeError, LeakError, PublishError, Wish
from camp.seat.stamp import stamped
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "cann-camp"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["click", "Torch==2.13.0"]

[tool.hatch.build.targets.wheel]
only-include = ["autograder/camp"]

[tool.hatch.build.targets.wheel.sources]
"autograder/camp" = "camp"
"""
PINS = "# a comment\nclick==8.5.1  # the command\ntorch==2.13.0\nplaywright==1.65.2\n"
BUILD = """
from pathlib import Path
site = Path(__file__).parents[1] / "build" / "site"
site.mkdir(parents=True, exist_ok=True)
(site / "index.html").write_text("<p>hello</p>", encoding="utf-8")
(site / ".built-from").write_text("x", encoding="utf-8")
"""
PRINT = """
import sys
from pathlib import Path
folder = Path(__file__).parents[1] / "build" / "pdf"
folder.mkdir(parents=True, exist_ok=True)
(folder / "cann-camp.pdf").write_bytes(b"%PDF " + sys.argv[2].encode())
"""


def _git(root, *arguments):
    names = {f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, env={**os.environ, **names}
    )


@pytest.fixture
def checkout(toy):
    """The toy course as a git checkout, with a package and a book as small as can be."""
    files = {
        "pyproject.toml": PROJECT,
        "requirements.txt": PINS,
        ".gitignore": "build/\n__pycache__/\n",
        "autograder/camp/__init__.py": '"""Small."""\n\n__version__ = "0.1.0"\n',
        "book/build.py": BUILD,
        "book/pdf.py": PRINT,
        "book/sums.md": "# Sums\n",
        "book/words.md": "# Words\n",
    }
    for name, text in files.items():
        path = toy.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _git(toy.root, "init", "-q")
    _git(toy.root, "add", ".")
    _git(toy.root, "commit", "-q", "-m", "Begin")
    return toy


@pytest.fixture
def no_wheel(monkeypatch):
    """Spare the seconds that building a wheel takes: one that holds nothing of the course."""
    monkeypatch.setattr(
        publish,
        "_wheel",
        lambda _layout, v: (f"cann_camp-{v}-py3-none-any.whl", packed({"camp/x.py": b"x = 1\n"})),
    )


def _publish(layout, version, **wish):
    return publish.publish(layout, load_course(layout.exercises), Wish(version, **wish), lambda _what: None)


def _read(release):
    (archive,) = release.folder.glob("*-learner.zip")
    return read_edition(archive)


@pytest.mark.usefixtures("no_wheel")
def test_a_release_holds_all_its_parts(checkout):
    """Site, PDF, learner's edition, notes and manifest are there, each as SHA256SUMS says."""
    release = _publish(checkout, "0.2.0")
    assert release.folder == checkout.build / "dist" / "cann-camp-0.2.0"
    names = {path.name for path in release.folder.iterdir()}
    parts = {f"cann-camp-0.2.0-{part}" for part in ("site.zip", "book.pdf", "learner.zip")}
    assert names == {*parts, "NOTES.md", "manifest.json", "SHA256SUMS"}
    sums = dict(line.split("  ")[::-1] for line in (release.folder / "SHA256SUMS").read_text().splitlines())
    held = {n: hashlib.sha256((release.folder / n).read_bytes()).hexdigest() for n in names - {"SHA256SUMS"}}
    assert sums == held
    assert (release.folder / "cann-camp-0.2.0-book.pdf").read_bytes() == b"%PDF Release 0.2.0"
    with zipfile.ZipFile(release.folder / "cann-camp-0.2.0-site.zip") as site:
        assert site.namelist() == ["index.html"]


@pytest.mark.usefixtures("no_wheel")
def test_the_manifest_can_be_read_by_a_program(checkout):
    """manifest.json begins with its schema version, and names version, commit, assignments and files."""
    release = _publish(checkout, "0.2.0")
    text = (release.folder / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert text.lstrip("{\n ").startswith('"schema_version": 1')
    assert (manifest["version"], manifest["previous"], manifest["course"]) == ("0.2.0", None, "toy")
    assert len(manifest["commit"]) == 40
    assert [part["id"] for part in manifest["assignments"]] == ["a1-sums", "a2-words"]
    assert [part["tasks"] for part in manifest["assignments"]] == [["double", "total"], ["shout"]]
    for name, said in manifest["files"].items():
        data = (release.folder / name).read_bytes()
        assert said == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


@pytest.mark.slow
@pytest.mark.usefixtures("no_wheel")
def test_the_learners_edition_is_what_is_released(checkout):
    """Its notebooks are those that camp release makes, with their data; requirements name the wheel."""
    edition = _read(_publish(checkout, "0.2.0"))
    assert isinstance(edition, Edition)
    result = CliRunner().invoke(main, ["--root", str(checkout.root), "release"])
    assert result.exit_code == 0, result.output
    released = checkout.course / "release"
    wanted = {p.relative_to(released).as_posix(): p.read_bytes() for p in released.rglob("*") if p.is_file()}
    held = {n.removeprefix("work/"): d for n, d in edition.files.items() if n.startswith("work/")}
    assert held == wanted
    lines = edition.files["requirements.txt"].decode().splitlines()
    assert lines == ["./cann_camp-0.2.0-py3-none-any.whl", "click==8.5.1", "torch==2.13.0"]
    assert "camp upgrade" in edition.files["README.md"].decode()


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize(
    ("site", "served_here"),
    [
        ("http://localhost:8000", True),
        ("http://127.0.0.1:9000", True),
        ("https://camp.example.org/book", False),
    ],
)
def test_a_learner_is_told_how_to_have_the_book(checkout, site, served_here):
    """Where links lead to the learner's own machine, the README says how the book comes there."""
    course = checkout.exercises / "camp.toml"
    course.write_text(course.read_text().replace("http://localhost:8000", site))
    edition = _read(_publish(checkout, "0.2.0", dirty=True))
    text = edition.files["README.md"].decode()
    assert f"The book is at {site}." in text
    command = f"python -m http.server {site.rpartition(':')[2]} --bind 127.0.0.1 --directory book"
    assert (command in text) is ("cann-camp-0.2.0-site.zip" in text) is served_here


@pytest.mark.usefixtures("no_wheel")
def test_the_same_tree_makes_the_same_bytes(checkout):
    """Made again from the same tree, at another time and with other rights, each file is the same."""
    first = {path.name: path.read_bytes() for path in _publish(checkout, "0.2.0").folder.iterdir()}
    shutil.rmtree(checkout.build)
    for path in checkout.root.rglob("*.md"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o600)
    second = {path.name: path.read_bytes() for path in _publish(checkout, "0.2.0").folder.iterdir()}
    assert second == first


@pytest.mark.usefixtures("no_wheel")
def test_notes_say_what_changed(checkout):
    """The notes name the assignments that changed since the last release, and what was committed."""
    _publish(checkout, "0.2.0")
    path = checkout.exercises / "a1-sums" / "sums.md"
    path.write_text(path.read_text(encoding="utf-8").replace("Two small", "Two very small"), encoding="utf-8")
    _git(checkout.root, "commit", "-q", "-a", "-m", "Say how small the tasks are")
    release = _publish(checkout, "0.3.0")
    notes = (release.folder / "NOTES.md").read_text(encoding="utf-8")
    assert "Since 0.2.0." in notes
    assert "- Changed assignments: a1-sums\n" in notes
    assert "- Say how small the tasks are" in notes
    assert release.manifest["previous"] == "0.2.0"


@pytest.mark.parametrize("version", ["", "one", "v1.0", "1.0-rc1", "1.0+here", "01.0", "1.0 "])
def test_what_is_no_version_is_refused(version):
    """A version that PEP 440 does not know, or writes otherwise, is refused with what to write."""
    with pytest.raises(VersionError, match="write"):
        parse_version(version)


@pytest.mark.usefixtures("no_wheel")
def test_a_version_must_be_newer(checkout):
    """Not the same again, not an older one, not older than the tree; a release follows its candidate."""
    with pytest.raises(VersionError, match=r"older than the tree, which is 0\.1\.0"):
        _publish(checkout, "0.0.9")
    _publish(checkout, "0.2.0rc1", pdf=False)
    _publish(checkout, "0.2.0")
    with pytest.raises(VersionError, match=r"0\.2\.0 is there already"):
        _publish(checkout, "0.2.0")
    with pytest.raises(VersionError, match=r"0\.1\.5 is not newer than 0\.2\.0"):
        _publish(checkout, "0.1.5")
    assert [str(r.version) for r in publish.releases(checkout)] == ["0.2.0rc1", "0.2.0"]


@pytest.mark.usefixtures("no_wheel")
def test_a_changed_tree_is_refused_unless_asked(checkout):
    """Changes that are in no commit stop a release, and are told; with --dirty it says no commit."""
    (checkout.root / "new.txt").write_text("x", encoding="utf-8")
    with pytest.raises(DirtyTreeError, match=r"new\.txt changed and in no commit"):
        _publish(checkout, "0.2.0")
    assert not publish.dist(checkout).exists()
    assert _publish(checkout, "0.2.0", dirty=True).manifest["commit"] == ""


def test_without_git_there_is_no_release(toy):
    """A folder that is no checkout is refused in a line that says so."""
    with pytest.raises(PublishError, match="a release is made from a git checkout"):
        _publish(toy, "0.2.0")


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize("place", ["book", "data", "checks"])
def test_nothing_is_published_that_gives_an_answer_away(checkout, monkeypatch, place):
    """An answer's line in a page or in data, or hidden checks in the wheel, stop the release."""
    line = "        sum_so_far_of_numbers += number\n"
    if place == "book":
        path = checkout.root / "book" / "build.py"
        path.write_text(path.read_text(encoding="utf-8").replace("hello", line.strip()), encoding="utf-8")
    elif place == "data":
        (checkout.exercises / "a1-sums" / "hint.txt").write_text(line, encoding="utf-8")
    else:
        wheel = packed({"cann_camp_faces/exercises/a1-sums/checks.py": b"x = 1\n"})
        monkeypatch.setattr(publish, "_wheel", lambda _layout, v: (f"cann_camp-{v}-py3-none-any.whl", wheel))
    with pytest.raises(LeakError, match="stands in what learners get"):
        _publish(checkout, "0.2.0", dirty=True)
    assert not publish.dist(checkout).exists()


@pytest.mark.usefixtures("no_wheel")
def test_a_book_that_fails_is_told(checkout):
    """Where the book cannot be built, its own first line is told, and no release is made."""
    (checkout.root / "book" / "build.py").write_text(
        "raise SystemExit('✗ a page is broken')", encoding="utf-8"
    )
    with pytest.raises(PublishError, match=r"book/build\.py failed: a page is broken"):
        _publish(checkout, "0.2.0", dirty=True)
    assert not publish.dist(checkout).exists()


@pytest.mark.usefixtures("no_wheel")
def test_a_link_to_no_page_is_refused(checkout):
    """An exercise that links to a page that is not in the book is not published."""
    (checkout.root / "book" / "words.md").unlink()
    with pytest.raises(ExerciseError, match="links to the page 'words'"):
        _publish(checkout, "0.2.0", dirty=True)


@pytest.mark.usefixtures("no_wheel")
def test_half_a_release_is_never_there(checkout, monkeypatch):
    """Where writing fails, the folder of the release is not there, nor anything of it."""

    def refuse(_self, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish.Path, "rename", refuse)
    with pytest.raises(NotWritableError, match=r"No space left on device.*no release was made"):
        _publish(checkout, "0.2.0")
    assert list(publish.dist(checkout).iterdir()) == []


def test_a_manifest_that_is_none_is_told(checkout):
    """A damaged manifest of an earlier release is named, rather than passed over."""
    folder = publish.dist(checkout) / "cann-camp-0.2.0"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("[]", encoding="utf-8")
    with pytest.raises(PublishError, match="is no manifest of a release"):
        publish.releases(checkout)


def test_a_project_that_names_no_version_is_refused(tmp_path):
    """A version is stamped where it stands once, and nowhere else."""
    path = tmp_path / "pyproject.toml"
    path.write_text('name = "x"\n', encoding="utf-8")
    with pytest.raises(PublishError, match="names a version 0 times"):
        publish._stamp(path, "1.0")


@pytest.mark.slow
def test_the_command_makes_a_release_twice_alike(checkout):
    """`camp publish` builds the wheel at the release's version; built again, it has the same bytes."""
    runs = []
    for _ in range(2):
        result = CliRunner().invoke(main, ["--root", str(checkout.root), "publish", "0.2.0"])
        assert result.exit_code == 0, result.output
        folder = publish.dist(checkout) / "cann-camp-0.2.0"
        runs.append({path.name: path.read_bytes() for path in folder.iterdir()})
        shutil.rmtree(checkout.build)
    assert runs[0] == runs[1]
    assert "build/dist/cann-camp-0.2.0/cann-camp-0.2.0-learner.zip" in result.output
    archive = zipfile.ZipFile(io.BytesIO(runs[0]["cann-camp-0.2.0-learner.zip"]))
    assert [n for n in archive.namelist() if n.endswith(".whl")] == [
        "cann-camp/cann_camp-0.2.0-py3-none-any.whl"
    ]
    wheel = zipfile.ZipFile(io.BytesIO(archive.read("cann-camp/cann_camp-0.2.0-py3-none-any.whl")))
    assert '__version__ = "0.2.0"' in wheel.read("camp/__init__.py").decode()
    again = CliRunner().invoke(main, ["--root", str(checkout.root), "publish", "none"])
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)


# --- a learner's installation ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seat(tmp_path_factory):
    """A fresh environment with the wheel of this tree installed by pip, and other packages from this one.

    Those are put on its path without their `.pth` files, so that the course comes from the wheel alone.
    """
    from camp.paths import Layout

    folder = tmp_path_factory.mktemp("seat")
    name, data = publish._wheel(Layout(ROOT), "9.9.9")
    (folder / name).write_bytes(data)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=300)
    python = folder / "venv" / "bin" / "python"
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    others = Path(nbformat.__file__).parents[1]
    options = ["--no-deps", "--no-index", "-q", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *options, folder / name], check=True, timeout=300)
    (own / "zz_others.pth").write_text(f"{others}\n", encoding="utf-8")
    return python


def _run(*command, cwd):
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "CAMP"))}
    env = {**plain, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=cwd, env=env)


@pytest.mark.slow
def test_the_installed_wheel_brings_the_device(seat, tmp_path):
    """In a fresh environment with the wheel, torch_npu and camp are the wheel's, and it computes."""
    code = """
        import camp, torch, torch_npu
        print(camp.__version__, camp.__file__, torch_npu.__file__)
        print((torch.ones(2, 2).to("npu") @ torch.ones(2, 2).to("npu")).sum().item())
    """
    done = _run(seat, "-c", textwrap.dedent(code), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    version, *places = done.stdout.splitlines()[0].split()
    assert version == "9.9.9"
    assert all(str(seat.parents[1]) in place for place in places)
    assert done.stdout.splitlines()[1] == "8.0"


@pytest.mark.slow
def test_the_installed_wheel_checks_a_notebook(seat, tmp_path):
    """`camp check` of the installed wheel runs a released notebook, and says that nothing is answered yet."""
    exercise = load_exercise(load_course(ROOT / "exercises"), "01-hello-npu")
    from camp.editions import learner_edition

    path = tmp_path / "hello-npu.ipynb"
    nbformat.write(stamped(learner_edition(exercise), exercise), path)
    done = _run(seat.with_name("camp"), "check", path, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for task in exercise.assignment.task:
        assert task.title.split()[0] in done.stdout
