"""What the cost model predicts beside what was published."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import npusim
from calibration.fit import predict
from calibration.held_out import held_out, predict_held_out
from calibration.published import rows

from explorables.reference import ACCENT, BAND, GOOD, QUIET, WARM, axes, plot, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.axes import Axes

    from explorables.reference import Html, Markdown

BAND_WIDTH = 0.35
THOUSAND = 1000
COMMAND = "python -m calibration.fit --fit"
LOOKS = {"Ascend310": ("s", WARM), "Ascend310P3": ("o", ACCENT), "Ascend310B1": ("^", GOOD)}


class Point(NamedTuple):
    """A published throughput (a second) and the model's, of a network on a chip.

    `group` is "fitted", "left out" (in the table, but not used for the fit) or "held out" (never seen).
    """

    network: str
    soc: str
    precision: str
    batch: int
    published: float
    predicted: float
    group: str

    @property
    def error(self) -> float:
        """Predicted by published, less one: above 0 the model is too fast."""
        return self.predicted / self.published - 1


def points() -> list[Point]:
    """All published throughputs: those of the calibration table, then those held out."""
    found = []
    for row in rows():
        group = "left out" if row.varying or row.outlier else "fitted"
        found.append(Point(row.network, row.soc, row.precision, row.batch, row.fps, predict(row), group))
    found += [
        Point(held.network, held.soc, "float16", held.batch, held.fps, predict_held_out(held), "held out")
        for held in held_out()
    ]
    return found


def _draw(drawn: Axes, every: list[Point], soc: str, *, fitted: bool) -> None:
    """One chip's points, filled where they were fitted."""
    marker, colour = LOOKS[soc]
    shown = [p for p in every if p.soc == soc and (p.group == "fitted") == fitted]
    drawn.plot(
        [p.published for p in shown],
        [p.predicted for p in shown],
        marker,
        color=colour,
        markersize=6,
        markerfacecolor=colour if fitted else "none",
        label=f"{soc.removeprefix('Ascend')}, {'' if fitted else 'not '}fitted",
    )


def calibration_plot(every: Iterable[Point]) -> Html:
    """Predicted against published on logarithmic axes, with the band of 35 percent."""
    found = list(every)
    figure, drawn = axes(7.6, 5.6)
    ends = [60.0, 25_000.0]
    drawn.fill_between(
        ends, [(1 - BAND_WIDTH) * e for e in ends], [(1 + BAND_WIDTH) * e for e in ends], color=BAND
    )
    drawn.plot(ends, ends, color=QUIET, linewidth=1)
    for fitted in (True, False):
        for soc in LOOKS:
            _draw(drawn, found, soc, fitted=fitted)
    drawn.set_xlim(*ends)
    drawn.set_ylim(*ends)
    drawn.set_xlabel("published, images or sequences a second")
    drawn.set_ylabel("predicted by the model")
    drawn.legend(loc="upper left", fontsize=11, frameon=False)
    outside = sum(abs(p.error) > BAND_WIDTH for p in found)
    return plot(
        figure,
        "Predicted and published throughput",
        f"{len(found)} points along the diagonal over two and a half orders of magnitude; "
        f"{outside} of them are more than 35 percent away.",
        "On the line the model is exact; within the band it is at most 35 % away. Above the line it is too "
        "fast. Hollow points were not used for the fit.",
    )


def error_table(every: Iterable[Point], key: Callable[[Point], str] = lambda p: p.network) -> Markdown:
    """For each group of points their number, the range of errors, and how many lie in the band."""
    groups: dict[str, list[float]] = {}
    for point in every:
        groups.setdefault(key(point), []).append(point.error)
    lines = [
        (
            name,
            str(len(errors)),
            f"{min(errors):+.0%} to {max(errors):+.0%}",
            f"{sum(abs(e) <= BAND_WIDTH for e in errors)}",
        )
        for name, errors in groups.items()
    ]
    return table(
        ("Network", "Figures", "Predicted by published, less one", "Within 35 %"), lines, numbers_from=1
    )


def _value(constant: npusim.Constant) -> str:
    """A constant's value with its unit, sizes in MiB or GiB where they are whole."""
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB")):
        if constant.unit == "B" and constant.value % size == 0:
            return f"{constant.value / size:,.0f} {unit}"
    number = f"{constant.value:,.0f}" if constant.value >= THOUSAND else f"{constant.value:g}"
    return number if constant.unit == "1" else f"{number} {constant.unit}"


def constants_table() -> Markdown:
    """Every constant of the cost model with value, unit, kind, source and derivation."""
    lines = []
    for constant in npusim.CONSTANTS.values():
        derivation = constant.derivation.replace(COMMAND, f"`{COMMAND}`")
        source = f"{constant.source}. *{derivation}*".replace("|", "\\|")
        lines.append((f"`{constant.name}`", _value(constant), constant.kind, source))
    return table(("Constant", "Value", "Kind", "Source, and how it follows from it"), lines)
