"""The rules of the checker, read once from the TOML file beside."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("delivery.toml")


@cache
def load() -> dict[str, Any]:
    """The tables of delivery.toml. They belong to the package: a fault in them is the program's."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
