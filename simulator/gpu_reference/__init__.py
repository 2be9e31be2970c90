"""GPU profiles to compare an NPU profile with: simulated, for a published GPU.

`msprof-analyze compare -d <NPU profile> -bp <GPU profile>` wants a profile of the same training on a GPU.
Few learners have one. These come from the cost model of `npusim` with the figures of NVIDIA's A100 in the
place of an Ascend chip's (`gpu_reference.a100`), for the trainings in `gpu_reference.trainings`. They are no
measurement, and each file says so. `python -m gpu_reference.make` makes them.
"""

from __future__ import annotations

from pathlib import Path

_DATA = Path(__file__).parent / "data"


class UnknownReferenceError(LookupError):
    """No GPU profile is kept under that name."""


def names() -> tuple[str, ...]:
    """The trainings of which a GPU profile is kept."""
    return tuple(sorted(path.stem.removesuffix("_a100") for path in _DATA.glob("*_a100.json")))


def path(name: str) -> Path:
    """The GPU profile of a training, a trace as torch.profiler writes it.

    Args:
        name: one of `names()`.

    Raises:
        UnknownReferenceError: there is none of that name.
    """
    found = _DATA / f"{name}_a100.json"
    if name not in names():
        raise UnknownReferenceError(f"no GPU profile is kept of {name!r}; there are: {', '.join(names())}.")
    return found
