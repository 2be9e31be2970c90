"""Which operators cost the most."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from npu_advice.profile import Profile


class OperatorTotal(NamedTuple):
    """What all launches of an operator's type cost in one step.

    Attributes:
        name: the type, as in op_statistic.csv.
        launches: how many a step.
        device: nanoseconds a step on the device.
        host: nanoseconds a step that the host took to launch them.
    """

    name: str
    launches: float
    device: float
    host: float

    @property
    def cost(self) -> float:
        """What it costs where host and device work at the same time: the longer of the two."""
        return max(self.device, self.host)


def rank_operators(profile: Profile) -> list[OperatorTotal]:
    """The types of operators, the most expensive first; the host's time counts as the device's does.

    A step is as long as the longer of the two sides, so an operator that is launched a hundred times for a
    microsecond each stands above one that computes for twenty.
    """
    totals: dict[str, list[float]] = {}
    for call in profile.calls:
        if call.kind in {"kernel", "copy"}:
            total = totals.setdefault(call.name, [0, 0, 0])
            total[0] += 1
            total[1] += call.duration
            total[2] += call.host
    rows = [
        OperatorTotal(name, *(figure / profile.steps for figure in total)) for name, total in totals.items()
    ]
    return sorted(rows, key=lambda row: (-row.cost, row.name))
