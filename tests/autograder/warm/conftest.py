"""Kernels in a sandbox, for the tests of this folder."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import nbformat.v4
import pytest
from camp.warm import Backend, Limits, SandboxError, isolation
from camp.warm.client import WarmNotebookClient, client_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 60
"""A machine under load is slow; no test waits this long unless it fails."""


class Running:
    """A notebook client with its kernel running."""

    def __init__(self, client: WarmNotebookClient) -> None:
        self.client = client

    def run(self, source: str) -> str:
        """Run a cell; return what it printed, and its error as `name: message`."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.execute_cell(cell, 0, store_history=False)
        text = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")
        errors = [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]
        return "\n".join([text, *errors]).strip()

    @property
    def provisioner(self) -> Any:
        """What launched the kernel."""
        return self.client.km.provisioner

    @property
    def pid(self) -> int:
        """The process id of the keeper, on this side."""
        return int(self.provisioner.pid)


BACKENDS = (Backend.NAMESPACES, Backend.BUBBLEWRAP, Backend.LANDLOCK)
Warm = "Callable[..., contextlib.AbstractContextManager[Running]]"


@contextlib.contextmanager
def started(environment: dict[str, str] | None = None, **options: Any) -> Iterator[Running]:
    """A kernel with these options of `client_options`."""
    chosen = client_options(**options)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
    client = WarmNotebookClient(notebook, timeout=SECONDS, allow_errors=True, **chosen)
    with client.setup_kernel(env=os.environ.copy() if environment is None else environment):
        yield Running(client)


def _reason(backend: Backend) -> str:
    """Why a back end cannot be tested here; empty when it can."""
    found = isolation(backend)
    return "" if found.backend is backend else str(found)


@pytest.fixture(scope="session")
def refusals() -> dict[Backend, str]:
    """For each back end, why this machine refuses it; empty when it does not."""
    return {backend: _reason(backend) for backend in BACKENDS}


@pytest.fixture(params=BACKENDS)
def backend(request, refusals) -> Backend:
    """Each back end in turn; one that this machine refuses is skipped with its reason."""
    if refusals[request.param]:
        pytest.skip(refusals[request.param])
    return request.param


@pytest.fixture
def warm(backend) -> Callable[..., contextlib.AbstractContextManager[Running]]:
    """Starts kernels in each back end in turn."""

    def start(limits: Limits | None = None, **options: Any) -> Any:
        return started(limits=limits, backend=backend, **options)

    return start


@pytest.fixture(scope="session")
def any_backend() -> None:
    """For tests that need a sandbox, whichever."""
    found = isolation()
    if not found.safe:
        pytest.skip(str(found))


__all__ = ["SECONDS", "Running", "SandboxError", "started"]
