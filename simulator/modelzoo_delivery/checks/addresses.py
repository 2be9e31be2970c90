"""Public addresses: each that stands in the code is stated, and none fetches a data set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelzoo_delivery.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelzoo_delivery.folder import Delivery

STATEMENT = "public_address_statement.md"
ADDRESS = re.compile(r"https?://[^\s\"'<>`)\]}|,;\\]+|[\w.+-]+@[\w-]+\.[\w.-]*[A-Za-z]")
FETCH = re.compile(r"\b(?:wget|curl|obsutil|aria2c)\b[^\n]*https?://")


def check(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    """Addresses that nobody stated, and scripts that fetch."""
    stated = delivery.text(STATEMENT)
    known: set[str] = set()
    for name in delivery.code:
        for number, line in enumerate(delivery.lines(name), 1):
            if name.endswith(".sh") and FETCH.search(line):
                todo = "let the README say which data set to prepare"
                yield Finding(name, number, "script-fetches", "fetches from a public address", todo)
            for match in ADDRESS.finditer(line):
                address = match[0].rstrip(".:")
                allowed = any(part in address for part in rules["scripts"]["addresses_allowed"])
                if allowed or address in known or address in stated:
                    continue
                known.add(address)
                todo = f"add a row to {STATEMENT}"
                yield Finding(name, number, "address", f"{address} is not stated", todo)
