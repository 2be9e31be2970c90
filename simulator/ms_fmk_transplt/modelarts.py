"""`-m`: a project for ModelArts, where data comes from an object store and results go back to one.

Calls that open a path ask `ModelArtsPathManager` for it first. The manager lies in the folder
`ascend_modelarts_function` of the result, with path_mapping_config.py, which the user fills in.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import BuiltinAssignment, Scope

from ms_fmk_transplt.names import resolve
from ms_fmk_transplt.rules import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from ms_fmk_transplt.rules import Rules

PACKAGE = "ascend_modelarts_function"
MANAGER = "ModelArtsPathManager"
IMPORT = f"from {PACKAGE} import {MANAGER}"


def called(function: cst.BaseExpression, scope: Scope | None) -> str | None:
    """The dotted name of what is called: `builtins.open`, or what was imported; None for anything else."""
    if not isinstance(function, (cst.Name, cst.Attribute)):
        return None
    if (found := resolve(function, scope)) is not None:
        return found.name
    if isinstance(function, cst.Name) and scope is not None:
        assigned = list(scope[function.value])
        if assigned and all(isinstance(one, BuiltinAssignment) for one in assigned):
            return f"builtins.{function.value}"
    return None


def wrap(name: str, call: cst.Call, rules: Rules) -> tuple[cst.Call, list[int]]:
    """Let a call take its paths from the manager.

    Args:
        name: the dotted name of what is called.
        call: the call.
        rules: say which arguments are paths.

    Returns:
        The call, and the positions of the arguments that were wrapped; none where none is a path.
    """
    at, named = rules.paths_at.get(name, ()), rules.paths_named.get(name, ())
    args, wrapped = list(call.args), []
    for number, arg in enumerate(args):
        given = arg.keyword.value in named if arg.keyword is not None else number in at
        if arg.star or not given or _asked(arg.value):
            continue
        asked = cst.Call(
            cst.Attribute(cst.Call(cst.Name(MANAGER)), cst.Name("get_path")), [cst.Arg(arg.value)]
        )
        args[number] = arg.with_changes(value=asked)
        wrapped.append(number)
    return call.with_changes(args=args), wrapped


def _asked(value: cst.BaseExpression) -> bool:
    """Whether a path is asked for at the manager already, in a project that was converted before."""
    return cst.Module([]).code_for_node(value).startswith(f"{MANAGER}().get_path(")


def imports_manager(module: cst.Module) -> bool:
    """Whether a file imports the manager already."""
    lines = (line for line in module.body if isinstance(line, cst.SimpleStatementLine))
    return any(cst.Module([]).code_for_node(line).strip() == IMPORT for line in lines)


def copy_package(folder: Path) -> None:
    """Put the manager and its configuration beside the converted scripts; a project's own stay."""
    if (folder / PACKAGE).exists():
        return
    source = FOLDER.with_name("templates") / PACKAGE
    shutil.copytree(source, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
