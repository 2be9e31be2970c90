"""What of an operator's schema a kernel has to know: where tensors are, which are written or returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch._ops import OpOverload

ONE = 1  # Tensor or Tensor?
MANY = 2  # Tensor[] or Tensor?[]
_KINDS = {
    "Tensor": ONE,
    "Optional[Tensor]": ONE,
    "List[Tensor]": MANY,
    "List[Optional[Tensor]]": MANY,
    "Optional[List[Tensor]]": MANY,
}


class Signature(NamedTuple):
    """The places of an operator's arguments and returns that concern a kernel.

    Attributes:
        tensors: positions of Tensor and Tensor? arguments.
        lists: positions of Tensor[] and Tensor?[] arguments.
        keywords: keyword-only arguments that hold tensors, with their kind.
        written: names of arguments that the operator writes (Tensor(a!)).
        names: names of the positional arguments.
        keyword_names: names of the keyword-only arguments.
        returns: for each return the argument it gives back, or None for a new value.
        view: whether a return shares memory with an argument that is not written.
    """

    tensors: tuple[int, ...]
    lists: tuple[int, ...]
    keywords: tuple[tuple[str, int], ...]
    written: frozenset[str]
    names: tuple[str, ...]
    keyword_names: frozenset[str]
    returns: tuple[str | None, ...]
    view: bool

    @property
    def out(self) -> bool:
        """Whether it writes to keyword arguments (`out=`)."""
        return bool(self.written & self.keyword_names)


def signature(overload: OpOverload) -> Signature:
    """Reads an operator's schema."""
    schema = overload._schema
    positional = [a for a in schema.arguments if not a.kwarg_only]
    keyword = [a for a in schema.arguments if a.kwarg_only]
    kinds = [_KINDS.get(str(a.type)) for a in positional]
    by_alias = {
        name: a.name
        for a in schema.arguments
        if a.alias_info is not None and a.alias_info.is_write
        for name in a.alias_info.before_set
    }
    returns: list[str | None] = []
    view = False
    for r in schema.returns:
        if r.alias_info is None:
            returns.append(None)
        elif r.alias_info.is_write:
            returns.append(next((by_alias[n] for n in r.alias_info.before_set if n in by_alias), None))
        else:
            view = True
            returns.append(None)
    return Signature(
        tensors=tuple(i for i, kind in enumerate(kinds) if kind == ONE),
        lists=tuple(i for i, kind in enumerate(kinds) if kind == MANY),
        keywords=tuple((a.name, _KINDS[str(a.type)]) for a in keyword if str(a.type) in _KINDS),
        written=frozenset(
            a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write
        ),
        names=tuple(a.name for a in positional),
        keyword_names=frozenset(a.name for a in keyword),
        returns=tuple(returns),
        view=view,
    )
