"""What an answer reaches for that no task asks for, seen in its text: told to the learner and the instructor.

A text can be made to say nothing of what it does, so this is no wall; the walls are the sandbox and that what
is expected never enters the kernel. It tells an instructor where to look, and costs no points: with one
exception, that a task about device time is not judged where the answer works on the simulated device itself,
which no real machine has.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from IPython.core.inputtransformer2 import TransformerManager

if TYPE_CHECKING:
    from collections.abc import Iterator

SIMULATOR = ("npusim", "_sim")
"""Names that lead into the simulated device; a learner's code for a real one has no use for them."""
_MODULES = frozenset({"ctypes", "npusim", "_ctypes", "ptrace"})
_NAMES = frozenset(
    {
        "_getframe", "_current_frames", "settrace", "setprofile", "get_objects", "get_referrers", "tb_frame",
        "f_back", "f_globals", "f_locals", "gi_frame", "cr_frame", "__code__", "__globals__", "__closure__",
        "__subclasses__", "ast_transformers", "addaudithook", "_sim",
    }
)  # fmt: skip
_TEXTS = re.compile(r"(npusim|torch_npu\._sim)(\.\w+)*|/proc/\S*|application/vnd\.cann-camp\S*")
_WORDS = re.compile(r"\b(npusim|ctypes|_getframe|_sim)\b")
_ASSIGNED = frozenset({"builtins", "torch", "json", "sys", "nn"})


def reached_for(source: str) -> list[str]:
    """Names in a cell that lead into the grader, the interpreter or the simulated device, sorted."""
    try:
        tree = _parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it is no Python, and will say so
        return sorted(set(_WORDS.findall(source)))
    return sorted({name for node in ast.walk(tree) for name in _of(node)})


def _parsed(source: str) -> ast.AST:
    """A cell as Python; what is none by itself, such as a magic, as IPython translates it."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]


def _of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (n.name for n in names if _inner(n.name))
        case ast.ImportFrom(module=str(name)) | ast.Name(id=name):
            if _inner(name):
                yield name
        case ast.Attribute(value=value, attr=attr, ctx=context):
            if attr in _NAMES:
                yield attr
            if isinstance(context, ast.Store | ast.Del) and _root(value) in _ASSIGNED:
                yield f"{ast.unparse(value)}.{attr} ="
        case ast.Constant(value=str(text)) if _TEXTS.fullmatch(text):
            yield text
        case _:
            return


def _inner(module: str) -> bool:
    return module.partition(".")[0] in _MODULES or "_sim" in module.split(".")


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def works_on_the_simulator(names: list[str]) -> bool:
    """Whether what was reached for is the simulated device itself."""
    return any(part in SIMULATOR for name in names for part in name.split("."))
