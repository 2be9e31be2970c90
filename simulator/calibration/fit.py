"""Fits constants on the published throughputs and prints the residuals.

    python -m calibration.fit           # residuals of the constants as they are
    python -m calibration.fit --fit     # searches, prints the constants found and their residuals

The search is a coordinate descent on the mean absolute logarithm of predicted by published, each network on
each chip with the square root of its rows as weight, errors beyond a factor of two counting less. It starts
from the constants as they are, uses no randomness and takes some minutes. Nothing is written: constants are
changed by hand.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from typing import TYPE_CHECKING

from npusim import execution_ns, find_chip, fuse
from npusim.constants import CONSTANTS

from calibration.networks import NETWORKS, resnet50
from calibration.published import BUILDS, Row, rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npusim import GraphNode

# name: (lowest, highest) value that the search may try; what hardware can do at all
BOUNDS: dict[str, tuple[float, float]] = {
    "task_overhead_ns": (500, 20_000),
    "model_execute_ns": (20_000, 500_000),
    "cube_efficiency": (0.1, 0.95),
    "depthwise_efficiency": (0.05, 0.95),
    "vector_efficiency": (0.05, 0.95),
    "memory_efficiency": (0.2, 0.92),
    "l2_efficiency": (0.1, 1.0),
    "l2_room": (0.1, 1.0),
    "l2_falloff": (0.3, 8.0),
    "overlap": (0.0, 0.95),
    "memory_bandwidth.Ascend310B": (51.2, 102.4),
}
FACTOR_OF_TWO = math.log(2)
DISCOUNT = 0.3
STEPS = (0.15, 0.07, 0.03)

_graphs: dict[tuple[str, int, str], list[GraphNode]] = {}


def graph(row: Row) -> list[GraphNode]:
    """The compiled graph of a row's network at its batch."""
    key = (row.network, row.batch, row.precision)
    if key not in _graphs:
        # only ResNet-50 was published quantised
        nodes = resnet50(row.batch, "int8") if row.precision == "int8" else NETWORKS[row.network](row.batch)
        _graphs[key] = fuse(nodes, **BUILDS.get(row.network, {}))
    return _graphs[key]


def predict(row: Row) -> float:
    """Images or sequences a second of a row, by the model."""
    return row.batch * row.dies * 1e9 / execution_ns(find_chip(row.soc), graph(row))


def relative_error(row: Row) -> float:
    """Predicted by published, less one."""
    return predict(row) / row.fps - 1


def scores(chosen: Iterable[Row]) -> dict[str, float]:
    """How good the model is: the figures of build/scoreboard/cost_model.json."""
    listed = list(chosen)
    errors = sorted(abs(relative_error(row)) for row in listed)
    middle = len(errors) // 2
    median = errors[middle] if len(errors) % 2 else (errors[middle - 1] + errors[middle]) / 2
    return {
        "median_abs_rel_error": round(median, 4),
        "within_35_percent": round(sum(e <= 0.35 for e in errors) / len(errors), 4),  # noqa: PLR2004 - as named
        "spearman": round(_spearman([predict(r) for r in listed], [r.fps for r in listed]), 4),
        "rows": len(listed),
    }


def _spearman(left: list[float], right: list[float]) -> float:
    a, b = _ranks(left), _ranks(right)
    mean = (len(a) - 1) / 2
    top = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    return top / math.sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))


def _ranks(values: list[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda i: values[i])
    ranks = [0.0] * len(values)
    for rank, i in enumerate(order):
        ranks[i] = float(rank)
    return ranks


def loss(fitted: list[Row]) -> float:
    """What the search makes small."""
    sizes = Counter(row.group for row in fitted)
    total = weights = 0.0
    for row in fitted:
        error = abs(math.log(predict(row) / row.fps))
        weight = 1 / math.sqrt(sizes[row.group])
        total += weight * min(error, FACTOR_OF_TWO + DISCOUNT * (error - FACTOR_OF_TWO))
        weights += weight
    return total / weights


def search(fitted: list[Row]) -> dict[str, float]:
    """The constants that fit best, found from where they are."""
    found = {name: CONSTANTS[name].value for name in BOUNDS}
    best = loss(fitted)
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for name, (low, high) in BOUNDS.items():
                for factor in (1 + step, 1 / (1 + step)):
                    tried = float(f"{min(max(found[name] * factor, low), high):.3g}")
                    set_constant(name, tried)
                    now = loss(fitted)
                    if now < best - 1e-5:
                        best, found[name], improved = now, tried, True
                    set_constant(name, found[name])
            print(f"step {step:.2f}: {best:.4f} {found}", flush=True)  # noqa: T201 - a command
    return found


def set_constant(name: str, value: float) -> None:
    """Changes a constant for this process."""
    CONSTANTS[name] = CONSTANTS[name]._replace(value=value)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Fit the cost model on published throughputs.")
    parser.add_argument("--fit", action="store_true", help="search before printing residuals (minutes)")
    wanted = parser.parse_args().fit
    every = rows()
    if wanted:
        search([row for row in every if not row.varying and not row.outlier])
    for row in every:
        mark = "varying lengths" if row.varying else "outlier" if row.outlier else ""
        print(  # noqa: T201 - a command
            f"{row.network:14} {row.soc:12} {row.precision:8} batch {row.batch:4} published {row.fps:9.1f} "
            f"predicted {predict(row):9.1f} {relative_error(row):+7.1%} {mark}"
        )
    print(scores(every))  # noqa: T201 - a command


if __name__ == "__main__":
    main()
