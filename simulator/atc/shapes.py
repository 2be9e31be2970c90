"""The options that say shapes: --input_shape and the three that make gears of a dynamic one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from atc.errors import AtcError, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

Shapes = dict[str, tuple[int, ...]]
MOST_GEARS = 100  # ATC's guide: at most 100 gears, at least 2
SAMPLE = "input_name1:n1,c1,h1,w1;input_name2:n2,c2,h2,w2"


def parse_input_shape(text: str) -> Shapes:
    """Read `name:1,3,224,224;other:1,10`.

    Raises:
        AtcError: it has another form (E10002).
    """
    found: Shapes = {}
    for part in filter(None, (p.strip() for p in text.split(";"))):
        name, colon, numbers = part.rpartition(":")
        if not colon or not name:
            raise AtcError(
                "E10002",
                f"Value [{text}] for parameter [--input_shape] is invalid. Reason: "
                f"[{part}] has no colon. The value must look like [{SAMPLE}]",
            )
        if not re.fullmatch(r"-?\d+(,-?\d+)*", numbers.replace(" ", "")):
            raise AtcError(
                "E10002",
                f"Value [{text}] for parameter [--input_shape] is invalid. Reason: "
                f"[{numbers}] is no list of integers. The value must look like [{SAMPLE}]",
            )
        found[name.strip()] = tuple(int(n) for n in numbers.split(","))
    return found


@dataclass(frozen=True)
class Gears:
    """The sizes that a dynamic model can be set to when it runs.

    Attributes:
        kind: "static", "batch", "hw" or "dims".
        choices: for each gear the numbers that stand for the -1 of the inputs, in their order.
    """

    kind: str
    choices: tuple[tuple[int, ...], ...]

    def shapes(self, inputs: Mapping[str, tuple[int, ...]], choice: tuple[int, ...]) -> Shapes:
        """The shapes of the inputs in one gear."""
        left = list(choice)
        found: Shapes = {}
        for name, shape in inputs.items():
            if self.kind == "batch":
                found[name] = tuple(choice[0] if n == -1 else n for n in shape)
            elif self.kind == "hw" and shape.count(-1):
                found[name] = (*shape[:-2], *choice) if shape[-2:] == (-1, -1) else _middle(shape, choice)
            else:
                found[name] = tuple(left.pop(0) if n == -1 else n for n in shape)
        return found


def _middle(shape: tuple[int, ...], choice: tuple[int, ...]) -> tuple[int, ...]:
    """Height and width in the middle: NHWC."""
    numbers = iter(choice)
    return tuple(next(numbers) if n == -1 else n for n in shape)


def gears(shapes: Shapes, batch: str, image: str, dims: str, input_format: str = "NCHW") -> Gears:
    """The gears that the options ask for.

    Raises:
        AtcError: more than one option (E10009), a -1 without one (E10011), one without a -1 (E10031, E10040),
            a -1 where the option has none (E10018, E10019), too few or too many gears (E10035, E10036),
            gears that are no sizes (E10001, E10038), that are the same (E10039), or of other lengths than
            the inputs ask for (E10020, E10037, E10045, E10046).
    """
    given = [name for name, text in (("batch", batch), ("hw", image), ("dims", dims)) if text]
    unknown = sum(shape.count(-1) for shape in shapes.values())
    if len(given) > 1:
        raise AtcError(
            "E10009", "--dynamic_batch_size, --dynamic_image_size and --dynamic_dims exclude each other"
        )
    if not given:
        if unknown:
            raise AtcError(
                "E10011",
                f"Value [{_spell(shapes)}] for parameter [--input_shape] is invalid: it holds -1, and "
                "neither --dynamic_batch_size, --dynamic_image_size nor --dynamic_dims gives the gears",
            )
        return Gears("static", ((),))
    if not unknown:
        raise AtcError(
            "E10031" if batch else "E10040",
            f"a dynamic option is given and no dimension is -1 in [--input_shape] [{_spell(shapes)}]",
        )
    kind = given[0]
    _check_places(kind, shapes, input_format)
    choices = _choices(kind, batch or image or dims, unknown)
    if not 1 < len(choices) <= MOST_GEARS:
        code = "E10036" if len(choices) > MOST_GEARS else "E10035"
        raise AtcError(code, f"{len(choices)} gears are given; give 2 to {MOST_GEARS}")
    return Gears(kind, choices)


def _check_places(kind: str, shapes: Shapes, input_format: str) -> None:
    """The -1 of batch gears is the first dimension, those of image gears are height and width."""
    for name, shape in shapes.items():
        text = f"[{name}:{','.join(map(str, shape))}] of [--input_shape]"
        if kind == "batch" and -1 in shape[1:]:
            raise AtcError("E10018", f"{text}: with --dynamic_batch_size only the batch can be -1")
        height = input_format.find("H")
        wanted = (height, height + 1) if height > 0 else (len(shape) - 2, len(shape) - 1)
        if kind == "hw" and any(n == -1 and place not in wanted for place, n in enumerate(shape)):
            raise AtcError("E10019", f"{text}: with --dynamic_image_size only height and width can be -1")


def _choices(kind: str, text: str, unknown: int) -> tuple[tuple[int, ...], ...]:
    option = {"batch": "--dynamic_batch_size", "hw": "--dynamic_image_size", "dims": "--dynamic_dims"}[kind]
    parts = text.split(",") if kind == "batch" else text.split(";")
    try:
        choices = tuple(tuple(int(n) for n in part.split(",")) for part in parts if part.strip())
    except ValueError:
        raise invalid(option, text, "it holds something else than integers") from None
    width = {"batch": 1, "hw": 2, "dims": unknown}[kind]
    for choice in choices:
        if min(choice) < 1:
            raise AtcError(
                "E10038", f"gear {list(choice)} of [{option}] holds {min(choice)}; give sizes from 1"
            )
        if len(choice) != width:
            needs = f"gear {list(choice)} of [{option}] has {len(choice)} numbers, {width} are needed"
            raise AtcError(_length_code(kind, {len(c) for c in choices}, len(choice) < width), needs)
    if len(set(choices)) != len(choices):
        raise AtcError("E10039", f"[{option}] [{text}] gives a gear twice")
    return choices


def _length_code(kind: str, lengths: set[int], short: bool) -> str:  # noqa: FBT001 - of this file
    if kind == "hw":
        return "E10020"
    if len(lengths) > 1:
        return "E10037"
    return "E10045" if short else "E10046"


def _spell(shapes: Shapes) -> str:
    return ";".join(f"{name}:{','.join(map(str, shape))}" for name, shape in shapes.items())
