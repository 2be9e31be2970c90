"""Where the scoreboard's figures go, and how they are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILD = Path(__file__).resolve().parents[2] / "build" / "scoreboard"


def write(name: str, figures: Mapping[str, float], build: Path = BUILD) -> Path:
    """Writes `<name>.json` and prints its figures in one line.

    Args:
        name: of the file, without its ending.
        figures: what it holds.
        build: the folder, made where it is missing.
    """
    build.mkdir(parents=True, exist_ok=True)
    path = build / f"{name}.json"
    path.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    print(f"{name}: {', '.join(f'{key} {value}' for key, value in figures.items())}", flush=True)
    return path
