"""Reading training scripts: their assignments, what their names promise, and shellcheck's opinion."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ASSIGNED = re.compile(r"""^\s*(?:export\s+)?([A-Za-z_]\w*)=(?:"([^"]*)"|'([^']*)'|([^\s;#]*))""")
NAMED = re.compile(r"train_(?:.*_)?(full|performance)_(\d+)p\.sh$")


class Value(NamedTuple):
    """What a variable is set to at first, and where."""

    text: str
    line: int


class Case(NamedTuple):
    """What the name of a training script says: `full` or `performance`, and the cards."""

    kind: str
    cards: int


class Remark(NamedTuple):
    """One remark of shellcheck."""

    line: int
    code: int
    message: str


def assignments(text: str) -> dict[str, Value]:
    """The variables of a script with their first values."""
    found: dict[str, Value] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if (match := ASSIGNED.match(line)) is not None:
            value = next((part for part in match.groups()[1:] if part is not None), "")
            found.setdefault(match[1], Value(value, number))
    return found


def case(name: str) -> Case | None:
    """What a name such as `train_full_1p.sh` says; None for other scripts (`train_eval_8p.sh`)."""
    match = NAMED.search(name)
    return None if match is None else Case(match[1], int(match[2]))


def shellcheck_program() -> str | None:
    """The program, on the path or beside this Python; None where it is not installed."""
    beside = Path(sys.executable).with_name("shellcheck")
    return shutil.which("shellcheck") or (str(beside) if beside.is_file() else None)


def shellcheck(program: str, path: Path, severity: str) -> list[Remark]:
    """What shellcheck says of a bash script, from a severity on; sourced files are not followed."""
    command = [program, "--format=json", f"--severity={severity}", "--shell=bash", "--exclude=SC1091"]
    done = subprocess.run([*command, str(path.resolve())], capture_output=True, check=False)
    try:
        remarks = json.loads(done.stdout or b"[]")
    except ValueError:
        return [Remark(1, 0, f"shellcheck failed: {done.stderr.decode(errors='replace').strip()[:120]}")]
    return [Remark(remark["line"], remark["code"], remark["message"]) for remark in remarks]
