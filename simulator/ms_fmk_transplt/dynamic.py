"""The mode dynamic_shape: a copy of the project that records which operators see changing shapes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst

from ms_fmk_transplt import tree
from ms_fmk_transplt.imports import insert_import

if TYPE_CHECKING:
    from ms_fmk_transplt.project import Result

HOOK = Path(__file__).with_name("templates") / "hook.py"
IMPORT = "from msft_dynamic_analysis.hook import DETECTOR"


def write(source: Path, folder: Path, result: Result) -> None:
    """Put the recorder into the copied project.

    Args:
        source: the project as it is.
        folder: its copy.
        result: what was found in it.
    """
    package = folder / "msft_dynamic_analysis"
    package.mkdir()
    shutil.copyfile(HOOK, package / "hook.py")
    (package / "__init__.py").write_text("", encoding="utf-8")
    root = source if source.is_dir() else source.parent
    for path in tree.walk(source):
        name = path.relative_to(root)
        if path.suffix != ".py" or path.is_symlink() or name.as_posix() in result.faults:
            continue
        module = cst.parse_module(path.read_bytes())
        if "torch" in module.code:
            (folder / name).write_bytes(insert_import(module, IMPORT).bytes)
