"""What a learner's code said, made fit to be stored and shown: the same in every run, no tricks."""

from __future__ import annotations

import re

_RULES = (
    (re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]"), ""),  # colours and cursor movements of a terminal
    (re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"), ""),
    # What differs from run to run: where objects, cells and folders of this one kernel happened to lie.
    (re.compile(r"\bat 0x[0-9a-fA-F]+"), "at 0x..."),
    (re.compile(r"(?:[^\s'\"(<]*/ipykernel_\d+/)?\b\d{4,}\.py\b"), "<cell>"),
    (re.compile(r"[^\s'\"(<]*/camp-(?:run-)?\w{8}/home"), "~"),
)


def tidy(text: str, limit: int) -> str:
    """Return text without control characters, lone surrogates and run-dependent places, capped.

    Args:
        text: whatever a kernel or a file said.
        limit: characters that are kept; a longer text ends in a line that says so.
    """
    text = text[: 4 * limit].encode("utf-8", "replace").decode("utf-8")
    for pattern, plain in _RULES:
        text = pattern.sub(plain, text)
    return text if len(text) <= limit else text[:limit] + "\n... output cut here ..."
