"""The chips that torch_npu knows, with the numbers of its list (`NpuVariables.h` of Ascend/pytorch)."""

from __future__ import annotations

NEWER = 220
"""From here on (910B and later) are the chips that a torch_npu of some years ago does not know."""

_SOCS = {
    100: "Ascend910PremiumA Ascend910ProA Ascend910A Ascend910ProB Ascend910B",
    200: "Ascend310P1 Ascend310P2 Ascend310P3 Ascend310P4 Ascend310P5 Ascend310P7",
    220: "Ascend910B1 Ascend910B2 Ascend910B2C Ascend910B3 Ascend910B4 Ascend910B4-1",
    240: "Ascend310B1 Ascend310B2 Ascend310B3 Ascend310B4",
    250: "Ascend910_9391 Ascend910_9392 Ascend910_9381 Ascend910_9382 Ascend910_9372 Ascend910_9362",
    260: "Ascend910_95",
}
_NUMBERS = {soc: first + i for first, socs in _SOCS.items() for i, soc in enumerate(socs.split())}


def number_of(soc: str) -> int:
    """The chip's number; -1 where it is not in the list."""
    return _NUMBERS.get(soc, -1)
