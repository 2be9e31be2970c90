"""Build the book: `.venv/bin/python book/build.py` puts the finished site at `build/site/index.html`.

Every page is executed, any warning is an error, and the site replaces an earlier one only when all
of it is good. When nothing that the site depends on has changed, the run ends at once.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from vendor import VendorError, vendor

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".built-from"
# The distributions whose version shows in a page or changes how it is made.
DISTRIBUTIONS = (
    "ipywidgets",
    "jupyter-book",
    "matplotlib",
    "myst-nb",
    "numpy",
    "pydata-sphinx-theme",
    "sphinx",
    "sphinx-book-theme",
    "sphinxcontrib-mermaid",
    "torch",
)
GRADER_SHOWN = ("policy.py", "similar/tokens.py", "verdict.py")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WARNING = re.compile(r"^(?:(?P<place>\S.*?): )?(?:WARNING|ERROR|CRITICAL|SEVERE): (?P<text>.*)$")
ERROR_LINE = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b")
PROGRESS = re.compile(
    r"^(?P<what>running cells|reading sources|writing output)\.\.\. \[\s*(?P<percent>\d+)%\] (?P<page>\S+)"
)
FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\s(?:src|data)=[\"'](?:https?:)?//[^\"']+"
    r"|<link\b[^>]*?\shref=[\"'](?:https?:)?//[^\"']+"
    r"|@import\s+(?:url\()?[\"']?(?:https?:)?//[^\"')]+",
    re.IGNORECASE,
)


class BookError(Exception):
    """The book could not be built; the text says why, a line for each fault."""


class MissingToolError(BookError):
    """A program that builds the book is not installed."""


class NotWritableError(BookError):
    """A folder under `build/` cannot be written."""


class PageError(BookError):
    """One or more pages are broken: a cell failed, or a link, directive or heading is wrong."""


class ForeignHostError(BookError):
    """A finished page would ask another host for something."""


@dataclass(frozen=True)
class Layout:
    """Where things are, below the root of the project."""

    root: Path

    @property
    def book(self) -> Path:
        """The sources of the pages."""
        return self.root / "book"

    @property
    def build(self) -> Path:
        """The folder of everything generated."""
        return self.root / "build"

    @property
    def site(self) -> Path:
        """The published site."""
        return self.build / "site"

    @property
    def vendored(self) -> Path:
        """The scripts and fonts fetched through npm."""
        return self.build / "vendor"

    @property
    def work(self) -> Path:
        """Where Jupyter Book works, and keeps the outputs of pages that have not changed."""
        return self.build / "book"

    @property
    def log(self) -> Path:
        """All that Jupyter Book said in the last build."""
        return self.work / "build.log"


# --- what the site depends on ---------------------------------------------------------------------


def sources(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder` that are written by hand, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield path


def versions() -> str:
    """Return the versions of Python and of the packages that make the pages."""
    found = {"python": sys.version.split()[0]}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "missing"
    return " ".join(f"{name}={version}" for name, version in found.items())


def fingerprint(root: Path, *places: Path) -> str:
    """Return a hash of the files in `places` (folders or files), and of the installed versions."""
    digest = hashlib.sha256(versions().encode())
    for path in [path for place in places for path in (sources(place) if place.is_dir() else [place])]:
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def site_fingerprint(layout: Layout) -> str:
    """Return the hash of everything that the site is made from."""
    return fingerprint(
        layout.root,
        layout.book,
        layout.root / "simulator",
        layout.root / "tests" / "simulator",  # a page says what they hold
        layout.root / "requirements.txt",
        layout.root / "exercises" / "camp.toml",  # the map and the calendars name its assignments
        layout.root / "hub" / "values.yaml",  # a page shows its limits
        *grader_shown(layout),
    )


def kernel_fingerprint(layout: Layout) -> str:
    """Return the hash of what a page's cells see besides their own text."""
    return fingerprint(
        layout.root,
        layout.book / "build.py",
        layout.book / "run_cells.py",
        layout.book / "explorables",
        layout.book / "edge_board",  # what the chapter of that name imports
        layout.root / "simulator",
        layout.root / "tests" / "simulator",
        layout.root / "hub" / "values.yaml",
        *grader_shown(layout),
    )


def grader_shown(layout: Layout) -> list[Path]:
    """Return the files of the grader that cells of the instructor's guide run."""
    return [layout.root / "autograder" / "camp" / name for name in GRADER_SHOWN]


def is_current(layout: Layout, wanted: str) -> bool:
    """Tell whether the published site was built from exactly this."""
    stamp = layout.site / STAMP
    if not (layout.site / "index.html").is_file() or not stamp.is_file():
        return False
    return stamp.read_text(encoding="utf-8") == wanted


# --- building -------------------------------------------------------------------------------------


def require_jupyter_book() -> None:
    """Check that Jupyter Book can be started.

    Raises:
        MissingToolError: it is not installed in this environment.
    """
    if importlib.util.find_spec("jupyter_book") is None:
        raise MissingToolError(
            f"jupyter-book is not installed for {sys.executable}: run `pip install -r requirements.txt`."
        )


def require_writable(layout: Layout) -> None:
    """Make the folders under `build/`, and check that files can be put there.

    Raises:
        NotWritableError: one of them refuses.
    """
    for folder in (layout.build, layout.work):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise NotWritableError(
                f"{folder} cannot be written ({error.strerror}): "
                "give yourself the right to write there, or remove the folder."
            ) from error


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Let one build at a time work under `build/`; a second one waits for the first."""
    with (layout.build / ".book.lock").open("w") as handle:
        if sys.platform != "win32":
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def forget_stale_outputs(layout: Layout) -> None:
    """Start from clean pages; keep executed cells only while what they ran on is the same."""
    inner = layout.work / "_build"
    stamp = layout.work / "kernel"
    wanted = kernel_fingerprint(layout)
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(inner / ".jupyter_cache", ignore_errors=True)
        stamp.write_text(wanted, encoding="utf-8")
    # A page that Sphinx has seen before is not looked at again: its warnings would be forgotten.
    shutil.rmtree(inner / ".doctrees", ignore_errors=True)
    shutil.rmtree(inner / "html", ignore_errors=True)


def page_environment(layout: Layout) -> dict[str, str]:
    """Return the environment of the pages' kernels: explorables can be imported, errors are shown short.

    A page shows what an error says, not our files that it passed through: IPython's mode "Minimal".
    """
    profile = layout.work / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(
        'c = get_config()\nc.InteractiveShell.xmode = "Minimal"\nc.HistoryManager.enabled = False\n',
        encoding="utf-8",
    )
    paths = [str(layout.book), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "IPYTHONDIR": str(profile.parent),
        # a page runs our commands (`!atc`) whether or not the environment was activated
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(paths),
        "TTY_COMPATIBLE": "0",  # commands print lines: no colours and no bars that move
        "PYTHONUTF8": "1",
        # pages run side by side; and sums come out the same however many cores a machine has
        "OMP_NUM_THREADS": "1",
    }


def run_jupyter_book(layout: Layout, tell: Callable[[str], None]) -> tuple[int, str]:
    """Run Jupyter Book, and tell which page it is at.

    Returns:
        Its exit code, and all that it said without colours.
    """
    command = [
        sys.executable,
        *("-c", "from jupyter_book.cli.main import main; main()", "build", str(layout.book)),
        *("--path-output", str(layout.work), "-W", "--keep-going"),
    ]
    said: list[str] = []
    with (
        layout.log.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=layout.root,
            env=page_environment(layout),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        for raw in process.stdout or ():
            for line in ANSI.sub("", raw).splitlines():
                log.write(line + "\n")
                said.append(line)
                if progress := PROGRESS.match(line):
                    tell(f"{progress['what']}: {progress['page']} ({progress['percent']} %)")
    return process.returncode, "\n".join(said)


def faults(layout: Layout, said: str) -> list[str]:
    """Turn Jupyter Book's complaints into one line each: the page, what is wrong, the way out."""
    found: dict[str, None] = {}  # in order, without repeats
    for line in said.splitlines():
        match = WARNING.match(line)
        if match is None:
            continue
        place = (match["place"] or "book").removeprefix(f"{layout.root}{os.sep}")
        text = match["text"]
        if text.startswith("Notebook exception traceback saved in:"):
            continue
        if "Executing notebook failed" in text:
            found[cell_fault(layout, place)] = None
        else:
            found[f"{place}: {text}"] = None
    return list(found)


def cell_fault(layout: Layout, page: str) -> str:
    """Say which page's cell failed, and how its error ends."""
    name = Path(page).with_suffix("").relative_to("book") if page.startswith("book") else Path(page)
    report = layout.work / "_build" / "html" / "reports" / f"{name}.err.log"
    last = "no traceback was kept"
    if report.is_file():
        lines = [line.strip() for line in ANSI.sub("", report.read_text(encoding="utf-8")).splitlines()]
        ends = [line for line in lines if ERROR_LINE.match(line)] or [line for line in lines if line]
        last = ends[-1] if ends else last
    return (
        f"{page}: a cell failed: {last.rstrip('.')}. "
        "Correct the cell; if the error is the lesson, tag the cell raises-exception."
    )


def crash(layout: Layout, code: int, said: str) -> str:
    """Say how Jupyter Book broke off, when it warned of nothing: the page it was at, and the error."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    pages = [match["page"] for line in lines if (match := PROGRESS.match(line))]
    ends = [line for line in lines if ERROR_LINE.match(line)] or lines[-1:] or ["it said nothing"]
    at = f" at the page {pages[-1]}" if pages else ""
    why = ends[0].rstrip(".")
    return f"Jupyter Book stopped{at} with exit code {code}: {why}. All it said is in {layout.log}."


def build_pages(layout: Layout, tell: Callable[[str], None]) -> Path:
    """Execute and render all pages.

    Returns:
        The folder with the rendered site.

    Raises:
        PageError: a cell failed, or Jupyter Book warned about anything.
    """
    forget_stale_outputs(layout)
    code, said = run_jupyter_book(layout, tell)
    html = layout.work / "_build" / "html"
    wrong = faults(layout, said)
    if code == 0 and not wrong and (html / "index.html").is_file():
        return html
    if not wrong:
        wrong = [crash(layout, code, said)]
    raise PageError("\n".join(wrong))


def assemble(layout: Layout, html: Path, into: Path) -> None:
    """Copy the rendered pages and the vendored files they load into the folder `into`."""
    shutil.copytree(html, into, ignore=shutil.ignore_patterns(".buildinfo", "reports", "objects.inv.tmp"))
    shutil.copytree(layout.vendored, into / "vendor", ignore=shutil.ignore_patterns(".*"))


def refuse_foreign_hosts(site: Path) -> None:
    """Check that opening a page or reading its styles asks nothing of another host.

    Raises:
        ForeignHostError: a page or a stylesheet of ours would.
    """
    pages = [*site.rglob("*.html"), *(site / "_static").rglob("*.css")]
    found = [(path, FOREIGN.search(path.read_text(encoding="utf-8", errors="replace"))) for path in pages]
    wrong = [
        f"{path.relative_to(site)}: asks another host: {match[0][:120]} "
        "Put the file into book/_static, or vendor it in book/package.json."
        for path, match in found
        if match
    ]
    if wrong:
        raise ForeignHostError("\n".join(wrong))


def publish(layout: Layout, fresh: Path) -> None:
    """Put the folder `fresh` in the place of the published site; on failure the earlier one stays."""
    earlier = layout.build / ".site-earlier"
    shutil.rmtree(earlier, ignore_errors=True)
    had_one = layout.site.exists()
    try:
        if had_one:
            layout.site.rename(earlier)
        fresh.rename(layout.site)
    except OSError as error:
        if had_one and not layout.site.exists():
            earlier.rename(layout.site)
        raise NotWritableError(
            f"{layout.site} cannot be replaced ({error.strerror}): close what holds it open."
        ) from error
    shutil.rmtree(earlier, ignore_errors=True)


@contextmanager
def step(console: Console, name: str) -> Iterator[Callable[[str], None]]:
    """Show that `name` is being done, then that it is done and how long it took."""
    started = time.monotonic()
    with console.status(f"{name} …") as status:
        yield lambda detail: status.update(f"{name} · {detail}")
    console.print(f"[green]✓[/green] {name} [dim]{time.monotonic() - started:.1f} s[/dim]", highlight=False)


def build(layout: Layout, console: Console) -> bool:
    """Build and publish the site, unless the published one is current.

    Returns:
        True if a site was built, False if there was nothing to do.

    Raises:
        BookError: it could not be built. An earlier site is as it was.
        VendorError: MathJax, mermaid or the widget manager could not be fetched. Likewise.
    """
    if is_current(layout, site_fingerprint(layout)):
        return False
    require_jupyter_book()
    require_writable(layout)
    with locked(layout):
        wanted = site_fingerprint(layout)
        if is_current(layout, wanted):  # another build was faster
            return False
        with step(console, "MathJax, mermaid, MiniSearch and the widget manager"):
            vendor(layout.book / "package.json", layout.vendored)
        with step(console, "Executing and rendering the pages") as tell:
            html = build_pages(layout, tell)
        with (
            step(console, "Publishing"),
            tempfile.TemporaryDirectory(dir=layout.build, prefix=".site-") as scratch,
        ):
            fresh = Path(scratch, "site")
            assemble(layout, html, fresh)
            refuse_foreign_hosts(fresh)
            (fresh / STAMP).write_text(wanted, encoding="utf-8")
            publish(layout, fresh)
    return True


def main(root: Path = ROOT) -> int:
    """Build the book of the checkout at `root`, and say where it is.

    Returns:
        The exit code: 0 if `build/site/index.html` is there and current, 1 if not.
    """
    layout = Layout(root)
    console = Console()
    try:
        built = build(layout, console)
    except (BookError, VendorError) as error:
        for line in str(error).splitlines():
            Console(stderr=True).print(f"[red]✗[/red] {escape(line)}", soft_wrap=True, highlight=False)
        return 1
    place = (layout.site / "index.html").relative_to(layout.root)
    console.print(f"The book is {'ready' if built else 'up to date'}: {place}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
