"""Runs the train.py of several folders, each in a fork of one process that has PyTorch already.

    python run_many.py [--options ...] FOLDER...

What each prints goes into `printed.txt` beside its train.py, with its exit code in the last line.
"""

import os
import runpy
import sys
import traceback
from pathlib import Path

import torch  # noqa: F401 - so that the forks have it


def main() -> None:
    """One folder after the other; a fork that fails does not stop the next."""
    for text in sys.argv[1:]:
        folder, _, options = text.partition("::")
        child = os.fork()
        if not child:
            _train(Path(folder), options.split())
        os.waitpid(child, 0)


def _train(folder: Path, options: list[str]) -> None:
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = ["train.py", *options]
    printed = os.open("printed.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    code = 0
    try:
        runpy.run_path(str(folder / "train.py"), run_name="__main__")
    except BaseException:  # noqa: BLE001 - whatever a project does, its trace is what the test shows
        traceback.print_exc()
        code = 1
    sys.stdout.write(f"exit {code}\n")
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
