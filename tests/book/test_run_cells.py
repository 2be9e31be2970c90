"""The pages' cells: run side by side before the pages are read, once, into the cache that MyST-NB reads."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_cache import get_cache
from jupyter_cache.executors.utils import ExecutionResult
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import MdParserConfig
from nbclient.exceptions import CellTimeoutError, DeadKernelError

# isort: split
import run_cells

if TYPE_CHECKING:
    from collections.abc import Callable

APP: Any = None
PAGE = """---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  name: python3
---

# Page

```{{code-cell}} ipython3
{code}
```
"""


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Any]:
    """A function that writes pages with one cell each, and returns Sphinx's environment for them."""

    def write(**pages: str) -> Any:
        for name, code in pages.items():
            (tmp_path / f"{name}.md").write_text(PAGE.format(code=code), encoding="utf-8")
        return SimpleNamespace(
            srcdir=str(tmp_path),
            doc2path=lambda name: str(tmp_path / f"{name}.md"),
            myst_config=MdParserConfig(),
            mystnb_config=NbParserConfig(
                execution_mode="cache", execution_cache_path=str(tmp_path / "cache")
            ),
        )

    return write


def outputs(env: Any, name: str) -> list[str] | None:
    """What the cells of a page printed, from the cache; None where it is not in it."""
    notebook = run_cells.read_notebook(env, Path(env.doc2path(name)))
    try:
        _, found = get_cache(env.mystnb_config.execution_cache_path).merge_match_into_notebook(notebook)
    except KeyError:
        return None
    return [output["text"] for cell in found.cells if cell.cell_type == "code" for output in cell.outputs]


def done(notebook: Any, error: Any = None) -> ExecutionResult:
    """A run that took no time."""
    return ExecutionResult(notebook, "", 0.0, error, error and "traceback")


@pytest.mark.slow
def test_what_a_cell_prints_is_in_the_cache(book: Callable[..., Any]) -> None:
    """Cells run in kernels of their own, in the page's folder; one that fails is left to MyST-NB."""
    env = book(
        good="import pathlib; print(2 + 2, pathlib.Path('good.md').is_file())", bad="raise ValueError(1)"
    )
    run_cells.run_cells(APP, env, ["good", "bad"])
    assert outputs(env, "good") == ["4 True\n"]
    assert outputs(env, "bad") is None


def test_pages_run_side_by_side(book: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """On two cores, two pages are at work at the same time."""
    meeting = threading.Barrier(2, timeout=30)

    def run(path: Path, notebook: Any, env: Any) -> ExecutionResult:
        del path, env
        meeting.wait()
        return done(notebook)

    monkeypatch.setattr(run_cells, "run", run)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    env = book(a="1", b="2", c="3", d="4")
    run_cells.run_cells(APP, env, ["a", "b", "c", "d"])
    assert None not in [outputs(env, name) for name in "abcd"]


def test_a_page_runs_again_when_its_cells_change(
    book: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time nothing runs; words may change; with other code only that page runs."""
    ran: list[str] = []

    def run(path: Path, notebook: Any, env: Any) -> ExecutionResult:
        del env
        ran.append(path.stem)
        return done(notebook)

    monkeypatch.setattr(run_cells, "run", run)
    env = book(a="1", b="2")
    run_cells.run_cells(APP, env, ["a", "b"])
    assert sorted(ran) == ["a", "b"]
    path = Path(env.doc2path("a"))
    path.write_text(path.read_text(encoding="utf-8") + "\nMore words.\n", encoding="utf-8")
    run_cells.run_cells(APP, env, ["a", "b"])
    assert sorted(ran) == ["a", "b"]
    book(b="3")
    run_cells.run_cells(APP, env, ["a", "b"])
    assert sorted(ran) == ["a", "b", "b"]


@pytest.mark.parametrize("error", [CellTimeoutError("late"), DeadKernelError("dead")])
def test_one_bad_page_does_not_cost_the_others(
    book: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A kernel that dies or a cell without end leaves the outputs of all other pages in the cache."""

    def run(path: Path, notebook: Any, env: Any) -> ExecutionResult:
        del env
        if path.stem != "bad":
            return done(notebook)
        if isinstance(error, DeadKernelError):
            raise error
        return done(notebook, error)

    monkeypatch.setattr(run_cells, "run", run)
    env = book(a="1", bad="2", c="3")
    run_cells.run_cells(APP, env, ["a", "bad", "c"])
    assert [outputs(env, name) is None for name in ("a", "bad", "c")] == [False, True, False]


def test_a_page_without_a_notebooks_header_has_no_cells(book: Callable[..., Any]) -> None:
    """Plain text, as the glossary is, starts no kernel."""
    env = book()
    Path(env.doc2path("plain")).write_text("# Plain\n", encoding="utf-8")
    run_cells.run_cells(APP, env, ["plain"])
    assert run_cells.read_notebook(env, Path(env.doc2path("plain"))) is None
