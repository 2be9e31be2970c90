"""Circular imports that fail: a module is asked for a name that it has not got yet.

That module is still being imported then. A circle alone is no fault: large libraries live in some. So what
Python would do is followed statement by statement, from each script that can be started; only what stands at
a module's outermost level runs when it is imported.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from ms_fmk_transplt import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FROM = re.compile(
    r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|(?:[^\n\\]|\\\r?\n)*)", re.MULTILINE
)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n#;]+)", re.MULTILINE)
_STAR = "*"


class _Step(NamedTuple):
    """What one statement of a module does: import modules, ask one for a name, or bind names."""

    line: int
    modules: tuple[str, ...] = ()
    asks: tuple[str, str] | None = None  # a module's file and the name asked of it
    binds: frozenset[str] = frozenset()


@dataclass
class _Project:
    """The Python files of a project, by their path in it, and how imports lead from one to the other."""

    files: frozenset[str]
    edges: dict[str, set[str]] = field(default_factory=dict)

    def file(self, base: str, dots: str) -> str | None:
        """The file of a module below a folder."""
        path = PurePosixPath(base, *dots.split(".")) if dots else PurePosixPath(base)
        for name in (f"{path}.py", f"{path}/__init__.py"):
            if name.removeprefix("./") in self.files and (dots or name.endswith("__init__.py")):
                return name.removeprefix("./")
        return None

    def bases(self, name: str, level: int) -> list[str]:
        """The folders that an import in a file starts at."""
        folder = PurePosixPath(name).parent
        if level:
            return [str(PurePosixPath(*folder.parts[: len(folder.parts) - level + 1]))]
        while str(folder / "__init__.py") in self.files and folder.parts:
            folder = folder.parent
        return list(dict.fromkeys([str(folder), "."]))

    def found(self, name: str, module: str, names: Iterable[str] = ()) -> tuple[list[str], str | None]:
        """What an import loads, packages first, and the file that the names are asked of."""
        level = len(module) - len(module.lstrip("."))
        for base in self.bases(name, level):
            target = self.file(base, module[level:])
            if target is None and (module[level:] or not level):
                continue
            loads = self.packages(base, module[level:])
            below = [self.file(base, f"{module[level:]}.{n}".strip(".")) for n in names if n != _STAR]
            return [*loads, *([target] if target else []), *(b for b in below if b)], target
        return [], None

    def packages(self, base: str, dots: str) -> list[str]:
        """The packages that a module lies in, the outermost first."""
        parts = dots.split(".")
        found = (self.file(base, ".".join(parts[:n])) for n in range(1, len(parts)))
        return [name for name in found if name is not None]


def find(source: Path) -> dict[str, tree.Fault]:
    """The imports of a project that fail because they go round in a circle, by file.

    Args:
        source: its folder; only read. A single file has no circle.

    Returns:
        For each such file the line of the import, and why it fails.
    """
    if not source.is_dir():
        return {}
    paths = {
        path.relative_to(source).as_posix(): path
        for path in tree.walk(source)
        if path.suffix == ".py" and not path.is_symlink() and path.is_file()
    }
    project = _Project(frozenset(paths))
    for name, path in paths.items():
        project.edges[name] = set(_edges(project, name, _text(path))) - {name}
    circles = _circles(project.edges)
    if not circles:
        return {}
    steps = _Steps(project, paths)
    faults: dict[str, tree.Fault] = {}
    for entry in _entries(project, circles):
        _Run(steps, faults).start(entry)
    return faults


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""  # reported already


def _edges(project: _Project, name: str, text: str) -> Iterator[str]:
    """What a file may import, wherever in it: more than it does import when it is loaded."""
    for match in _FROM.finditer(text):
        names = re.findall(r"\w+", re.sub(r"#.*|\bas[ \t]+\w+", "", match[2]))
        yield from project.found(name, match[1], names)[0]
    for match in _IMPORT.finditer(text):
        for one in match[1].split(","):
            yield from project.found(name, one.split()[0] if one.split() else "")[0]


def _circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of files each of which leads to every other of its group (Kosaraju's two walks)."""
    order: list[str] = []
    _walk(edges, edges, order)
    back: dict[str, set[str]] = {name: set() for name in edges}
    for name, targets in edges.items():
        for target in targets:
            back[target].add(name)
    groups = _walk(back, list(reversed(order)), [])
    return [sorted(group) for group in groups if len(group) > 1]


def _walk(edges: dict[str, set[str]], starts: Iterable[str], order: list[str]) -> list[list[str]]:
    """Walk depth first from each start; gives what each reached, and the order of leaving in `order`."""
    seen: set[str] = set()
    groups: list[list[str]] = []
    for start in starts:
        if start in seen:
            continue
        first = len(order)
        seen.add(start)
        stack = [(start, iter(sorted(edges[start])))]
        while stack:
            rest = stack[-1][1]
            nearest = next((n for n in rest if n not in seen), None)
            if nearest is None:
                order.append(stack.pop()[0])
            else:
                seen.add(nearest)
                stack.append((nearest, iter(sorted(edges[nearest]))))
        groups.append(order[first:])
    return groups


def _entries(project: _Project, circles: list[list[str]]) -> list[str]:
    """Where Python comes in: the files that no other imports, and of a circle that none leads to any file."""
    imported = {target for targets in project.edges.values() for target in targets}
    entries = sorted(set(project.edges) - imported)
    reached = {name for group in _walk(project.edges, entries, []) for name in group}
    for circle in circles:
        if not reached & set(circle):
            packages = [name for name in circle if name.endswith("__init__.py")]
            entries += packages or circle
    return entries


class _Steps(dict[str, list[_Step]]):
    """The steps of each file, read when they are first asked for."""

    def __init__(self, project: _Project, paths: dict[str, Path]) -> None:
        super().__init__()
        self.project, self.paths = project, paths

    def __missing__(self, name: str) -> list[_Step]:
        try:
            body = ast.parse(_text(self.paths[name])).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            body = []  # reported already
        found = self[name] = list(_of(self.project, name, body))
        return found


def _of(project: _Project, name: str, body: Iterable[ast.stmt]) -> Iterator[_Step]:
    for node in body:
        if isinstance(node, ast.Import):
            loads = [m for alias in node.names for m in project.found(name, alias.name)[0]]
            yield _Step(node.lineno, modules=tuple(loads), binds=frozenset(_bound(node)))
        elif isinstance(node, ast.ImportFrom):
            yield from _asked(project, name, node)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _of(project, name, node.orelse)
        elif isinstance(node, ast.If | ast.With | ast.For | ast.While):
            yield from _of(project, name, [*node.body, *getattr(node, "orelse", [])])
        elif not isinstance(node, ast.Try):  # who tries an import is prepared for its failing
            yield _Step(node.lineno, binds=frozenset(_bound(node)))
        else:
            yield _Step(node.lineno, binds=frozenset(n for part in ast.walk(node) for n in _bound(part)))


def _asked(project: _Project, name: str, node: ast.ImportFrom) -> Iterator[_Step]:
    names = [alias.name for alias in node.names]
    loads, target = project.found(name, "." * node.level + (node.module or ""), names)
    yield _Step(node.lineno, modules=tuple(m for m in loads if m != name))
    for one in names if target not in {None, name} else ():
        submodule = project.found(name, "." * node.level + f"{node.module or ''}.{one}".strip("."))[1]
        if target is not None and submodule is None:
            yield _Step(node.lineno, asks=(target, one))
    yield _Step(node.lineno, binds=frozenset(_bound(node)))


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a statement binds in its module."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    else:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id


@dataclass
class _Run:
    """One start of Python: which modules have begun, and what they have bound so far."""

    steps: _Steps
    faults: dict[str, tree.Fault]
    bound: dict[str, set[str]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def start(self, entry: str) -> None:
        """Import a file, after the packages that it lies in."""
        project = self.steps.project
        for name in [*project.packages(".", entry.removesuffix(".py").replace("/", ".")), entry]:
            if name not in self.bound:
                self._load(name)

    def _load(self, entry: str) -> None:
        self.bound[entry] = set()
        stack = [(entry, list(reversed(self.steps[entry])))]
        while stack:
            name, rest = stack[-1]
            if not rest:
                self.done.add(name)
                stack.pop()
                continue
            step = rest[-1]
            module = next((m for m in step.modules if m not in self.bound), None)
            if module is not None:  # it runs to its end first, then this step goes on
                self.bound[module] = set()
                stack.append((module, list(reversed(self.steps[module]))))
                continue
            rest.pop()
            self.bound[name] |= step.binds
            if step.asks is not None:
                self._ask(name, step.line, *step.asks)

    def _ask(self, name: str, line: int, module: str, what: str) -> None:
        if module not in self.bound or module in self.done or what == _STAR:
            return
        if not self.bound[module] & {what, _STAR}:
            reason = (
                f"imports '{what}' from {module}, which imports this file before it has that name: "
                "a circular import; move one of the two imports into the function that needs it"
            )
            self.faults.setdefault(name, tree.Fault(line, reason))
