"""The published throughputs, and which network, chip and build each belongs to."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from calibration.networks import NETWORKS

DATA = Path(__file__).with_name("perf_calibration.csv")
BERT_LARGE_BELOW = 200.0  # a second: the file calls base and large alike, a factor of three apart

# How the published models were built, where the page that prints the figure gives the atc command.
BUILDS: dict[str, dict[str, bool]] = {
    "Resnet18": {"aipp": True, "small_channel": True},
    "Resnet50": {"aipp": True, "small_channel": True},
    "InceptionV3": {"aipp": True},
}

# (chip as printed): the chip, and how many of them the figure is for. vit-small's figures for "310" are a
# fifth of those for one 310P, as one die's are elsewhere in the file: they are not a card's.
_CHIPS = {
    "310P3": ("Ascend310P3", 1),
    "310P": ("Ascend310P3", 1),
    "310B1": ("Ascend310B1", 1),
    "310*4": ("Ascend310", 4),
}


class Row(NamedTuple):
    """One published figure.

    Attributes:
        network: a key of `NETWORKS`.
        batch: images or sequences at once.
        soc: the chip.
        dies: chips that the figure adds up.
        precision: "float16" or "int8".
        fps: images or sequences a second.
        varying: measured on a data set whose sequences are shorter than the shape (not fitted).
        source: where it was printed.
    """

    network: str
    batch: int
    soc: str
    dies: int
    precision: str
    fps: float
    varying: bool
    source: str

    @property
    def group(self) -> tuple[str, str, str]:
        """Rows of one network on one chip."""
        return self.network, self.soc, self.precision

    @property
    def outlier(self) -> bool:
        """Figures that contradict their own neighbours by a factor of two or more (not fitted)."""
        return self.batch == OUTLIER_BATCH and self.group in _OUTLIERS


OUTLIER_BATCH = 64
_OUTLIERS = {("Squeezenet1_1", "Ascend310B1", "float16"), ("vit-small", "Ascend310", "float16")}


def rows() -> list[Row]:
    """All figures, in the file's order."""
    with DATA.open(encoding="utf-8", newline="") as file:
        return [_row(line) for line in csv.DictReader(file)]


def _row(line: dict[str, str]) -> Row:
    fps = float(line["fps"])
    soc, dies = _CHIPS.get(line["chip"], ("Ascend310", 1))
    precision = "int8" if line["precision"] == "int8" else "float16"
    network = _network(line["model"], fps)
    varying = "动态" in line["model"]
    return Row(network, int(line["batch"]), soc, dies, precision, fps, varying, line["source_path"])


def _network(model: str, fps: float) -> str:
    if model.startswith("Bert"):
        return "Bert_large" if fps < BERT_LARGE_BELOW else "Bert_base"
    return next(name for name in NETWORKS if model.lower().startswith(name.lower()))
