"""One file: what to change and what to report, in one walk over its concrete syntax tree.

The tree keeps every blank and comment, so what no rule touches comes out byte for byte.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import libcst as cst
from libcst.metadata import ClassScope, MetadataWrapper, PositionProvider, Scope, ScopeProvider

from ms_fmk_transplt import modelarts, words
from ms_fmk_transplt.findings import Affinity, Change, Finding, Findings, Lines
from ms_fmk_transplt.imports import import_place, insert_import, is_imported, rewrite_import
from ms_fmk_transplt.names import Resolved, dotted, expression, resolve

if TYPE_CHECKING:
    from ms_fmk_transplt.rules import Rules

NodeT = TypeVar("NodeT", bound=cst.CSTNode)
CUDA = re.compile(
    r"^torch\.(cuda|backends\.cuda|backends\.cudnn|version\.cuda)(\.|$)|^torch\.Tensor\.(cuda|is_cuda)$"
)
_WORD = 10  # a longer string is no word of words.py
DATALOADER = "torch.utils.data.DataLoader"


@dataclass(frozen=True)
class Options:
    """What to do with a file besides converting it."""

    third_party: frozenset[str] = frozenset()  # APIs that a third-party analysis found unsupported
    modelarts: bool = False  # paths are asked for at ascend_modelarts_function


class Walk(cst.CSTTransformer):
    """Changes a module by the rules and fills in `findings`."""

    METADATA_DEPENDENCIES = (PositionProvider, ScopeProvider)

    def __init__(self, rules: Rules, options: Options | None = None, said: words.Words | None = None) -> None:
        super().__init__()
        self.rules = rules
        self.said = said or words.Words()
        self.options = options or Options()
        self.findings = Findings()
        self.needs_import = False
        self.needs_manager = False
        self._loops = 0
        self._bare: set[cst.CSTNode] = set()  # strings that are no values: docstrings, names of attributes

    def lines(self, node: cst.CSTNode) -> Lines:
        """The lines of a node in the file as it was."""
        place = self.get_metadata(PositionProvider, node)
        return Lines(place.start.line, place.end.line)

    def _scope(self, node: cst.CSTNode) -> Scope | None:
        return self.get_metadata(ScopeProvider, node, None)

    def _root_scope(self, node: cst.Name | cst.Attribute) -> Scope | None:
        root: cst.BaseExpression = node
        while isinstance(root, cst.Attribute):
            root = root.value
        return self._scope(root)

    def _modified(self, node: cst.CSTNode, old: str, new: str) -> None:
        self.findings.changes.append(Change(self.lines(node), "MODIFY", f'change "{old}" to "{new}"'))
        self.needs_import = True

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        """A chain `a.b.c` is looked at as a whole, by its outermost node."""
        return dotted(node) is None

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        """Rename a chain of an imported name, or an attribute such as `.is_cuda`."""
        found = None
        if dotted(original_node) is not None:
            found = resolve(original_node, self._root_scope(original_node))
        if found is not None:
            self._report(original_node, found.name)
            new = self._renamed(found)
            if new is not None:
                self._modified(original_node, dotted(original_node) or "", new)
                return expression(new)
            if not found.name.startswith(("torch.Tensor.", "torch.nn.Module.")):
                return updated_node
        last = original_node.attr.value
        own = isinstance(original_node.value, cst.Name) and original_node.value.value == "self"
        new = self._member(last, method=found is not None or (own and last in self.said.bound))
        if new is None:
            return updated_node
        self.findings.note_cuda(f"torch.Tensor.{last}")
        self._modified(original_node, f".{last}", f".{new}")
        return updated_node.with_changes(attr=cst.Name(new))

    def _member(self, name: str, *, method: bool) -> str | None:
        """What an attribute that is read becomes: `.is_cuda`, `torch.Tensor.cuda`, the file's own method."""
        if name in self.rules.attributes and name not in self.said.fields:
            return self.rules.attributes[name]
        return self.rules.methods.get(name) if method else None

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        """A name imported by itself (`autocast`) keeps its name: its import changes. Only report it."""
        scope = self._scope(original_node)
        if scope is not None and (found := resolve(original_node, scope)) is not None and "." in found.name:
            self._report(original_node, found.name)
        return updated_node

    def _renamed(self, found: Resolved) -> str | None:
        """How a chain reads after its import was rewritten; None where it stays."""
        new, bound = self.rules.rename(found.name), self.rules.rename(found.bound)
        if new == found.name:
            return None
        if new == bound or new.startswith(f"{bound}."):
            spelt = found.root + new[len(bound) :]
            return None if spelt == found.root + found.name[len(found.bound) :] else spelt
        return new

    def _report(self, node: cst.CSTNode, name: str) -> None:
        rules, where = self.rules, self.lines(node)
        if CUDA.match(name):
            self.findings.note_cuda(name)
        for table, rows in (
            (rules.unsupported, self.findings.unsupported),
            (rules.unknown, self.findings.unknown),
            (rules.precision, self.findings.precision),
            (rules.performance, self.findings.performance),
            (rules.dynamic, self.findings.dynamic),
        ):
            if (tip := table.get(name)) is not None:
                rows.append(Finding(where, name, tip))
        if name in self.options.third_party:
            tip = "the third-party function calls what an NPU does not have; see its analysis"
            self.findings.unsupported.append(Finding(where, name, tip))
        for kind, better in rules.affinity.items():
            if (api := better.get(name)) is not None:
                self.findings.affinity.append(Affinity(where, kind, name, api))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Rename a method such as `.cuda()`; note what is slow in a loop; let ModelArts map paths."""
        call = self._call(original_node, updated_node)
        return self._wrap_paths(original_node, call) if self.options.modelarts else call

    def _wrap_paths(self, original: cst.Call, updated: cst.Call) -> cst.Call:
        function = original.func
        if not isinstance(function, (cst.Name, cst.Attribute)) or dotted(function) is None:
            return updated
        name = modelarts.called(function, self._root_scope(function))
        if name is None:
            return updated
        updated, wrapped = modelarts.wrap(name, updated, self.rules)
        for number in wrapped:
            message = f"[ModelArts] Wrap argument {number} of func {name} for path mapping."
            self.findings.changes.append(Change(self.lines(original), "MODIFY", message))
            self.needs_manager = True
        return updated

    def _call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        """Rename a method; note what is slow in a loop and what has a dynamic shape."""
        function = original_node.func
        if not isinstance(function, cst.Attribute):
            self._dataloader(original_node)
            return updated_node
        self._dataloader(original_node)
        method = function.attr.value
        found = resolve(function, self._root_scope(function)) if dotted(function) else None
        if found is not None and not found.name.startswith(("torch.Tensor.", "torch.nn.Module.")):
            return updated_node
        where = self.lines(original_node)
        if self._loops and not original_node.args and method in self.rules.loop:
            tip = self.rules.loop[method]
            self.findings.performance.append(Finding(where, f"torch.Tensor.{method}", tip))
        if method in self.rules.dynamic_methods:
            tip = self.rules.dynamic_methods[method]
            self.findings.dynamic.append(Finding(where, f"torch.Tensor.{method}", tip))
        if method not in self.rules.methods or not isinstance(updated_node.func, cst.Attribute):
            return updated_node
        if updated_node.func.attr.value != method:
            return updated_node  # changed as an attribute already
        new = self.rules.methods[method]
        self.findings.note_cuda(f"torch.Tensor.{method}")
        self._modified(original_node, f".{method}()", f".{new}()")
        return updated_node.with_changes(func=updated_node.func.with_changes(attr=cst.Name(new)))

    def _dataloader(self, call: cst.Call) -> None:
        function = call.func
        if not isinstance(function, (cst.Name, cst.Attribute)) or not (dotted(function) or "").endswith(
            "DataLoader"
        ):
            return
        found = resolve(function, self._root_scope(function))
        if found is None or found.name != DATALOADER:
            return
        given = {arg.keyword.value for arg in call.args if arg.keyword is not None}
        if any(arg.star == "**" for arg in call.args):
            return
        for option, tip in self.rules.dataloader.items():
            if option not in given:
                self.findings.performance.append(Finding(self.lines(call), DATALOADER, tip))

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """A class's own `def cuda(self)` goes with its calls."""
        name = original_node.name.value
        if not isinstance(self._scope(original_node), ClassScope):
            return updated_node
        if any(_last(decorator) in words.PROPERTIES for decorator in original_node.decorators):
            new = None if name in self.said.fields else self.rules.attributes.get(name)
        else:
            new = self.rules.methods.get(name) or self.rules.attributes.get(name)
        if new is None:
            return updated_node
        self._modified(original_node.name, f"def {name}", f"def {new}")
        return updated_node.with_changes(name=cst.Name(new))

    def visit_For(self, node: cst.For) -> None:  # noqa: ARG002 (the library's signature)
        """Count how deep in loops we are."""
        self._loops += 1

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.For:  # noqa: ARG002
        """One loop less."""
        self._loops -= 1
        return updated_node

    def visit_While(self, node: cst.While) -> None:  # noqa: ARG002
        """Count how deep in loops we are."""
        self._loops += 1

    def leave_While(self, original_node: cst.While, updated_node: cst.While) -> cst.While:  # noqa: ARG002
        """One loop less."""
        self._loops -= 1
        return updated_node

    def visit_Arg(self, node: cst.Arg) -> None:
        """`add_argument("--cuda", dest="cuda")` names an attribute, which the script goes on reading."""
        if node.keyword is not None and node.keyword.value == "dest":
            self._bare.add(node.value)

    def visit_Expr(self, node: cst.Expr) -> None:
        """A string that only stands there is text for people."""
        self._bare.add(node.value)

    def visit_ConcatenatedString(self, node: cst.ConcatenatedString) -> bool:
        """A text in several pieces is prose."""
        return isinstance(node.left, cst.FormattedString) or isinstance(node.right, cst.FormattedString)

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        """Rename 'cuda', 'cuda:0', 'nccl' and the like."""
        if original_node in self._bare or original_node.prefix.startswith(("b", "rb", "br")):
            return updated_node
        new = self._string(original_node.raw_value)
        if (self.said.kept or self.said.renamed) and len(original_node.raw_value) < _WORD:
            place = self.get_metadata(PositionProvider, original_node).start
            if (place.line, place.column) in self.said.kept:
                return updated_node
            new = self.said.renamed.get((place.line, place.column), new)
        if new is None:
            return updated_node
        self._modified(original_node, original_node.raw_value, new)
        quote = original_node.quote
        return updated_node.with_changes(value=f"{original_node.prefix}{quote}{new}{quote}")

    def leave_FormattedStringText(
        self, original_node: cst.FormattedStringText, updated_node: cst.FormattedStringText
    ) -> cst.FormattedStringText:
        """Rename the beginning of f"cuda:{rank}"."""
        for old, new in self.rules.prefixes.items():
            if original_node.value == old:
                self._modified(original_node, old, new)
                return updated_node.with_changes(value=new)
        return updated_node

    def _string(self, text: str) -> str | None:
        if text in self.rules.strings:
            return self.rules.strings[text]
        for old, new in self.rules.prefixes.items():
            if text.startswith(old) and re.fullmatch(r"(\d+|%[ds]|\{\w*\})?", text[len(old) :]):
                return new + text[len(old) :]
        return None

    def visit_Import(self, node: cst.Import) -> bool:
        """Names in an import are not uses."""
        for alias in node.names:
            self._report_import(node, dotted(alias.name))
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        """Names in an import are not uses."""
        module = dotted(node.module) if node.module is not None and not node.relative else None
        if module is not None and not isinstance(node.names, cst.ImportStar):
            for alias in node.names:
                self._report_import(node, f"{module}.{dotted(alias.name)}")
        return False

    def _report_import(self, node: cst.CSTNode, name: str | None) -> None:
        if name is None:
            return
        if CUDA.match(name):
            self.findings.note_cuda(name)
        if (tip := self.rules.unsupported.get(name)) is not None:
            self.findings.unsupported.append(Finding(self.lines(node), name, tip))

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """Rewrite `from torch.cuda.amp import autocast`; a mixed import becomes two statements."""
        new = rewrite_import(updated_node, self.rules.rename)
        if new is None:
            return updated_node
        old = " ".join(cst.Module([original_node.with_changes(leading_lines=())]).code.split())
        code = " ".join(
            cst.Module([line.with_changes(leading_lines=()) for line in new]).code.split("\n")
        ).strip()
        self._modified(original_node, old, code)
        return new[0] if len(new) == 1 else cst.FlattenSentinel(new)

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        """Import torch_npu where something was changed and it is not imported yet; and the paths' manager."""
        lines = []
        if self.needs_import and not is_imported(updated_node, "torch_npu"):
            lines.append("import torch_npu")
        if self.needs_manager and not modelarts.imports_manager(updated_node):
            lines.append(modelarts.IMPORT)
        if not lines:
            return updated_node
        after = import_place(original_node)
        where = self.lines(original_node.body[after - 1]) if after else Lines(1, 1)
        self.findings.changes.extend(Change(where, "INSERT", f'add "{line}"') for line in lines)
        return insert_import(updated_node, "\n".join(lines))


def convert(source: bytes | str, rules: Rules, options: Options | None = None) -> tuple[cst.Module, Findings]:
    """Convert the text of a Python file.

    Args:
        source: the file's bytes (its encoding is read as Python reads it) or text.
        rules: the rules to go by.
        options: what to look for besides.

    Returns:
        The changed module and what was changed and found.

    Raises:
        libcst.ParserSyntaxError: the text is no Python 3.
        RecursionError: it is nested too deeply.
        UnicodeDecodeError, SyntaxError: its bytes are not in the encoding that it names.
    """
    walk = Walk(rules, options, words.read(source, _tree(source), rules))
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    module = wrapper.visit(walk)
    walk.findings.sort()
    return module, walk.findings


def _tree(source: bytes | str) -> ast.Module | None:
    """The tree of Python's own parser, which is safe where the other would crash; None where it has none.

    Raises:
        RecursionError: the text is nested so deeply that no parser takes it.
    """
    try:
        return ast.parse(source)
    except (MemoryError, RecursionError):
        raise RecursionError from None
    except SyntaxError as error:
        if "too many nested" in str(error):
            raise RecursionError from None
        return (
            None  # anything else is for the other parser to judge: it knows newer Python than the running one
        )
    except ValueError:
        return None  # a NUL byte


def _last(decorator: cst.Decorator) -> str:
    """The last part of a decorator's name."""
    return (dotted(decorator.decorator) or "").rpartition(".")[2]
