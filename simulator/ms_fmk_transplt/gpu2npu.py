"""The command `pytorch_gpu2npu.sh`: a CUDA project in, an NPU project and its reports out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import libcst as cst

from ms_fmk_transplt import distributed, modelarts, project, reports, show, tree
from ms_fmk_transplt.convert import Options
from ms_fmk_transplt.errors import MainFileError, MigrationError
from ms_fmk_transplt.findings import Change, Findings, Lines
from ms_fmk_transplt.imports import imports_of, insert_import
from ms_fmk_transplt.rules import load

SPECIFY = 'import os\ntorch_npu.npu.set_device(int(os.environ.get("DEVICE_ID", "0")))'


@dataclass(frozen=True)
class Cards:
    """What `distributed` was given: the script to start, the variable of the model."""

    main: Path
    model: str


@dataclass(frozen=True)
class Call:
    """What the command was given."""

    source: Path
    output: Path
    version: str
    specify_device: bool
    modelarts: bool = False


def convert_project(call: Call, cards: Cards | None = None) -> project.Result:
    """Convert a project into `<output>/<project>_msft` (`_msft_multi` for several cards).

    Returns:
        What was converted and found; files that could not be read are in `faults`, copied as they are.

    Raises:
        MigrationError: the call cannot be carried out; nothing was written.
    """
    rules = load()
    project.check(call.source, call.output, call.version, rules)
    main = _main_name(call.source, cards) if cards is not None else None
    folder = project.result_folder(call.source, call.output, "msft" if cards is None else "msft_multi")
    result = project.Result(folder)
    project.make(folder)
    with project.log(folder / "msFmkTranspltlog.txt") as logger:
        logger.info("input %s, PyTorch %s", call.source, call.version)
        total = sum(1 for _ in tree.walk(call.source))
        with show.progress(total, "Converting") as step:
            project.Job(call.source, result, rules, Options(modelarts=call.modelarts), logger, copy=True).run(
                step
            )
        if call.modelarts:
            modelarts.copy_package(folder)
        if call.specify_device:
            _specify_device(result)
        if cards is not None and main is not None:
            _distribute(result, main, cards.model)
        result.rows = {
            "change_list.csv": reports.write(
                folder / "change_list.csv", reports.CHANGES, reports.changes(result.files)
            )
        }
        result.rows |= reports.write_torch_apis(folder, result.files) | reports.write_affinity(
            folder, result.files
        )
        logger.info("%d files, %d could not be converted", result.seen, len(result.faults))
    return result


def _main_name(source: Path, cards: Cards) -> str:
    root = source if source.is_dir() else source.parent
    for path in (cards.main, root / cards.main):
        resolved = path.resolve()
        if resolved.is_file() and resolved.suffix == ".py" and resolved.is_relative_to(root.resolve()):
            return resolved.relative_to(root.resolve()).as_posix()
    raise MainFileError(f"-m '{cards.main}' is no Python file of '{source}'; give the script to start")


def _specify_device(result: project.Result) -> None:
    """Let DEVICE_ID choose the device of each script of PyTorch that can be started."""
    for path in sorted(result.folder.rglob("*.py")):
        name = path.relative_to(result.folder).as_posix()
        if path.is_symlink() or name in result.faults or modelarts.PACKAGE in path.parts:
            continue
        module = _startable(path.read_bytes())
        if module is None:
            continue
        if not any(_is_import(line, "torch_npu") for line in module.body):
            module = insert_import(module, "import torch_npu")
        anchor = next(i for i, line in enumerate(module.body) if _is_import(line, "torch_npu"))
        added = cst.parse_module(f"{SPECIFY}\n", config=module.config_for_parsing).body
        body = [*module.body[: anchor + 1], *added, *module.body[anchor + 1 :]]
        project.rewrite(path, module.with_changes(body=body).bytes)
        found = result.files.setdefault(name, Findings())
        found.changes.append(Change(Lines(1, 1), "INSERT", "let DEVICE_ID choose the device"))


def _startable(data: bytes) -> cst.Module | None:
    """The module of a script that uses PyTorch and has a main block or a loop at its outermost level."""
    if b"torch" not in data or not any(word in data for word in (b"__name__", b"for ", b"while ")):
        return None
    try:
        module = cst.parse_module(data)
    except (cst.ParserSyntaxError, UnicodeDecodeError, SyntaxError, LookupError):
        return None  # reported already, or it concerned no rule
    starts = "__name__" in module.code or any(isinstance(s, cst.For | cst.While) for s in module.body)
    return module if starts and imports_of(module, "torch") else None


def _is_import(line: cst.CSTNode, name: str) -> bool:
    return cst.Module([]).code_for_node(line).strip() == f"import {name}"


def _distribute(result: project.Result, main: str, model: str) -> None:
    path = result.folder / main
    (result.folder / "run_distributed_npu.sh").write_text(distributed.LAUNCHER, encoding="utf-8")
    if main in result.faults:
        return
    data, changes, wrapped = distributed.distribute(path.read_bytes(), model)
    if not wrapped:
        reason = f"has no variable '{model}' that a model is assigned to; give its name with -t"
        result.faults[main] = tree.Fault(1, reason)
        return
    project.rewrite(path, data)
    found = result.files.setdefault(main, Findings())
    found.changes.extend(changes)
    found.sort()


def _finish(call: Call, cards: Cards | None) -> None:
    try:
        result = convert_project(call, cards)
    except MigrationError as error:
        raise click.ClickException(str(error)) from None
    show.summary(result)
    if call.modelarts:
        config = f"{modelarts.PACKAGE}/path_mapping_config.py"
        show.OUT.print(f"Fill in {config}: which path of the project is which place in the object store.")
    if cards is not None:
        show.OUT.print("Put your training command into run_distributed_npu.sh, then start it with bash.")
    if result.faults:
        raise SystemExit(1)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="[distributed -m MAIN [-t MODEL]]",
)
@click.option(
    "-i", "--input", "source", required=True, type=click.Path(path_type=Path), help="Folder of the scripts."
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Existing folder for the result."
)
@click.option("-v", "--version", required=True, help="PyTorch version that the scripts were written for.")
@click.option(
    "-s", "--specify-device", is_flag=True, help="Let the environment variable DEVICE_ID choose the device."
)
@click.option(
    "-m", "--modelarts", is_flag=True, help="Let paths be mapped to an object store, for ModelArts."
)
@click.pass_context
def main(context: click.Context, /, **given: Any) -> None:
    """Convert PyTorch training scripts from GPU to Ascend NPU."""
    context.obj = Call(**given)
    if context.invoked_subcommand is None:
        _finish(context.obj, None)


@main.command("distributed")
@click.option(
    "-m", "--main", "script", required=True, type=click.Path(path_type=Path), help="Script to start."
)
@click.option(
    "-t", "--target_model", "model", default="model", show_default=True, help="Variable of the model."
)
@click.pass_obj
def distributed_command(call: Call, script: Path, model: str) -> None:
    """Also turn a script for one card into one for several."""
    _finish(call, Cards(script, model))
