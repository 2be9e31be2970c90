"""modelzoo_level.txt: its keys, their values, and whether the results bear them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelzoo_delivery.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelzoo_delivery.folder import Delivery

FILE = "modelzoo_level.txt"
LINE = re.compile(r"(\w+)(\s*)[:\uff1a](\s*)(.*\S)\s*$")


def read(delivery: Delivery) -> dict[str, tuple[str, int]]:
    """The levels that are stated, with their lines; what is no `Key:Value` is left out."""
    found = {}
    for number, line in enumerate(delivery.lines(FILE), 1):
        if (match := LINE.match(line.strip())) is not None:
            found[match[1]] = (match[4], number)
    return found


def check(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    """Wrong values, keys that are missing or unknown, blanks where none may be."""
    if not delivery.has(FILE):
        return
    seen: set[str] = set()
    for number, line in enumerate(delivery.lines(FILE), 1):
        if line.strip():
            yield from _line(number, line.strip(), rules["levels"], seen)
    contrib = bool(seen & (set(rules["levels"]["contrib"]) - set(rules["levels"]["built_in"])))
    for key in rules["levels"]["contrib" if contrib else "built_in"]:
        if key not in seen:
            values = "/".join(rules["levels"]["values"][key])
            yield Finding(FILE, 1, "level-missing", f"{key} is missing", f"add a line {key}:{values}")


def _line(number: int, line: str, rules: dict[str, Any], seen: set[str]) -> Iterator[Finding]:
    match = LINE.match(line)
    if match is None:
        yield Finding(
            FILE, number, "level-line", f"'{line[:40]}' is no Key:Value", "write such as FuncStatus:OK"
        )
        return
    key, value = match[1], match[4]
    if match[2] or match[3] or "\uff1a" in line:
        yield Finding(
            FILE, number, "level-blank", f"'{line}' has blanks or a Chinese colon", f"write {key}:{value}"
        )
    if key not in rules["values"]:
        known = ", ".join(rules["values"])
        yield Finding(FILE, number, "level-unknown", f"there is no key {key}", f"use one of {known}")
        return
    if key in seen:
        yield Finding(FILE, number, "level-twice", f"{key} is stated twice", "keep one line")
    seen.add(key)
    if value not in rules["values"][key]:
        allowed = ", ".join(rules["values"][key])
        yield Finding(FILE, number, "level-value", f"{key} is '{value}'", f"write one of {allowed}")
    elif value in rules["stops"].get(key, []):
        yield Finding(FILE, number, "level-stops", f"{key}:{value} keeps the model out", "cure it first")
