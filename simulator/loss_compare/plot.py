"""Two curves and their relative error as a picture that every browser shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loss_compare.verdict import Verdict

WIDTH, HEIGHT, LEFT, GAP = 720, 220, 70, 50
_GOLDEN, _OTHER, _ERROR = "#4c5a67", "#c8102e", "#0067b1"


def svg(verdict: Verdict) -> str:
    """The losses above, the relative error below, as an SVG document."""
    steps = [s for s in verdict.steps if math.isfinite(s.loss)]
    losses = [value for s in verdict.steps for value in (s.golden, s.loss) if math.isfinite(value)]
    errors = [100 * s.relative for s in steps] or [0.0]
    count = len(verdict.steps)
    parts = [
        *_axes(GAP, "loss", min(losses), max(losses)),
        _curve([(s.number, s.golden) for s in verdict.steps], GAP, count, losses, _GOLDEN),
        _curve([(s.number, s.loss) for s in steps], GAP, count, losses, _OTHER),
        *_axes(HEIGHT + 2 * GAP, "relative error, %", 0.0, max(errors)),
        _curve(
            [(s.number, 100 * s.relative) for s in steps], HEIGHT + 2 * GAP, count, [0.0, *errors], _ERROR
        ),
        _text(LEFT, 30, "reference", _GOLDEN) + _text(LEFT + 90, 30, "compared", _OTHER),
        _text(WIDTH - 90, 2 * HEIGHT + 2 * GAP + 20, f"step {count}"),
    ]
    title = "<title>Losses of the reference and the compared training, and their relative error</title>"
    size = f'viewBox="0 0 {WIDTH} {2 * HEIGHT + 3 * GAP}" font-family="sans-serif" font-size="13"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{title}{"".join(parts)}</svg>\n'


def _axes(top: int, name: str, low: float, high: float) -> list[str]:
    bottom = top + HEIGHT
    lines = f'<path d="M{LEFT} {top}V{bottom}H{WIDTH - 20}" fill="none" stroke="#888"/>'
    return [
        lines,
        _text(LEFT, top - 6, name),
        _text(4, top + 10, f"{high:.4g}"),
        _text(4, bottom, f"{low:.4g}"),
    ]


def _curve(
    curve: Sequence[tuple[int, float]], top: int, count: int, scale: Sequence[float], colour: str
) -> str:
    low, high = min(scale), max(scale)
    span = high - low or 1.0
    across = (WIDTH - 20 - LEFT) / max(count - 1, 1)
    points = " ".join(
        f"{LEFT + (number - 1) * across:.1f},{top + HEIGHT * (1 - (value - low) / span):.1f}"
        for number, value in curve
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _text(x: int, y: int, text: str, colour: str = "#333") -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}">{text}</text>'
