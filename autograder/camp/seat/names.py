"""Which names a cell makes and which it takes from others, read from its text.

A cell whose text hides what it does (`exec`, a star import) may make more: this explains, and never decides.
"""

from __future__ import annotations

import builtins
import functools
import symtable
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALWAYS = frozenset(vars(builtins)) | {"get_ipython", "In", "Out", "exit", "quit", "display"}


@functools.lru_cache(maxsize=2048)
def made(source: str) -> frozenset[str]:
    """The global names that a cell binds when it runs."""
    top = _table(source)
    if top is None:
        return frozenset()
    names = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    for table in _below(top):
        names |= {s.get_name() for s in table.get_symbols() if s.is_declared_global() and s.is_assigned()}
    return frozenset(names)


@functools.lru_cache(maxsize=2048)
def taken(source: str) -> frozenset[str]:
    """The global names that a cell reads and does not make itself, in its functions as well; no builtins."""
    top = _table(source)
    if top is None:
        return frozenset()
    names = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    for table in _below(top):
        names |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return frozenset(names - made(source) - _ALWAYS)


def _table(source: str) -> symtable.SymbolTable | None:
    """The names of a cell, by scope; None where it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return symtable.symtable(_plain(source), "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _plain(source: str) -> str:
    """A cell without IPython's magics."""
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _below(child)
