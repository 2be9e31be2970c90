"""Progress as people see it: rows, and how they look as plain text and as HTML."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from camp.seat.marks import digest
from camp.seat.state import FAILED, PASSED, State

if TYPE_CHECKING:
    from camp.seat.notebook import Notebook, Task

OPEN, UNCHECKED, CHANGED, ANSWERED, ALTERED = "open", "unchecked", "changed", "answered", "altered"
WORDS = {
    PASSED: "✓ passed",
    FAILED: "✗ failed",
    OPEN: "· not answered yet",
    UNCHECKED: "· run its check",
    CHANGED: "· changed since its check passed: run it again",
    ANSWERED: "✓ answered; a person reads it",
    ALTERED: "✗ its check was changed or is gone",
}
"""How a task stands, in words."""
DONE = frozenset({PASSED, ANSWERED})


@dataclass(frozen=True)
class Row:
    """How one task stands."""

    task: Task
    status: str
    message: str = ""

    @property
    def points(self) -> int:
        """The points that the public check speaks for."""
        return self.task.points if self.status == PASSED else 0


@dataclass(frozen=True)
class Standing:
    """How the whole notebook stands."""

    title: str
    page: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What differs from a run of the grader's, a line each."""
    news: str = ""
    """What the last check from a fresh kernel gave."""

    @property
    def done(self) -> int:
        """How many tasks pass or, where a person reads them, are answered."""
        return sum(row.status in DONE for row in self.rows)

    @property
    def points(self) -> int:
        """The points that public checks speak for so far."""
        return sum(row.points for row in self.rows)

    @property
    def of_points(self) -> int:
        """The points that public checks can speak for."""
        return sum(row.task.points for row in self.rows if not row.task.by_hand)

    @property
    def by_hand(self) -> int:
        """The points that a person gives."""
        return sum(row.task.points for row in self.rows if row.task.by_hand)

    @property
    def next(self) -> Row | None:
        """The first task that is not done."""
        return next((row for row in self.rows if row.status not in DONE), None)

    def summary(self) -> str:
        """The whole in one line."""
        hand = f", and {self.by_hand} that a person gives" if self.by_hand else ""
        return (
            f"{self.done} of {len(self.rows)} tasks · {self.points} of {self.of_points} points so far{hand}"
        )

    def with_notes(self, notes: list[str]) -> Standing:
        """The same with further lines beneath."""
        return replace(self, notes=(*self.notes, *dict.fromkeys(n for n in notes if n not in self.notes)))


def standing(notebook: Notebook, state: State) -> Standing:
    """How a notebook stands, from what is saved of it and what is known of its checks."""
    rows = tuple(_row(notebook, state, task) for task in notebook.release.tasks)
    return Standing(notebook.release.title, notebook.release.page, rows)


def _row(notebook: Notebook, state: State, task: Task) -> Row:
    cell, judged, result = notebook.answer(task), notebook.check(task), state.of(task.id)
    if task.by_hand:
        return Row(task, ANSWERED if notebook.answered(cell) else OPEN)
    unsaved = result.at > notebook.modified  # then the kernel knows more than the file
    latest = result.ran if result.ran and unsaved else digest(cell.source) if cell else ""
    if judged is None or not notebook.as_handed_out(judged):
        return Row(task, ALTERED)
    if result.status == PASSED:
        return Row(task, PASSED if result.answer == latest else CHANGED)
    if not notebook.answered(cell) and not (unsaved and result.ran):
        return Row(task, OPEN)
    if not result.status or result.answer != latest:
        return Row(task, UNCHECKED)
    return Row(task, result.status, result.message)


def as_text(standing: Standing) -> str:
    """The table as plain text, for a terminal or a page without widgets."""
    width = max(len(row.task.title) for row in standing.rows) if standing.rows else 0
    lines = [f"{standing.title}: {standing.summary()}"]
    for row in standing.rows:
        lines.append(f"  {row.task.title:<{width}}  {row.task.points:>2} points  {WORDS[row.status]}")
        lines += [f"      {row.message}"] if row.message else []
    lines += [_what_next(standing), *([standing.news] if standing.news else [])]
    return "\n".join([*lines, *(f"! {note}" for note in standing.notes)])


def _what_next(standing: Standing) -> str:
    row = standing.next
    if row is None:
        return "All tasks done. Save the notebook and hand it in."
    return f"Next: {row.task.title}, about {row.task.minutes} minutes. Read about it: {row.task.page}"


_LINK = "color:var(--jp-content-link-color,inherit);text-decoration:underline"
_STYLE = "padding:2px 14px 2px 0;text-align:left;vertical-align:top;background:none;color:inherit"


def as_html(standing: Standing) -> str:
    """The table for the notebook; colours are the page's own, so that it reads by day and by night."""
    rows = "".join(
        f"<tr><th scope='row' style='{_STYLE};font-weight:normal'>{html.escape(row.task.title)}</th>"
        f"<td style='{_STYLE}'>{row.task.points} point{'s' if row.task.points > 1 else ''}</td>"
        f"<td style='{_STYLE}'>{WORDS[row.status]}"
        + (f"<br><small>{html.escape(row.message)}</small>" if row.message else "")
        + "</td></tr>"
        for row in standing.rows
    )
    row = standing.next
    after = "<b>All tasks done.</b> Save the notebook and hand it in."
    if row is not None:
        page = html.escape(row.task.page, quote=True)
        after = (
            f"<b>Next:</b> {html.escape(row.task.title)}, about {row.task.minutes} minutes · "
            f"<a href='{page}' target='_blank' rel='noopener' style='{_LINK}'>read about it</a>"
        )
    news = f"<div>{html.escape(standing.news)}</div>" if standing.news else ""
    notes = "".join(f"<div role='note'>⚠ {html.escape(note)}</div>" for note in standing.notes)
    most = max(1, len(standing.rows))
    bar = f"<progress max='{most}' value='{standing.done}' aria-label='tasks done'></progress>"
    return (
        "<div style='color:var(--jp-ui-font-color1,inherit);font-family:var(--jp-ui-font-family,sans-serif);"
        "line-height:1.45;border-left:3px solid currentColor;padding:4px 0 4px 12px;margin:4px 0'>"
        f"<div>{bar} {html.escape(standing.summary())}</div>"
        f"<table style='border-collapse:collapse;margin:4px 0;color:inherit'>{rows}</table>"
        f"<div>{after}</div>{news}{notes}</div>"
    )
