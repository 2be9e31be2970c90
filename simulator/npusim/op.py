"""What an operator is to the hardware: its kind, and the shapes, types and formats it reads and writes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Bytes an element; the names are PyTorch's. A complex number is two reals.
DTYPE_BYTES: dict[str, float] = {
    "bool": 1,
    "int4": 0.5,
    "int8": 1,
    "uint8": 1,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "bfloat16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "complex32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}


class TensorSpec(NamedTuple):
    """Shape, element type and memory format of an operand.

    `fmt` is ND, NCHW, NC1HWC0, FRACTAL_NZ and so on.
    """

    shape: tuple[int, ...]
    dtype: str
    fmt: str = "ND"

    @property
    def numel(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements; an unknown dtype counts 4 bytes an element."""
        return -(-int(self.numel * DTYPE_BYTES.get(self.dtype, 4) * 2) // 2)


C0_BYTES = 32  # the innermost dimension of NC1HWC0 and FRACTAL_NZ is 32 bytes wide: 16 halves or 32 int8
FRACTAL = 16


def fractal_columns(spec: TensorSpec) -> int:
    """Elements that the innermost dimension of the Cube's formats holds."""
    size = DTYPE_BYTES.get(spec.dtype, 4)
    return max(1, int(C0_BYTES / size)) if size <= 2 else FRACTAL  # noqa: PLR2004 - 4-byte types keep 16 channels


def padded_bytes(spec: TensorSpec) -> float:
    """Bytes that an operand takes in its memory format.

    NC1HWC0 pads channels, FRACTAL_NZ the last two dimensions.
    """
    shape, dtype, fmt = spec
    size = DTYPE_BYTES.get(dtype, 4)
    numel = prod(shape)
    if fmt == "ND" or not numel:
        return numel * size
    c0 = fractal_columns(spec)
    if spec.fmt == "NC1HWC0" and len(shape) > 1:
        return numel // shape[1] * -(-shape[1] // c0) * c0 * size
    if spec.fmt == "FRACTAL_Z" and len(shape) > 1:
        out, channels = shape[0], shape[1]
        return numel // (out * channels) * -(-out // FRACTAL) * FRACTAL * -(-channels // c0) * c0 * size
    if spec.fmt == "FRACTAL_NZ" and len(shape) > 1:
        rows, columns = shape[-2], shape[-1]
        return numel // (rows * columns) * -(-rows // FRACTAL) * FRACTAL * -(-columns // c0) * c0 * size
    return numel * size


def padded_elements(spec: TensorSpec) -> int:
    """Elements of an operand in its memory format, those that only pad among them."""
    return spec.numel if spec.fmt == "ND" else int(padded_bytes(spec) / DTYPE_BYTES.get(spec.dtype, 4))


class Op:
    """One operator to be launched.

    Args:
        name: the operator's type as the profiler shows it, for example "Conv2D".
        kind: what it costs like; see `npusim.OP_KINDS`. An unknown kind costs like "elementwise".
        inputs: what it reads, weights included.
        outputs: what it writes.
        attrs: what else decides its cost, with hashable values: "groups", "transpose_a", "transpose_b",
            "flops".
    """

    __slots__ = ("attrs", "inputs", "kind", "name", "outputs")

    def __init__(
        self,
        name: str,
        kind: str,
        inputs: Sequence[TensorSpec] = (),
        outputs: Sequence[TensorSpec] = (),
        attrs: Mapping[str, object] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.inputs = inputs
        self.outputs = outputs
        self.attrs = attrs

    def key(self) -> tuple[object, ...]:
        """What two launches have in common that cost the same."""
        attrs = self.attrs
        return (
            self.name,
            self.kind,
            tuple(self.inputs),
            tuple(self.outputs),
            tuple(sorted(attrs.items())) if attrs else (),
        )
