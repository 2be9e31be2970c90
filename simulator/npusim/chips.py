"""The chips: cores, clocks, buffers, memory, and how to find one by name."""

from __future__ import annotations

from typing import NamedTuple

from npusim._chip_table import ROWS
from npusim.exceptions import UnknownChipError

HALF_BYTES = 2


class Chip(NamedTuple):
    """One row of the chip table.

    Sizes in bytes, clocks in MHz, rates in bytes per cycle and core, None where unknown.

    `cube_fp16` and `cube_int8` are (m, k, n) of the matrix product that the Cube finishes in one cycle.
    `vector_lanes` counts half-precision elements a cycle. Source: the platform configuration files of CANN.
    """

    soc: str
    architecture: str
    family: str
    ai_cores: int
    cube_cores: int | None
    vector_cores: int | None
    ai_cpus: int | None
    clock_mhz: int
    cube_fp16: tuple[int, int, int]
    cube_int8: tuple[int, int, int]
    vector_lanes: int
    vector_clock_mhz: int | None
    l0a_bytes: int
    l0b_bytes: int
    l0c_bytes: int
    l1_bytes: int
    ub_bytes: int
    ub_block_bytes: int
    ub_bank_bytes: int
    ub_banks: int
    l2_bytes: int
    memory_bytes: int | None
    ddr_rate: int | None
    vector_ddr_rate: int | None
    l2_rate: int | None
    l2_write_rate: int | None
    l1_to_l0a_rate: int | None
    l1_to_l0b_rate: int | None
    l1_to_ub_rate: int | None
    l0c_to_ub_rate: int | None
    ub_to_l2_rate: int | None
    ub_to_ddr_rate: int | None
    ub_to_l1_rate: int | None

    @property
    def split(self) -> bool:
        """Whether Cube and Vector are cores of their own (910B and later) instead of one AI Core."""
        return self.cube_cores is not None

    @property
    def cubes(self) -> int:
        """Cores with a Cube."""
        return self.cube_cores or self.ai_cores

    @property
    def vectors(self) -> int:
        """Cores with a Vector unit.

        The vector cores of a split chip, else the AI Cores and the extra vector cores.
        """
        if self.split:
            return self.vector_cores or self.ai_cores
        return self.ai_cores


def chip_names() -> tuple[str, ...]:
    """All names, in the table's order."""
    return tuple(_CHIPS)


def find_chip(name: str, *, where: str = "the chip name") -> Chip:
    """The chip of that name, upper and lower case alike.

    Args:
        name: for example "Ascend910B3"; the prefix may be left out ("910B3").
        where: what the error should say the name came from.

    Raises:
        UnknownChipError: naming the nearest known ones.
    """
    chip = _CHIPS.get(name) or _BY_LOWER.get(name.lower()) or _BY_LOWER.get("ascend" + name.lower())
    if chip is not None:
        return chip
    names = ", ".join(_nearest(name))
    raise UnknownChipError(f"{where}: no chip is called {name!r}. The nearest known ones: {names}.")


def _nearest(name: str, count: int = 3) -> list[str]:
    """The chips whose names look most like one; among equals those met most, then the table's order."""
    from difflib import SequenceMatcher

    # matched in lower case and with the prefix, so that "310b5" finds Ascend310B4
    wanted = name.lower() if name.lower().startswith("ascend") else "ascend" + name.lower()
    likeness = {soc: SequenceMatcher(None, soc.lower(), wanted).ratio() for soc in _CHIPS}
    return sorted(_CHIPS, key=lambda soc: (-likeness[soc], _MET_MOST.get(soc, len(_CHIPS))))[:count]


_CHIPS: dict[str, Chip] = {str(row[0]): Chip._make(row) for row in ROWS}
_BY_LOWER: dict[str, Chip] = {name.lower(): chip for name, chip in _CHIPS.items()}
# in the developer kits, servers and cards of the published figures; only says which of equals to name first
_MET_MOST = {
    f"Ascend{name}": place
    for place, name in enumerate(
        ("310", "310P3", "310B4", "310B1", "910B3", "910B4", "910B1", "910B2", "910A"),
    )
}
