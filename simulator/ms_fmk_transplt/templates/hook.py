"""Records which operators see a new shape from one training step to the next.

Write `for batch in DETECTOR.start(loader):` in the training loop and run the script; when the loop ends,
msft_dynamic_shape_analysis_report.csv lists the operators whose shapes changed, and the line of each call.
"""

from __future__ import annotations

import csv
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")
Seen = dict[tuple[str, str], dict[tuple[tuple[int, ...], ...], None]]
REPORT = "msft_dynamic_shape_analysis_report.csv"


class _Shapes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the input shapes of every operator, by operator and calling line."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = seen

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        shapes = tuple(
            tuple(leaf.shape) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)
        )
        self.seen.setdefault((str(func), _caller()), {}).setdefault(shapes, None)
        return func(*args, **(kwargs or {}))


def _caller() -> str:
    """File and line of the script that led to this operator; empty in the backward pass."""
    skip = (str(Path(torch.__file__).parent), __file__)
    for frame, line in traceback.walk_stack(sys._getframe(2)):
        name = frame.f_code.co_filename
        if not name.startswith(skip) and not name.startswith("<"):
            return f"{name}:{line}"
    return ""


class Detector:
    """Watches the turns of a training loop."""

    def __init__(self) -> None:
        self.seen: Seen = {}

    def start(self, loader: Iterable[T]) -> Iterator[T]:
        """Yield what `loader` yields, and record each turn; writes the report at the end."""
        try:
            for batch in loader:
                with _Shapes(self.seen):
                    yield batch
        finally:
            self.write()

    def write(self, path: str = REPORT) -> None:
        """Write the operators that saw more than one shape."""
        with Path(path).open("w", encoding="utf-8-sig", newline="") as stream:
            out = csv.writer(stream)
            out.writerow(["Operator", "Called At", "Number Of Shapes", "Shapes"])
            for (name, place), shapes in self.seen.items():
                if len(shapes) > 1:
                    out.writerow(
                        [name, place, len(shapes), "; ".join(str(list(s)) for s in list(shapes)[:5])]
                    )


DETECTOR = Detector()
