"""The command `pytorch_gpu2npu.sh`: a CUDA project in, an NPU project and its reports out."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import libcst as cst

from ms_fmk_transplt import distributed, modelarts, project, reports, show, tree
from ms_fmk_transplt.convert import Options
from ms_fmk_transplt.errors import MainFileError, MigrationError
from ms_fmk_transplt.findings import Change, Findings, Lines
from ms_fmk_transplt.imports import imports_of, insert_import
from ms_fmk_transplt.rules import Rules, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPORTS = reports.CHANGE_LIST | reports.TORCH_APIS | reports.AFFINITY_APIS
SPECIFY = 'import os\ntorch_npu.npu.set_device(int(os.environ.get("DEVICE_ID", "0")))'


@dataclass(frozen=True)
class Cards:
    """What `distributed` was given: the script to start, the variables of its models."""

    main: Path
    models: tuple[str, ...] = ("model",)


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
    further = _Further(result, rules, call, cards, main) if call.specify_device or cards is not None else None
    with project.log(folder / "msFmkTranspltlog.txt") as logger, reports.Tables(folder, REPORTS) as tables:
        logger.info("input %s, PyTorch %s", call.source, call.version)
        total = sum(1 for _ in tree.walk(call.source))
        options = Options(modelarts=call.modelarts)
        with show.progress(total, "Converting") as step:
            project.Job(call.source, result, rules, options, logger, tables, copy=True, further=further).run(
                step
            )
        if call.modelarts:
            modelarts.copy_package(folder)
        if cards is not None:
            launcher = folder / "run_distributed_npu.sh"
            launcher.write_text(distributed.LAUNCHER, encoding="utf-8")
            launcher.chmod(0o750)  # as the real tool writes it
        result.rows = tables.rows
        logger.info("%d files, %d could not be converted", result.seen, len(result.faults))
    return result


def _main_name(source: Path, cards: Cards) -> str:
    root = source if source.is_dir() else source.parent
    for path in (cards.main, root / cards.main):
        resolved = path.resolve()
        if resolved.is_file() and resolved.suffix == ".py" and resolved.is_relative_to(root.resolve()):
            return resolved.relative_to(root.resolve()).as_posix()
    raise MainFileError(f"-m '{cards.main}' is no Python file of '{source}'; give the script to start")


@dataclass
class _Further:
    """What -s and `distributed` make of each Python file that was converted, or needed no converting."""

    result: project.Result
    rules: Rules
    call: Call
    cards: Cards | None
    main: str | None

    def __call__(self, name: str, data: bytes, found: Findings) -> bytes:
        if self.call.specify_device and f"{modelarts.PACKAGE}/" not in name:
            data = _specify_device(data, found)
        if self.cards is not None and name == self.main:
            data = self._distribute(name, data, found, self.cards.models)
        return data

    def _distribute(self, name: str, data: bytes, found: Findings, models: Sequence[str]) -> bytes:
        more = Findings()
        new, missing = distributed.distribute(data, models, self.rules.parallel, more)
        root = self.call.source if self.call.source.is_dir() else self.call.source.parent
        more.move(_as_it_was((root / name).read_bytes(), data))
        found.changes += more.changes
        found.unknown += more.unknown
        found.sort()
        if missing:
            told = "', '".join(missing)
            reason = f"has no variable '{told}' that a model is assigned to; give its name with -t"
            self.result.faults[name] = tree.Fault(1, reason)
        return new


def _as_it_was(old: bytes, new: bytes) -> Callable[[Lines], Lines]:
    """Where lines of a converted file stood in the file as it was."""
    blocks = SequenceMatcher(None, new.splitlines(), old.splitlines(), autojunk=False).get_opcodes()

    def place(lines: Lines) -> Lines:
        for _, start, end, before, until in blocks:
            if start < lines.start <= end:
                first = min(before + lines.start - start, max(until, 1))
                return Lines(first, first + lines.end - lines.start)
        return lines

    return place


def _specify_device(data: bytes, found: Findings) -> bytes:
    """Let DEVICE_ID choose the device of a script of PyTorch that can be started."""
    module = _startable(data)
    if module is None or SPECIFY in module.code:
        return data
    if not any(_is_import(line, "torch_npu") for line in module.body):
        module = insert_import(module, "import torch_npu")
    anchor = next(i for i, line in enumerate(module.body) if _is_import(line, "torch_npu"))
    added = cst.parse_module(f"{SPECIFY}\n", config=module.config_for_parsing).body
    body = [*module.body[: anchor + 1], *added, *module.body[anchor + 1 :]]
    found.changes.insert(0, Change(Lines(1, 1), "INSERT", "let DEVICE_ID choose the device"))
    return module.with_changes(body=body).bytes


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
    "-t",
    "--target_model",
    "models",
    multiple=True,
    default=("model",),
    show_default=True,
    help="Variable of the model, such as self.net; again for each further one (CANN's tool takes one).",
)
@click.pass_obj
def distributed_command(call: Call, script: Path, models: tuple[str, ...]) -> None:
    """Also turn a script for one card into one for several."""
    _finish(call, Cards(script, models))
