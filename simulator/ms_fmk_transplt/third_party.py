"""Analysis of a library: which functions call, directly or through others, what an NPU does not have."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider, ScopeProvider

from ms_fmk_transplt import reports
from ms_fmk_transplt.convert import CUDA
from ms_fmk_transplt.errors import ApiFileError
from ms_fmk_transplt.findings import Lines
from ms_fmk_transplt.names import dotted, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ms_fmk_transplt.rules import Rules

COLUMNS = ("File", "Start Line", "End Line", "OP", "Tips")


@dataclass
class Function:
    """A function of the library and what it calls."""

    file: str
    where: Lines
    name: str
    calls: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)  # API that an NPU lacks -> what to do
    unknown: dict[str, str] = field(default_factory=dict)
    cuda: set[str] = field(default_factory=set)


class _Collect(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider, ScopeProvider)

    def __init__(self, module: str, file: str, rules: Rules) -> None:
        super().__init__()
        self.module, self.file, self.rules = module, file, rules
        self.functions: list[Function] = []
        self._path: list[str] = []
        self._open: list[Function] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._path.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:  # noqa: ARG002 (the library's signature)
        self._path.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        place = self.get_metadata(PositionProvider, node)
        self._path.append(node.name.value)
        name = ".".join([self.module, *self._path])
        function = Function(self.file, Lines(place.start.line, place.end.line), name)
        self.functions.append(function)
        self._open.append(function)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: ARG002
        self._path.pop()
        self._open.pop()

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        if dotted(node) is None:
            return True
        self._use(node)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self._use(node)

    def visit_Call(self, node: cst.Call) -> None:
        function = node.func
        if self._open and isinstance(function, cst.Attribute) and function.attr.value in self.rules.methods:
            self._open[-1].cuda.add(f"torch.Tensor.{function.attr.value}")

    def _use(self, node: cst.Name | cst.Attribute) -> None:
        if not self._open:
            return
        root: cst.BaseExpression = node
        while isinstance(root, cst.Attribute):
            root = root.value
        found = resolve(node, self.get_metadata(ScopeProvider, root, None))
        text = dotted(node) or ""
        function = self._open[-1]
        if found is None:
            if text.startswith("self.") and len(self._path) > 1:
                text = ".".join([*self._path[:-1], text.removeprefix("self.")])
            function.calls.add(f"{self.module}.{text}")
            return
        name = _absolute(found.name, self.module)
        function.calls.add(name)
        if (tip := self.rules.unsupported.get(name)) is not None:
            function.missing[name] = tip
        if (tip := self.rules.unknown.get(name)) is not None:
            function.unknown[name] = tip
        if CUDA.match(name):
            function.cuda.add(name)


def _absolute(name: str, module: str) -> str:
    """A relative import (`.ops.nms`) as a name from the library's root."""
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    parts = module.split(".")
    return ".".join([*parts[: len(parts) - dots], name.lstrip(".")])


def collect(path: Path, module: str, file: str, rules: Rules) -> list[Function]:
    """The functions of one file.

    Raises:
        libcst.ParserSyntaxError, UnicodeDecodeError, SyntaxError: it is no Python 3.
    """
    visitor = _Collect(module, file, rules)
    MetadataWrapper(cst.parse_module(path.read_bytes()), unsafe_skip_copy=True).visit(visitor)
    return visitor.functions


def spread(functions: Sequence[Function]) -> dict[str, str]:
    """The functions that do not run on an NPU, each with the reason.

    A function that calls one of them is one of them; found by repeating until nothing is added.
    """
    reasons = {
        f.name: "; ".join(f"{api}: {tip}" for api, tip in f.missing.items()) for f in functions if f.missing
    }
    fresh = True
    while fresh:
        fresh = False
        for function in functions:
            through = sorted(function.calls & set(reasons) - {function.name})
            if function.name not in reasons and through:
                reasons[function.name] = f"calls {through[0]}, which does not run on an NPU"
                fresh = True
    return reasons


def write(folder: Path, functions: Sequence[Function]) -> dict[str, int]:
    """Write the five lists of the mode third_party. Returns the rows of each."""
    reasons = spread(functions)
    direct = [(f.file, *f.where[:2], f.name, reasons[f.name]) for f in functions if f.missing]
    full = [(f.file, *f.where[:2], f.name, reasons[f.name]) for f in functions if f.name in reasons]
    needed = [
        (
            f.file,
            *f.where[:2],
            f.name,
            "can be converted with pytorch_gpu2npu.sh: " + ", ".join(sorted(f.cuda)),
        )
        for f in functions
        if f.cuda and f.name not in reasons
    ]
    unsure = [
        (f.file, *f.where[:2], f.name, f"{api}: {tip}") for f in functions for api, tip in f.unknown.items()
    ]
    cuda = sorted({(f.file, api) for f in functions for api in f.cuda})
    return {
        "cuda_op.csv": reports.write(folder / "cuda_op.csv", reports.CUDA, cuda),
        "framework_unsupported_op.csv": reports.write(
            folder / "framework_unsupported_op.csv", COLUMNS, direct
        ),
        "full_unsupported_results.csv": reports.write(folder / "full_unsupported_results.csv", COLUMNS, full),
        "migration_needed_op.csv": reports.write(folder / "migration_needed_op.csv", COLUMNS, needed),
        "unknown_op.csv": reports.write(folder / "unknown_op.csv", COLUMNS, unsure),
    }


def read(path: Path) -> frozenset[str]:
    """The functions that an earlier analysis of a library found unsupported (`-api`).

    Raises:
        ApiFileError: the file cannot be read or is no such list.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ApiFileError(f"-api '{path}' cannot be read: {error}") from None
    if not rows or "OP" not in rows[0]:
        raise ApiFileError(
            f"-api '{path}' has no column OP; give full_unsupported_results.csv of a third_party analysis"
        )
    return frozenset(row["OP"] for row in rows if row["OP"])
