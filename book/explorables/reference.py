"""Tables and plots of the reference pages, made from the simulator's own data."""

from __future__ import annotations

import html
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

# What matplotlib is given, and which of the page's colours takes its place: so a plot is dark in the dark.
INK, QUIET, LINE = "#010101", "#020202", "#030303"
ACCENT, WARM, GOOD, BAD = "#040404", "#050505", "#060606", "#070707"
BAND, GROUND = "#080808", "#090909"
_COLOURS = {
    INK: "--camp-ink",
    QUIET: "--camp-quiet",
    LINE: "--camp-line",
    ACCENT: "--camp-accent",
    WARM: "--camp-warm",
    GOOD: "--camp-good",
    BAD: "--camp-bad",
    BAND: "--camp-accent-soft",
    GROUND: "--camp-bg",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cann-camp",
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Html:
    """Something to show that is HTML."""

    text: str

    def _repr_html_(self) -> str:
        return self.text


@dataclass(frozen=True)
class Markdown:
    """Something to show that is Markdown: it becomes part of the page, and its search finds it."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text


# What Markdown would take for something else.
_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "|<>*_[]$`{}~"})


def plain(text: str) -> str:
    """Text as it stands, in one line, for a table or a list."""
    return " ".join(text.split()).translate(_SIGNS)


def sentence(text: str) -> str:
    """As `plain`, for a list: what stands between backticks stays code."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(part if number % 2 else part.translate(_SIGNS) for number, part in enumerate(parts))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int | None = None) -> Markdown:
    """A table that the page's search finds, as the book sets tables.

    Args:
        columns: their headings.
        rows: cells as text, Markdown allowed.
        numbers_from: the first column to be set to the right, if any.
    """
    right = len(columns) if numbers_from is None else numbers_from
    rules = [":---" if i < right else "---:" for i in range(len(columns))]
    lines = [columns, rules, *rows]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def filter_box(label: str, example: str) -> Html:
    """A field that hides the rows of the next table in which its words do not occur."""
    return Html(
        f'<p class="camp-filter"><label>{html.escape(label)} '
        f'<input type="search" autocomplete="off" placeholder="{html.escape(example)}"></label> '
        '<span class="found" role="status"></span></p>'
    )


def axes(width: float = 7.6, height: float = 4.8) -> tuple[Figure, Axes]:
    """A figure with one pair of logarithmic axes; sizes in inches."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        drawn = figure.subplots()
        drawn.set_xscale("log")
        drawn.set_yscale("log")
        drawn.grid(visible=True)
        drawn.xaxis.set_major_formatter("{x:,.0f}")
        drawn.yaxis.set_major_formatter("{x:,.0f}")
        drawn.set_axisbelow(True)
    return figure, drawn


def plot(figure: Figure, title: str, description: str, caption: str) -> Html:
    """A plot as a drawing of the book, in the page's colours and with a text for those who do not see it."""
    buffer = io.StringIO()
    with rc_context(_STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1; font-family: var(--camp-sans)", drawing)
    for given, wanted in _COLOURS.items():
        drawing = drawing.replace(given, f"var({wanted})")
    words = f"<title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>"
    drawing = re.sub(
        r"(<svg[^>]*)>", rf'\1 role="img" aria-label="{html.escape(title)}">{words}', drawing, count=1
    )
    return Html(
        '<figure class="camp-figure"><div class="scroll" role="group" '
        f'aria-label="{html.escape(title)}, can be scrolled sideways">{drawing}</div>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )
