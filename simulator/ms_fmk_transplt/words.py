"""Which strings say `cuda` as a name (of an attribute, an option, a key), not as a device.

A name is spelt in several places: `parser.add_argument("--cuda")`, `args.cuda`, `getattr(args, "cuda")`.
All of them change or none does, or the program breaks. Attributes that are read (`args.cuda`) stay, so what
names them stays; methods that are called (`x.cuda()`) change, so what names those changes too.

This walks Python's own syntax tree, and only in files that have such strings.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ms_fmk_transplt.rules import Rules

Place = tuple[int, int]  # line from 1, column in characters from 0
MAY = re.compile(rb"""['"](is_)?cuda['"]|['"]nccl['"]|\bdef\s+(is_)?cuda\b|\bis_cuda\s*[:=]""")
ATTRIBUTE_OF = frozenset({"getattr", "hasattr", "setattr", "delattr"})
LOOKUPS = frozenset({"get", "pop", "setdefault"})
PROPERTIES = frozenset({"property", "cached_property", "setter", "deleter"})


@dataclass
class Words:
    """What a file's names say.

    Attributes:
        kept: where strings stand that are names and stay.
        renamed: where strings stand that name an attribute which changes, and what they become.
        fields: attributes that the file declares as fields of its classes; they stay in it.
        bound: methods of the file's own classes; `self.cuda` without a call changes with them.
    """

    kept: set[Place] = field(default_factory=set)
    renamed: dict[Place, str] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)


def read(source: bytes | str, tree: ast.AST | None, rules: Rules) -> Words:
    """Look through a file.

    Args:
        source: its text.
        tree: its syntax tree as Python's own parser gives it; None where that cannot read it.
        rules: the rules, of which strings.toml says which words may be names.
    """
    data = source.encode() if isinstance(source, str) else source
    if tree is None or not MAY.search(data):
        return Words()
    return _Reader(data, tree, rules).words


class _Reader:
    """Fills in `words`."""

    def __init__(self, data: bytes, tree: ast.AST, rules: Rules) -> None:
        self.rules = rules
        self.words = Words()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        self._lines = re.split(r"\r\n|\r|\n", data.decode(encoding, "replace"))
        self._nodes = list(ast.walk(tree))
        self._called, self._assigned = self._attributes()
        self._tables = {
            target.id
            for node in self._nodes
            if isinstance(node, ast.Assign) and (_is_table(node.value, rules) or self._is_made(node.value))
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self._mappings = {ast.unparse(node) for node in self._looked_up()} - self._tables
        for node in self._nodes:
            self._look(node)

    def _attributes(self) -> tuple[set[str], set[str]]:
        """Objects whose `cuda` is called; attributes that are assigned to."""
        called, assigned = set(), set()
        for node in self._nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in self.rules.methods:
                    called.add(ast.unparse(node.func.value))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                assigned.add(node.attr)
        return called, assigned

    def _looked_up(self) -> Iterator[ast.expr]:
        """What the file takes entries called `cuda` from."""
        for node in self._nodes:
            if isinstance(node, ast.Subscript) and self._is_word(node.slice):
                yield node.value
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LOOKUPS
                and node.args
                and self._is_word(node.args[0])
            ):
                yield node.func.value

    def _is_word(self, node: ast.AST | None) -> bool:
        return isinstance(node, ast.Constant) and node.value in self.rules.names

    def _is_made(self, node: ast.expr) -> bool:
        """Whether a dictionary is made for each of some devices."""
        return isinstance(node, ast.DictComp) and any(
            self._is_word(inner) for part in node.generators for inner in ast.walk(part.iter)
        )

    def _keep(self, *nodes: ast.expr | None) -> None:
        for node in nodes:
            if isinstance(node, ast.Tuple | ast.List):
                self._keep(*node.elts)
            elif node is not None and self._is_word(node) and self._place(node) not in self.words.renamed:
                self.words.kept.add(self._place(node))

    def _place(self, node: ast.expr) -> Place:
        before = self._lines[node.lineno - 1].encode()[: node.col_offset]  # Python counts bytes of UTF-8
        return node.lineno, len(before.decode("utf-8", "replace"))

    def _look(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            self._contained(node.left, node.comparators[0])
        else:
            self._keep(*self._names_in(node))

    def _names_in(self, node: ast.AST) -> Sequence[ast.expr | None]:
        """Parts of a node that are names if they are words: keys, parts of a path, lists of names."""
        if isinstance(node, ast.Subscript) and not self._is_device_table(node.value):
            return [node.slice]
        if isinstance(node, ast.Dict) and not _is_table(node, self.rules):
            return node.keys
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id in {"__all__", "__slots__"} for target in node.targets
        ):
            return [node.value]
        return [node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) else []

    def _is_device_table(self, node: ast.expr) -> bool:
        return _is_table(node, self.rules) or (isinstance(node, ast.Name) and node.id in self._tables)

    def _contained(self, left: ast.expr, right: ast.expr) -> None:
        text = ast.unparse(right)
        last = re.sub(r"\W+$", "", text.removesuffix(".keys()")).rpartition(".")[2]
        if text in self._mappings or last.lower() in self.rules.mappings or text.startswith("vars("):
            self._keep(left)

    def _class(self, node: ast.ClassDef) -> None:
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                self.words.fields.add(line.target.id)
            elif isinstance(line, ast.Assign):
                self.words.fields |= {t.id for t in line.targets if isinstance(t, ast.Name)}
            elif isinstance(line, ast.FunctionDef) and not is_property(line):
                self.words.bound |= {line.name} - self._assigned

    def _call(self, node: ast.Call) -> None:
        function = node.func
        name = ast.unparse(function) if isinstance(function, ast.Name | ast.Attribute) else ""
        last = name.rpartition(".")[2]
        if isinstance(function, ast.Name) and name in ATTRIBUTE_OF and len(node.args) > 1:
            self._attribute(node.args[0], node.args[1])
        elif isinstance(function, ast.Call):  # getattr(x, "cuda")()
            if ast.unparse(function.func) == "getattr" and len(function.args) > 1:
                self._rename(function.args[1], self.rules.methods)
        elif last == "methodcaller":
            self._rename(node.args[0] if node.args else None, self.rules.methods)
        elif last in LOOKUPS and isinstance(function, ast.Attribute):
            if node.args and not self._is_device_table(function.value):
                self._keep(node.args[0])
        elif last in self.rules.namers:
            self._keep(*node.args)
            self._keep(*(k.value for k in node.keywords if k.arg in {"dest", "name"}))
        if last != "get":
            self._keep(*(k.value for k in node.keywords if k.arg == "dest"))

    def _attribute(self, owner: ast.expr, name: ast.expr) -> None:
        """`getattr(owner, "cuda")` goes with `owner.cuda`, and with `owner.cuda()` where that is called."""
        if isinstance(name, ast.Constant) and name.value in self.words.fields:
            self._keep(name)
        elif isinstance(name, ast.Constant) and name.value in self.rules.attributes:
            self._rename(name, self.rules.attributes)
        elif ast.unparse(owner) in self._called | {"torch", "torch.Tensor", "nn.Module", "torch.nn.Module"}:
            self._rename(name, self.rules.methods)
        else:
            self._keep(name)

    def _rename(self, node: ast.expr | None, table: dict[str, str]) -> None:
        if isinstance(node, ast.Constant) and node.value in table:
            place = self._place(node)
            self.words.renamed[place] = table[node.value]
            self.words.kept.discard(place)


def is_property(node: ast.FunctionDef) -> bool:
    """Whether a function is read like an attribute."""
    return any(ast.unparse(d).rpartition(".")[2] in PROPERTIES for d in node.decorator_list)


def _is_table(node: ast.AST, rules: Rules) -> bool:
    """Whether a dictionary has an entry a device, such as `{"cuda": "nccl", "cpu": "gloo"}`."""
    if not isinstance(node, ast.Dict) or len(node.keys) < 2:  # noqa: PLR2004 - one entry tells nothing
        return False
    return all(
        isinstance(key, ast.Constant) and str(key.value).partition(":")[0] in rules.devices
        for key in node.keys
    )
