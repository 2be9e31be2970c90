"""How far the cost model is from published throughputs.

    python simulator/scoreboard/cost_model.py       # writes build/scoreboard/cost_model.json

All rows of the calibration table count, those too that were left out of the fit.
"""

from __future__ import annotations

import sys

from calibration.fit import scores
from calibration.published import rows
from scoreboard._board import write


def main() -> int:
    """The command."""
    write("cost_model", scores(rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
