"""How the price of starting a task compares with the work in it, for products of growing matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorables.slider import slider_over

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ipywidgets as widgets  # type: ignore[import-untyped]

TIMES = "\N{MULTIPLICATION SIGN}"


def _bar(label: str, share: float, text: str, tone: str) -> str:
    """Draw one bar, `share` between 0 and 1."""
    width = max(0.4, min(100.0, 100 * share))
    return (
        f'<div class="bar"><span class="what">{label}</span><span class="track">'
        f'<span class="fill {tone}" style="width:{width:.1f}%"></span></span>'
        f'<span class="value">{text}</span></div>'
    )


def _number(value: float) -> str:
    """Write a number with three significant digits."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004  three digits are shown
    return f"{value:.{digits}f}"


def frame(n: int, micros: float, slowest: float, peak_tflops: float) -> str:
    """Draw the product of two n by n matrices as HTML.

    Args:
        n: rows and columns of both matrices.
        micros: device time of the product, in µs.
        slowest: device time of the slowest product shown, in µs.
        peak_tflops: the chip's peak for float16, in TFLOP/s.
    """
    tflops = 2 * n**3 / micros / 1e6
    pairs = n * n * n // 16**3
    bars = _bar("device time", micros / slowest, f"{_number(micros)} µs", "cool") + _bar(
        "share of the peak", tflops / peak_tflops, f"{_number(100 * tflops / peak_tflops)} %", "warm"
    )
    size = f"<strong>{n} {TIMES} {n}</strong>"
    blocks = f"{pairs:,} multiplication{'s' * (pairs > 1)} of 16 {TIMES} 16 blocks"
    return (
        f'<div class="camp-bars"><p>{size} times {size}: {blocks}, {_number(tflops)} TFLOP/s</p>{bars}</div>'
    )


def launch_explorer(times: Mapping[int, float], peak_tflops: float) -> widgets.Box:
    """Make the explorable: a slider over the size of the matrices, and what the device needed.

    Args:
        times: for each size n, the device time of the product in µs.
        peak_tflops: the chip's peak for float16, in TFLOP/s.
    """
    slowest = max(times.values())
    frames = {f"{n} {TIMES} {n}": frame(n, micros, slowest, peak_tflops) for n, micros in times.items()}
    return slider_over(frames, "Size of the matrices", start=len(times) // 2)
