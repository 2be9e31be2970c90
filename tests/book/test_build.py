"""The command that builds the book: what it skips, what it refuses, and what stays when it fails."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

# isort: split
import build

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET = Console(file=io.StringIO())


def always(value: object) -> Callable[..., object]:
    """A function that takes anything and returns `value`."""
    return lambda *_args, **_kwargs: value


@pytest.fixture
def layout(tmp_path: Path) -> build.Layout:
    """A small checkout: one page, one file of the simulator, and the scripts already vendored."""
    made = build.Layout(tmp_path)
    (made.book / "explorables").mkdir(parents=True)
    (made.root / "simulator").mkdir()
    (made.book / "index.md").write_text("# Page\n", encoding="utf-8")
    (made.book / "package.json").write_text("{}", encoding="utf-8")
    (made.root / "simulator" / "chip.py").write_text("CORES = 20\n", encoding="utf-8")
    (made.root / "requirements.txt").write_text("torch\n", encoding="utf-8")
    made.vendored.mkdir(parents=True)
    return made


@pytest.fixture
def rendered(layout: build.Layout, monkeypatch: pytest.MonkeyPatch) -> build.Layout:
    """The same, where Jupyter Book succeeds at once and nothing is fetched."""

    def run(place: build.Layout, tell: object) -> tuple[int, str]:
        del tell
        html = place.work / "_build" / "html"
        html.mkdir(parents=True)
        (html / "index.html").write_text("<p>new</p>", encoding="utf-8")
        return 0, "build succeeded."

    monkeypatch.setattr(build, "run_jupyter_book", run)
    monkeypatch.setattr(build, "vendor", always(value=False))
    return layout


def publish_earlier(layout: build.Layout) -> Path:
    """Put an earlier site in its place."""
    layout.site.mkdir(parents=True)
    index = layout.site / "index.html"
    index.write_text("<p>earlier</p>", encoding="utf-8")
    return index


# --- what is skipped ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["book/index.md", "simulator/chip.py", "requirements.txt", "book/new.md"])
def test_a_changed_file_changes_the_fingerprint(layout: build.Layout, name: str) -> None:
    """A site counts as old as soon as a page, the simulator or the pins differ by one character."""
    before = build.site_fingerprint(layout)
    path = layout.root / name
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + "x", encoding="utf-8")
    assert build.site_fingerprint(layout) != before


def test_touching_a_file_changes_nothing(layout: build.Layout) -> None:
    """Only contents count: a fresh clone of the same commit needs no build of its own."""
    before = build.site_fingerprint(layout)
    os.utime(layout.book / "index.md", (1, 1))
    (layout.book / "__pycache__").mkdir()
    (layout.book / "__pycache__" / "build.pyc").write_bytes(b"x")
    (layout.book / ".hidden").write_text("x", encoding="utf-8")
    assert build.site_fingerprint(layout) == before


def test_moving_text_between_files_changes_the_fingerprint(layout: build.Layout) -> None:
    """Two files with the same bytes in sum are not mistaken for each other."""
    (layout.book / "a.md").write_text("one", encoding="utf-8")
    (layout.book / "b.md").write_text("two", encoding="utf-8")
    before = build.site_fingerprint(layout)
    (layout.book / "a.md").write_text("onetwo", encoding="utf-8")
    (layout.book / "b.md").write_text("", encoding="utf-8")
    assert build.site_fingerprint(layout) != before


def test_another_version_changes_the_fingerprint(
    layout: build.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new torch, theme or widget library rebuilds the site."""
    before = build.site_fingerprint(layout)
    monkeypatch.setattr("importlib.metadata.version", always("0.0"))
    assert build.site_fingerprint(layout) != before


def test_a_page_alone_does_not_forget_executed_cells(layout: build.Layout) -> None:
    """Cells run again when the simulator changes, not when another page's text does."""
    before = build.kernel_fingerprint(layout)
    (layout.book / "index.md").write_text("# Other\n", encoding="utf-8")
    assert build.kernel_fingerprint(layout) == before
    (layout.root / "simulator" / "chip.py").write_text("CORES = 24\n", encoding="utf-8")
    assert build.kernel_fingerprint(layout) != before


def test_a_second_build_does_nothing(rendered: build.Layout) -> None:
    """The first call builds, the second finds the site current, a change builds again."""
    assert build.build(rendered, QUIET) is True
    assert build.build(rendered, QUIET) is False
    (rendered.book / "index.md").write_text("# Changed\n", encoding="utf-8")
    assert build.build(rendered, QUIET) is True


def test_a_site_without_its_first_page_is_built_again(rendered: build.Layout) -> None:
    """A stamp alone is no site."""
    build.build(rendered, QUIET)
    (rendered.site / "index.html").unlink()
    assert build.build(rendered, QUIET) is True


def test_executed_cells_are_forgotten_with_the_simulator(layout: build.Layout) -> None:
    """The cache of outputs goes when what the cells ran on is different, and stays when it is not."""
    layout.work.mkdir(parents=True)
    cache = layout.work / "_build" / ".jupyter_cache"
    build.forget_stale_outputs(layout)
    cache.mkdir(parents=True)
    build.forget_stale_outputs(layout)
    assert cache.is_dir()
    (layout.root / "simulator" / "chip.py").write_text("CORES = 24\n", encoding="utf-8")
    build.forget_stale_outputs(layout)
    assert not cache.exists()


# --- what a build publishes -----------------------------------------------------------------------


def test_publishes_the_pages_and_what_they_load(rendered: build.Layout) -> None:
    """The site holds the rendered pages and the vendored files, and nothing of the workshop."""
    publish_earlier(rendered)
    (rendered.vendored / "mathjax").mkdir()
    (rendered.vendored / "mathjax" / "tex.js").write_text("//", encoding="utf-8")
    (rendered.vendored / ".complete").write_text("x", encoding="utf-8")
    build.build(rendered, QUIET)
    assert (rendered.site / "index.html").read_text(encoding="utf-8") == "<p>new</p>"
    assert (rendered.site / "vendor" / "mathjax" / "tex.js").is_file()
    assert not (rendered.site / "vendor" / ".complete").exists()
    assert sorted(path.name for path in rendered.build.glob(".site*")) == []


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        "<img alt='' src='http://pictures.example/p.png'>",
        '<style>@import url("https://fonts.example/b.css")</style>',
    ],
)
def test_refuses_a_page_that_asks_another_host(tmp_path: Path, page: str) -> None:
    """A script, style, font or picture from elsewhere is an error that names the page."""
    (tmp_path / "part1").mkdir()
    (tmp_path / "part1" / "bad.html").write_text(page, encoding="utf-8")
    with pytest.raises(build.ForeignHostError, match=r"part1.bad\.html: asks another host"):
        build.refuse_foreign_hosts(tmp_path)


def test_links_to_other_hosts_are_allowed(tmp_path: Path) -> None:
    """A link that the reader may click is not a request."""
    (tmp_path / "good.html").write_text('<a href="https://example.org">source</a>', encoding="utf-8")
    build.refuse_foreign_hosts(tmp_path)


# --- what fails, and what stays -------------------------------------------------------------------


def test_a_failed_build_leaves_the_earlier_site(
    rendered: build.Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, one line with page and reason, and the site of yesterday is as it was."""
    index = publish_earlier(rendered)
    said = f"{rendered.book}/part1/a.md:12: WARNING: 'myst' cross-reference target not found: 'x' [myst.xref]"
    monkeypatch.setattr(build, "run_jupyter_book", always((1, said)))
    assert build.main(rendered.root) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "book/part1/a.md:12: 'myst' cross-reference target not found: 'x' [myst.xref]" in shown
    assert index.read_text(encoding="utf-8") == "<p>earlier</p>"


def test_a_failed_cell_names_the_page_and_the_errors_last_line(layout: build.Layout) -> None:
    """The author reads which page, what was raised, and what to do, without opening a log."""
    report = layout.work / "_build" / "html" / "reports" / "part1" / "a.err.log"
    report.parent.mkdir(parents=True)
    report.write_text("Traceback\n\x1b[31mZeroDivisionError\x1b[39m: division by zero\n\n", encoding="utf-8")
    said = (
        f"{layout.book}/part1/a.md: WARNING: Executing notebook failed: CellExecutionError [mystnb.exec]\n"
        f"{layout.book}/part1/a.md: WARNING: Notebook exception traceback saved in: {report} [mystnb.exec]\n"
    )
    [fault] = build.faults(layout, said)
    assert fault.startswith("book/part1/a.md: a cell failed: ZeroDivisionError: division by zero. Correct")
    assert "raises-exception" in fault


def test_each_fault_is_told_once(layout: build.Layout) -> None:
    """The same warning repeated is one line; two different ones are two."""
    said = (
        "x.md:1: WARNING: a\nx.md:1: WARNING: a\nreading sources... [ 50%] y\nx.md:2: ERROR: b\nWARNING: c\n"
    )
    assert build.faults(layout, said) == ["x.md:1: a", "x.md:2: b", "book: c"]


def test_a_crash_without_a_warning_still_says_something(
    rendered: build.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Jupyter Book dies, the page it was at, the error and the place of the whole log are told."""
    said = (
        "reading sources... [ 25%] part1/a\nTraceback\n  x\nnb.DeadKernelError: Kernel died\nRuntimeError:\n"
    )
    monkeypatch.setattr(build, "run_jupyter_book", always((3, said)))
    told = r"at the page part1/a with exit code 3: nb\.DeadKernelError: Kernel died\. .*build\.log"
    with pytest.raises(build.PageError, match=told):
        build.build(rendered, QUIET)


def test_success_without_a_first_page_is_a_failure(
    rendered: build.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exit code of 0 is not believed when there is no site."""
    monkeypatch.setattr(build, "run_jupyter_book", always((0, "nothing to do")))
    with pytest.raises(build.PageError, match="nothing to do"):
        build.build(rendered, QUIET)


def test_missing_jupyter_book_says_what_to_install(
    rendered: build.Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Jupyter Book: one line that names it and the command, exit code 1."""
    monkeypatch.setattr("importlib.util.find_spec", always(None))
    assert build.main(rendered.root) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "jupyter-book is not installed" in shown
    assert "pip install -r requirements.txt" in shown


def test_a_folder_that_cannot_be_written_is_named(
    layout: build.Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where build/book refuses: one line with the folder and the way out, exit code 1."""
    layout.work.write_text("a file in the way", encoding="utf-8")
    assert build.main(layout.root) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert str(layout.work) in shown
    assert "cannot be written" in shown


def test_a_site_that_cannot_be_replaced_stays(
    rendered: build.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the last step fails half-way, the earlier site is put back."""
    index = publish_earlier(rendered)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "site" and self.parent.name.startswith(".site-"):
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(build.NotWritableError, match="cannot be replaced"):
        build.build(rendered, QUIET)
    assert index.read_text(encoding="utf-8") == "<p>earlier</p>"


# --- the real thing, small ------------------------------------------------------------------------

CONFIG = "title: T\nexecute:\n  execute_notebooks: cache\n"
HEADER = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3}
---
"""


@pytest.mark.slow
def test_jupyter_book_runs_the_cells(layout: build.Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's cells run in the build; one that fails is told with its error, and so is a broken link."""
    monkeypatch.setattr(build, "vendor", always(value=False))
    (layout.book / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (layout.book / "_toc.yml").write_text("format: jb-book\nroot: index\n", encoding="utf-8")
    page = layout.book / "index.md"
    page.write_text(f"{HEADER}# Page\n\n```{{code-cell}}\nprint(6 * 7)\n```\n", encoding="utf-8")
    build.build(layout, QUIET)
    good = (layout.site / "index.html").read_text(encoding="utf-8")
    assert "42" in good
    page.write_text(f"{HEADER}# Page\n\n[to](nowhere.md)\n\n```{{code-cell}}\n1 / 0\n```\n", encoding="utf-8")
    with pytest.raises(build.PageError) as caught:
        build.build(layout, QUIET)
    lines = str(caught.value).splitlines()
    assert any("book/index.md: a cell failed: ZeroDivisionError: division by zero" in line for line in lines)
    assert any("nowhere.md" in line for line in lines)
    assert (layout.site / "index.html").read_text(encoding="utf-8") == good
