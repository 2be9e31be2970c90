"""Run the pages' cells before Sphinx reads the pages, as many pages side by side as there are cores.

MyST-NB runs one page after the other while it reads them. Here the same cells are run in the same way, and
put where MyST-NB looks for them: into its cache of executed notebooks.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from nbclient.exceptions import DeadKernelError
from sphinx.util import logging
from sphinx.util.display import progress_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_cache.cache.main import JupyterCacheBase
    from jupyter_cache.executors.utils import ExecutionResult
    from nbformat import NotebookNode
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

LOG = logging.getLogger(__name__)


def read_notebook(env: BuildEnvironment, path: Path) -> NotebookNode | None:
    """Return the page as a notebook, exactly as MyST-NB will read it; None for one without cells."""
    settings: Any = env
    text = path.read_text(encoding="utf-8-sig")
    reader = create_nb_reader(str(path), settings.myst_config, settings.mystnb_config, text)
    notebook: NotebookNode | None = reader and reader.read(text)
    return notebook


def not_yet_run(
    env: BuildEnvironment, cache: JupyterCacheBase, docnames: Iterable[str]
) -> dict[Path, NotebookNode]:
    """Return the notebooks among the pages whose outputs are not in the cache, the longest source first."""
    found = {}
    for path in sorted(map(Path, map(env.doc2path, docnames)), key=lambda path: -path.stat().st_size):
        notebook = read_notebook(env, path)
        if notebook is None:
            continue
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            found[path] = notebook
    return found


def run(path: Path, notebook: NotebookNode, env: BuildEnvironment) -> ExecutionResult:
    """Run a page's cells in a kernel of its own, in the folder of the page."""
    settings: Any = env
    config = settings.mystnb_config
    return single_nb_execution(
        notebook,
        cwd=str(path.parent.absolute()),
        allow_errors=config.execution_allow_errors,
        timeout=config.execution_timeout,
    )


def run_cells(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Run what has not been run yet. A page that fails is left to MyST-NB, which runs it again and tells."""
    del app
    settings: Any = env
    cache = get_cache(settings.mystnb_config.execution_cache_path)
    waiting = not_yet_run(env, cache, docnames)
    if not waiting:
        return
    with (
        progress_message(f"running the cells of {len(waiting)} pages"),
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        runs = {pool.submit(run, path, notebook, env): path for path, notebook in waiting.items()}
        for count, future in enumerate(as_completed(runs), 1):
            path = runs[future]
            name = path.relative_to(env.srcdir).with_suffix("").as_posix()
            try:
                result = future.result()
            except DeadKernelError:
                continue
            # build.py reads this line
            LOG.info("running cells... [%3d%%] %s (%.1f s)", 100 * count // len(runs), name, result.time)
            if result.err is None:
                cache.cache_notebook_bundle(
                    CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time}),
                    check_validity=False,
                    overwrite=True,
                )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", run_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
