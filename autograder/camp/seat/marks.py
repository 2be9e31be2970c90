"""What the stamp in a notebook is called, and how its cells are told: what release and seat agree on."""

from __future__ import annotations

import hashlib

KEY = "camp_release"
"""Where in a notebook's metadata the stamp is."""
HANDED_IN = "camp_submission"
"""Where in a packed notebook's metadata it says who hands it in, and of which release it is."""
SCHEMA_VERSION = 1
PANEL = "progress-"
"""Begins the ids of the cells that show progress."""
_DIGEST_CHARS = 16


def digest(text: str) -> str:
    """A short hash of a cell's text, blank lines at its ends and the line ends of Windows left aside."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return digest_of(plain.encode("utf-8", "replace"))


def digest_of(data: bytes) -> str:
    """A short hash of bytes."""
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]


def box_id(assignment: str) -> str:
    """The id of an assignment's panel among the widgets of a notebook."""
    return hashlib.sha256(f"camp panel {assignment}".encode()).hexdigest()[:32]


def answer_id(task: str) -> str:
    """The id of a task's answer cell; its grade id is the task's own."""
    return f"{task}-answer"


def check_ids(task: str) -> tuple[str, str]:
    """The id of a task's check cell, and its grade id."""
    return f"{task}-check", f"{task}_check"
