"""How many constants of the cost model are published, derived, fitted, and how many lack a source.

python simulator/scoreboard/constants.py        # writes build/scoreboard/constants.json
"""

from __future__ import annotations

import sys

from npusim import provenance_counts
from scoreboard._board import write


def main() -> int:
    """The command: fails where a constant lacks its source."""
    counts = provenance_counts()
    write("constants", counts)
    return 1 if counts["unsourced"] else 0


if __name__ == "__main__":
    sys.exit(main())
