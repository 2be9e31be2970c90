"""Which dotted name an expression stands for, seen through imports and aliases."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst
from libcst.metadata import ImportAssignment, Scope


class Resolved(NamedTuple):
    """A dotted expression whose root was imported.

    For `amp.autocast` after `from torch.cuda import amp`: name `torch.cuda.amp.autocast`,
    root `amp`, bound `torch.cuda.amp`.
    """

    name: str
    root: str
    bound: str


def dotted(node: cst.BaseExpression) -> str | None:
    """`a.b.c` of a chain of plain names; None for anything else."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


def expression(name: str) -> cst.Name | cst.Attribute:
    """The expression `a.b.c`."""
    first, *rest = name.split(".")
    node: cst.Name | cst.Attribute = cst.Name(first)
    for part in rest:
        node = cst.Attribute(node, cst.Name(part))
    return node


def resolve(node: cst.Name | cst.Attribute, scope: Scope | None) -> Resolved | None:
    """The imported name that a chain stands for; None where its root is a variable of the file."""
    text = dotted(node)
    if text is None or scope is None:
        return None
    root, _, rest = text.partition(".")
    for assignment in scope[root]:
        if isinstance(assignment, ImportAssignment):
            bound = min((n.name for n in assignment.get_qualified_names_for(root)), default=None)
            if bound is not None:
                return Resolved(f"{bound}.{rest}" if rest else bound, root, bound)
    return None
