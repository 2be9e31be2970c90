"""How many of the functions that public pyACL samples call are on our `acl`.

python simulator/scoreboard/acl_names.py              # writes build/scoreboard/acl_names.json
python simulator/scoreboard/acl_names.py --missing    # and lists those that are not there
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scoreboard._board import write
from scoreboard.torch_npu_names import names, resolves

NAMES = Path(__file__).with_name("acl_names.txt")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Count the functions of acl that are there.")
    parser.add_argument("--missing", action="store_true", help="list the names that do not resolve")
    wanted = parser.parse_args().missing
    every = names(NAMES)
    missing = [name for name in every if not resolves(name)]
    if wanted:
        print("\n".join(missing))
    write("acl_names", {"present": len(every) - len(missing), "missing": len(missing), "total": len(every)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
