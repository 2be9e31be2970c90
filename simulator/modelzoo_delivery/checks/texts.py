"""Texts: nothing left to fill in, and a pull request that says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelzoo_delivery.checks import levels
from modelzoo_delivery.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelzoo_delivery.folder import Delivery

ENDINGS = (".md", ".txt", ".sh", "LICENSE")


def check(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    """Places that are still to be filled in, here and in the texts beside the folder."""
    placeholder = rules["texts"]["placeholder"]
    for name in delivery.files:
        if name.endswith(ENDINGS) and name != levels.FILE and not name.startswith("test/output/"):
            yield from _left(name, delivery.lines(name), placeholder)
    request = delivery.root.resolve().parent / f"{delivery.name}.pull_request.md"
    if request.is_file():
        text = request.read_text(encoding="utf-8", errors="replace")
        yield from _left(f"../{request.name}", text.splitlines(), placeholder)
        for heading in rules["texts"]["pull_request"]:
            if heading not in text:
                message, todo = f"has no '{heading}'", "keep the headings of ModelZoo's template"
                yield Finding(f"../{request.name}", 1, "text-heading", message, todo)


def _left(name: str, lines: list[str], placeholder: str) -> Iterator[Finding]:
    for number, line in enumerate(lines, 1):
        if placeholder in line:
            what = line.strip()[:60]
            yield Finding(name, number, "text-left", f"still to be filled in: '{what}'", "write it")
