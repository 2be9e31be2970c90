"""The files that a delivery holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelzoo_delivery.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelzoo_delivery.findings import Severity
    from modelzoo_delivery.folder import Delivery


def check(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    """Files that are missing or empty, and a folder that is not named as ModelZoo names networks."""
    yield from _table(delivery, rules["files"], "error")
    yield from _table(delivery, rules["files_advised"], "warning")
    if "_for_pytorch" not in delivery.name.lower():
        message = f"the folder is called '{delivery.name}'"
        yield Finding(
            "README.md",
            1,
            "folder-name",
            message,
            "name it <network>_for_PyTorch, as ModelZoo does",
            "warning",
        )


def _table(delivery: Delivery, table: dict[str, str], severity: Severity) -> Iterator[Finding]:
    for names, purpose in table.items():
        choices = names.split(" | ")
        there = [name for name in choices if delivery.has(name)]
        if not there:
            yield Finding(
                choices[0],
                1,
                "file-missing",
                f"{choices[0]} is missing",
                f"add it: it {_does(purpose)}",
                severity,
            )
        for name in there:
            if not delivery.text(name).strip() and not name.endswith("requirements.txt"):
                yield Finding(
                    name, 1, "file-empty", f"{name} is empty", f"write it: it {_does(purpose)}", severity
                )


def _does(purpose: str) -> str:
    return f"is needed: {purpose}" if purpose.startswith("copy") else purpose
