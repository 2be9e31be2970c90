"""The plots of the class report: SVG that follows the page's colours, the same bytes for the same class."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camp.report.items import Item

_BLUE, _PALE, _AMBER = "#2f7fd0", "#9fb8d1", "#c77700"
"""Each at least 3:1 against the page's white and its near-black (WCAG 1.4.11), the pale one as a ground."""
_BARS = 20
_CHARS = 26


def points_plot(points: list[int], most: int) -> str:
    """How many learners earned how many points."""
    figure = _figure(4.6, 2.6)
    axes = figure.subplots()
    step = max(1, -(-(most + 1) // _BARS))
    axes.hist(points, bins=[edge - 0.5 for edge in range(0, most + step + 1, step)], color=_BLUE, rwidth=0.9)
    axes.set(xlabel=f"points of {most}", ylabel="learners", title="Points")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    return _svg(figure, axes)


def tasks_plot(items: list[Item]) -> str:
    """Facility of each task as a bar, discrimination as a mark, on one scale from below 0 to 1.

    Tasks that are graded by hand have neither.
    """
    items = [it for it in items if not it.task.by_hand]
    figure = _figure(5.4, 0.9 + 0.34 * max(len(items), 3))
    axes = figure.subplots()
    names = _names(items)
    axes.barh(names, [it.facility or 0 for it in reversed(items)], color=_PALE, label="facility")
    marked = [(name, it.discrimination) for name, it in zip(names, reversed(items), strict=True)]
    known = [(value, name) for name, value in marked if value is not None]
    if known:
        values, rows = zip(*known, strict=True)
        axes.plot(values, rows, "D", color=_AMBER, markersize=6, label="discrimination")
    title = "Difficulty and discrimination" if known else "Difficulty"
    axes.set(xlim=(min([0.0, *(value for value, _ in known)]), 1.0), title=title)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    return _svg(figure, axes)


def minutes_plot(items: list[Item]) -> str:
    """The author's estimate of each task's minutes as a bar, the recorded median as a mark."""
    figure = _figure(5.4, 0.9 + 0.34 * max(len(items), 3))
    axes = figure.subplots()
    names = _names(items)
    axes.barh(names, [it.task.minutes for it in reversed(items)], color=_PALE, label="estimate")
    timed = [
        (it.minutes, name) for name, it in zip(names, reversed(items), strict=True) if it.minutes is not None
    ]
    if timed:
        values, rows = zip(*timed, strict=True)
        axes.plot(values, rows, "D", color=_AMBER, markersize=6, label="median recorded")
    axes.set(xlabel="minutes", title="Time against estimate")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2)
    return _svg(figure, axes)


def _names(items: list[Item]) -> list[str]:
    """The tasks' titles from the last to the first, short, and all different."""
    numbered = list(enumerate(items, start=1))
    return [
        f"{n} · {textwrap.shorten(it.task.title, _CHARS, placeholder='…')}" for n, it in reversed(numbered)
    ]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _svg(figure: Any, axes: Any) -> str:
    import matplotlib as mpl

    axes.spines[["top", "right"]].set_visible(False)
    text = io.StringIO()
    # Without a date and with a fixed salt the same class gives the same bytes.
    with mpl.rc_context({"svg.hashsalt": "cann-camp", "svg.fonttype": "none", "svg.id": None}):
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace("#000000", "currentColor")
