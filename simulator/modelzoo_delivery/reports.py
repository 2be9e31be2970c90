"""The findings as files that other programs read: JSON, and CSV that a spreadsheet opens as it is."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelzoo_delivery.findings import Finding

COLUMNS = ("file", "line", "code", "message", "todo", "severity")
FORMULA = "=+-@"  # a cell that begins with one of these would be computed


def write_json(path: Path, findings: Sequence[Finding]) -> None:
    """Write `{"errors", "warnings", "findings"}`."""
    errors = sum(finding.severity == "error" for finding in findings)
    whole = {
        "errors": errors,
        "warnings": len(findings) - errors,
        "findings": [finding.as_dict() for finding in findings],
    }
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_csv(path: Path, findings: Sequence[Finding]) -> None:
    """Write one row a finding, in UTF-8 with a BOM."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(COLUMNS)
        for finding in findings:
            cells = [str(value) for value in finding.as_dict().values()]
            out.writerow([f"'{cell}" if cell[:1] in FORMULA and cell else cell for cell in cells])
