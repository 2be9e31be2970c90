"""Every check of a delivery; a check is a function from a delivery and the rules to findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelzoo_delivery.checks import addresses, files, levels, logs, readme, scripts, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modelzoo_delivery.findings import Finding
    from modelzoo_delivery.folder import Delivery

CHECKS: tuple[Callable[[Delivery, dict[str, Any]], Iterable[Finding]], ...] = (
    files.check,
    levels.check,
    scripts.check,
    logs.check,
    readme.check,
    addresses.check,
    texts.check,
)


def check(delivery: Delivery, rules: dict[str, Any]) -> list[Finding]:
    """Everything that is missing in a delivery or does not fit, by file and line."""
    return sorted({finding for one in CHECKS for finding in one(delivery, rules)})
