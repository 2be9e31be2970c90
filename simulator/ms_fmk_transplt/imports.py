"""Import statements: rewriting those of CUDA, adding that of torch_npu."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from ms_fmk_transplt.names import dotted, expression

if TYPE_CHECKING:
    from collections.abc import Callable


def rewrite_import(
    line: cst.SimpleStatementLine, rename: Callable[[str], str]
) -> list[cst.SimpleStatementLine] | None:
    """The lines that an import becomes; None where no rule touches it.

    Args:
        line: any statement.
        rename: gives the new spelling of a dotted name.
    """
    if len(line.body) != 1:
        return None
    statement = line.body[0]
    if isinstance(statement, cst.Import):
        new = _plain(statement, rename)
        return None if new is None else [line.with_changes(body=[new])]
    if isinstance(statement, cst.ImportFrom) and statement.module is not None and not statement.relative:
        return _from(line, statement, rename)
    return None


def _plain(statement: cst.Import, rename: Callable[[str], str]) -> cst.Import | None:
    """`import torch.cuda.amp as amp`; without `as` it binds `torch`, which stays."""
    names: list[cst.ImportAlias] = []
    changed = False
    for alias in statement.names:
        old = dotted(alias.name) or ""
        new = rename(old)
        if new == old:
            names.append(alias)
            continue
        changed = True
        if alias.asname is not None:
            names.append(alias.with_changes(name=expression(new)))
        elif not any(dotted(kept.name) == "torch" for kept in statement.names):
            names.append(alias.with_changes(name=cst.Name("torch")))
    if not changed or not names:
        return None
    names[-1] = names[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return statement.with_changes(names=names)


def _from(
    line: cst.SimpleStatementLine, statement: cst.ImportFrom, rename: Callable[[str], str]
) -> list[cst.SimpleStatementLine] | None:
    module = dotted(statement.module) if statement.module is not None else None
    if module is None:
        return None
    if isinstance(statement.names, cst.ImportStar):
        new = rename(module)
        return None if new == module else [_with_module(line, statement, new)]
    groups: dict[str, list[cst.ImportAlias]] = {}
    for alias in statement.names:
        name = dotted(alias.name) or ""
        parent, _, last = rename(f"{module}.{name}").rpartition(".")
        renamed = alias
        if last != name:  # `from torch import cuda`: the file goes on saying `cuda`
            asname = alias.asname or cst.AsName(cst.Name(name))
            renamed = alias.with_changes(name=cst.Name(last), asname=asname)
        groups.setdefault(parent, []).append(renamed)
    if set(groups) == {module}:
        return None
    if len(groups) == 1:
        (parent, aliases), *_ = groups.items()
        return [_with_module(line, statement.with_changes(names=aliases), parent)]
    return _split(line, statement, groups)


def _split(
    line: cst.SimpleStatementLine, statement: cst.ImportFrom, groups: dict[str, list[cst.ImportAlias]]
) -> list[cst.SimpleStatementLine]:
    lines: list[cst.SimpleStatementLine] = []
    for parent, aliases in groups.items():
        names = [*aliases[:-1], aliases[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
        plain = statement.with_changes(names=names, lpar=None, rpar=None, module=expression(parent))
        lines.append(line.with_changes(body=[plain]) if not lines else cst.SimpleStatementLine([plain]))
    return lines


def _with_module(
    line: cst.SimpleStatementLine, statement: cst.ImportFrom, module: str
) -> cst.SimpleStatementLine:
    return line.with_changes(body=[statement.with_changes(module=expression(module))])


def _imports(line: cst.BaseStatement, root: str) -> bool:
    """Whether a top-level statement imports `root` or something of it."""
    if not isinstance(line, cst.SimpleStatementLine):
        return False
    for statement in line.body:
        if isinstance(statement, cst.Import):
            names = [dotted(alias.name) or "" for alias in statement.names]
        elif (
            isinstance(statement, cst.ImportFrom) and statement.module is not None and not statement.relative
        ):
            names = [dotted(statement.module) or ""]
        else:
            continue
        if any(name == root or name.startswith(f"{root}.") for name in names):
            return True
    return False


def imports_of(module: cst.Module, root: str) -> bool:
    """Whether the module imports `root`, or something of it, at its outermost level."""
    return any(_imports(line, root) for line in module.body)


def is_imported(module: cst.Module, name: str) -> bool:
    """Whether the module says `import <name>` at its top level."""
    return any(
        isinstance(statement, cst.Import)
        and any(dotted(a.name) == name and a.asname is None for a in statement.names)
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for statement in line.body
    )


def import_place(module: cst.Module) -> int:
    """How many top-level statements come before an added import.

    Those up to the first import of torch, else docstring and `__future__`.
    """
    place = next((i + 1 for i, line in enumerate(module.body) if _imports(line, "torch")), None)
    if place is not None:
        return place
    place = 1 if module.get_docstring() is not None else 0
    for number, line in enumerate(module.body):
        if _imports(line, "__future__"):
            place = number + 1
    return place


def insert_import(module: cst.Module, code: str) -> cst.Module:
    """Insert lines of code after the first import of torch, or after docstring and `__future__`."""
    place = import_place(module)
    added = cst.parse_module(f"{code}\n", config=module.config_for_parsing).body
    return module.with_changes(body=[*module.body[:place], *added, *module.body[place:]])
