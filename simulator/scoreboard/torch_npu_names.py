"""How many public names of the real torch_npu resolve on ours.

    python simulator/scoreboard/torch_npu_names.py              # writes build/scoreboard/torch_npu_names.json
    python simulator/scoreboard/torch_npu_names.py --missing    # and lists those that do not resolve

The names are those of Python in the table that torch_npu keeps of its public interface
(test/torch_npu_schema.json of Ascend/pytorch): functions, classes and methods. Its C++ names and environment
variables are not counted. A name resolves if it can be reached from `import torch_npu`, modules imported on
the way; that it resolves does not say that everything it accepts is simulated.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from scoreboard._board import write

NAMES = Path(__file__).with_name("torch_npu_names.txt")


def names(path: Path = NAMES) -> list[str]:
    """The public names, one a line in the file; lines that begin with # are remarks."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def resolves(name: str) -> bool:
    """Whether a dotted name leads to an object: modules first, then their attributes.

    As `from torch_npu.npu.mstx import mstx` does, a module is found even where its package gives its name to
    something else.
    """
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:depth]))
        except ImportError:
            continue
        for part in parts[depth:]:
            if not hasattr(found, part):
                break
            found = getattr(found, part)
        else:
            return True
    return False


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Count the public names of torch_npu that are there.")
    parser.add_argument("--missing", action="store_true", help="list the names that do not resolve")
    wanted = parser.parse_args().missing
    every = names()
    missing = [name for name in every if not resolves(name)]
    if wanted:
        print("\n".join(missing))
    write(
        "torch_npu_names",
        {"present": len(every) - len(missing), "missing": len(missing), "total": len(every)},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
