"""Imported first: keeps out of this process what takes a second to import, and that nothing here uses.

`jsonschema`, which `nbformat` imports, takes `rfc3987_syntax` where it is installed, to check addresses of
other than Latin letters; it builds 38 grammars when imported. No schema of a notebook has such a format.
"""

from __future__ import annotations

import sys

if "jsonschema" not in sys.modules:
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # None: it is not to be had
