"""The command `pytorch_analyse.sh`: reports on a project, changes nothing."""

from __future__ import annotations

from pathlib import Path

import click
import libcst as cst

from ms_fmk_transplt import circular, dynamic, project, reports, show, third_party, tree
from ms_fmk_transplt.convert import Options
from ms_fmk_transplt.errors import MigrationError
from ms_fmk_transplt.rules import Rules, load

MODES = ("torch_apis", "third_party", "affinity_apis", "dynamic_shape")
REPORTS = {
    "torch_apis": reports.TORCH_APIS,
    "affinity_apis": reports.AFFINITY_APIS,
    "dynamic_shape": reports.DYNAMIC_SHAPES,
}


def analyse_project(
    source: Path, output: Path, version: str, mode: str = "torch_apis", api: Path | None = None
) -> project.Result:
    """Analyse a project into `<output>/<project>_analysis`.

    Args:
        source: the project, or the source of a library.
        output: an existing folder.
        version: the PyTorch version it was written for.
        mode: one of `MODES`.
        api: the result of an analysis of a library that the project uses.

    Returns:
        What was found; files that could not be read are in `faults`.

    Raises:
        MigrationError: the call cannot be carried out; nothing was written.
    """
    rules = load()
    project.check(source, output, version, rules)
    options = Options(third_party.read(api) if api is not None else frozenset())
    folder = project.result_folder(source, output, "analysis")
    result = project.Result(folder)
    project.make(folder)
    with project.log(folder / "pytorch_analysis.txt") as logger:
        logger.info("input %s, PyTorch %s, mode %s", source, version, mode)
        total = sum(1 for _ in tree.walk(source))
        with show.progress(total, "Analysing") as step:
            if mode == "third_party":
                result.rows = third_party.write(folder, _functions(source, result, rules))
                return result
            copy = mode == "dynamic_shape"
            with reports.Tables(folder, REPORTS[mode]) as tables:
                project.Job(source, result, rules, options, logger, tables, copy=copy, converted=False).run(
                    step
                )
        result.rows = tables.rows
        if mode == "dynamic_shape":
            dynamic.write(source, folder, result)
    return result


def _functions(source: Path, result: project.Result, rules: Rules) -> list[third_party.Function]:
    root = source if source.is_dir() else source.parent
    found: list[third_party.Function] = []
    for path in tree.walk(source):
        name = path.relative_to(root).as_posix()
        result.seen += 1
        if path.suffix != ".py" or path.is_symlink():
            continue
        parts = [root.resolve().name, *Path(name).with_suffix("").parts]
        module = ".".join(part for part in parts if part != "__init__")
        try:
            found += third_party.collect(path, module, name, rules)
        except cst.ParserSyntaxError as error:
            result.faults[name] = tree.Fault(error.raw_line, "is no valid Python 3")
        except (OSError, UnicodeDecodeError, SyntaxError) as error:
            result.faults[name] = tree.Fault(1, f"cannot be read as Python: {error}")
    for name, fault in circular.find(source).items():
        result.faults.setdefault(name, fault)
    return found


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-i", "--input", "source", required=True, type=click.Path(path_type=Path), help="Folder to analyse."
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Existing folder for the result."
)
@click.option("-v", "--version", required=True, help="PyTorch version that the scripts were written for.")
@click.option(
    "-m",
    "--mode",
    type=click.Choice(MODES),
    default="torch_apis",
    show_default=True,
    help="What to look for.",
)
@click.option(
    "-api", "--api-files", "api", type=click.Path(path_type=Path), help="Result of a third_party analysis."
)
def main(source: Path, output: Path, version: str, mode: str, api: Path | None) -> None:
    """Report what an NPU does not support, or does better, in PyTorch scripts."""
    try:
        result = analyse_project(source, output, version, mode, api)
    except MigrationError as error:
        raise click.ClickException(str(error)) from None
    show.summary(result)
    if mode == "dynamic_shape":
        show.OUT.print(
            "Write DETECTOR.start(...) around the loader in the training loop, then run the script once."
        )
    if result.faults:
        raise SystemExit(1)
