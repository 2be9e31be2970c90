"""How faithful the simulation is: its scoreboards as far as they are quick, and what its tests hold it to."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import npusim
from calibration.fit import scores
from calibration.published import rows
from scoreboard import acl_names, torch_npu_names
from torch_npu._ops import not_simulated

from explorables.reference import Markdown, plain, sentence, table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "build" / "scoreboard"
TESTS = ROOT / "tests" / "simulator"


class Held(NamedTuple):
    """What one test holds: its file, and the first sentence of its docstring."""

    file: Path
    holds: str


def _operators() -> tuple[str, str]:
    """What the last run over PyTorch's operator database found, if there was one on this machine."""
    path = BOARD / "op_db.json"
    if not path.is_file():
        return "not measured on this machine", "`make scoreboard` (ten minutes)"
    found = json.loads(path.read_text(encoding="utf-8"))
    figures = ", ".join(f"{found[kind]} {kind}" for kind in ("native", "fallback", "refused", "wrong"))
    return f"{figures}, of {found['total']}", "`make scoreboard`, its last run on this machine"


def _resolve(listed: Path) -> str:
    """How many of the names in a list are there."""
    every = torch_npu_names.names(listed)
    return f"{sum(torch_npu_names.resolves(name) for name in every)} of {len(every)}"


def scoreboard() -> Markdown:
    """The figures, and where each comes from."""
    counts = npusim.provenance_counts()
    model = scores(rows())
    throughput = (
        f"median error {model['median_abs_rel_error']:.1%}, {model['within_35_percent']:.0%} within 35%, "
        f"rank correlation {model['spearman']:.3f}, over {model['rows']} figures"
    )
    operators, where = _operators()
    here = "computed for this page"
    return table(
        ("What", "Figures", "Where they come from"),
        [
            ("Constants of the cost model", ", ".join(f"{n} {kind}" for kind, n in counts.items()), here),
            (
                "Predicted against published throughput",
                throughput,
                here,
            ),
            ("Public names of torch_npu that resolve", _resolve(torch_npu_names.NAMES), here),
            ("Functions of acl that public samples call", _resolve(acl_names.NAMES), here),
            ("Operators of PyTorch's own test database, with gradients", operators, where),
        ],
    )


def missing_names() -> Markdown:
    """The public names of torch_npu that do not resolve, in groups of one reason each."""
    groups: dict[str, list[str]] = {}
    for name in torch_npu_names.names():
        if not torch_npu_names.resolves(name):
            why = torch_npu_names.reason(name) or "not written down"
            groups.setdefault(why, []).append(name.removeprefix("torch_npu."))
    lines = [(", ".join(f"`{name}`" for name in found), plain(why)) for why, found in sorted(groups.items())]
    return table(("Missing in torch_npu", "Why, and what to take instead"), lines)


def missing_operators() -> Markdown:
    """The operators of op-plugin that are not simulated, in groups of one reason each."""
    groups: dict[str, list[str]] = {}
    for name, why in not_simulated.REASONS.items():
        groups.setdefault(why, []).append(f"`{name}`")
    lines = [(", ".join(sorted(found)), plain(why)) for why, found in sorted(groups.items())]
    return table(("Missing operators", "Why, and what to take instead"), lines)


def sentences(folder: Path) -> Iterator[Held]:
    """Every test of the simulator with what it holds, in the order of files and lines."""
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            if words := ast.get_docstring(node):
                yield Held(path, " ".join(words.split("\n\n")[0].split()))


def held_by_tests(face: str) -> Markdown:
    """What the tests of one face hold, a list for each of their files."""
    lines: list[str] = []
    before = None
    for test in sentences(TESTS / face):
        if test.file != before:
            subject = test.file.stem.removeprefix("test_").replace("_", " ")
            lines += ["", f"**{subject}**", ""]
            before = test.file
        lines.append(f"- {sentence(test.holds)}")
    return Markdown("\n".join(lines))
