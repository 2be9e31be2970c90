"""Imported first: keeps out of this process what takes a second to import, and that nothing here uses.

`jsonschema`, which `nbformat` imports, takes `rfc3987_syntax` where it is installed, to check addresses of
other than Latin letters; it builds 38 grammars when imported. No schema of a notebook has such a format.
`jupytext` takes Jupyter's server along, where it is installed, to be a part of it; here it only reads text.
"""

from __future__ import annotations

import gc
import sys

if "jsonschema" not in sys.modules:
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # None: it is not to be had
if "jupytext" not in sys.modules:
    for name in ("sync_contentsmanager", "async_contentsmanager"):
        sys.modules.setdefault(f"jupytext.{name}", None)  # type: ignore[arg-type]
# Imports make a hundred thousand objects, which stay; to look for garbage among them takes as long again.
gc.set_threshold(50_000, 20, 100)
