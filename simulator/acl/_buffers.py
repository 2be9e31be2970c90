"""Data buffers and tensor descriptions: what `acl.create_data_buffer` and `acl.create_tensor_desc` make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from acl._calls import AclError, integer, plain, status, values
from acl._dtypes import size_of
from acl._handles import Handles
from acl._memory import space

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Buffer:
    """A place in memory."""

    address: int
    size: int


@dataclass
class TensorDesc:
    """What a tensor is: type, shape, format.

    Attributes:
        const: its value, where an operator needs it when it is chosen.
        storage_fmt, storage_shape, origin_fmt, origin_shape: as they were set; nothing is reordered here, so
            they are kept and have no effect.
    """

    data_type: int
    shape: tuple[int, ...]
    fmt: int
    name: str = ""
    const: bytes | None = None
    storage_fmt: int = -1
    storage_shape: tuple[int, ...] = ()
    origin_fmt: int = -1
    origin_shape: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * size_of(self.data_type)

    @property
    def count(self) -> int:
        """The number of elements; 0 where a dimension is not known (-1)."""
        found = 1
        for length in self.shape:
            found *= max(length, 0)
        return found


buffers: Handles[Buffer] = Handles("data buffer")
descs: Handles[TensorDesc] = Handles("tensor description")


@plain()
def create_data_buffer(data: int, size: int) -> int:
    """A data buffer over memory: its handle."""
    return buffers.add(Buffer(integer("data", data), integer("size", size, least=0)))


@status
def destroy_data_buffer(data_buffer: int) -> None:
    """End a data buffer; its memory stays: `ret`. Codes: 100000."""
    buffers.remove(data_buffer)


@status
def update_data_buffer(data_buffer: int, new_data: int, new_size: int) -> None:
    """Point a data buffer elsewhere: `ret`. Codes: 100000."""
    found = buffers.get(data_buffer)
    found.address, found.size = integer("new_data", new_data), integer("new_size", new_size, least=0)


@plain()
def get_data_buffer_addr(data_buffer: int) -> int:
    """The address of a data buffer."""
    return buffers.get(data_buffer).address


@plain()
def get_data_buffer_size(data_buffer: int) -> int:
    """The bytes of a data buffer."""
    return buffers.get(data_buffer).size


get_data_buffer_size_v2 = get_data_buffer_size


@plain()
def data_type_size(data_type: int) -> int:
    """Bytes of an element of that type; 0 for an unknown one."""
    return size_of(integer("data_type", data_type))


@plain()
def create_tensor_desc(data_type: int, shape: Sequence[int], fmt: int) -> int:
    """A tensor description: its handle.

    Args:
        data_type: aclDataType, 0 float, 1 float16, 3 int32, 4 uint8, ...
        shape: dimensions; -1 for one that is not known.
        fmt: aclFormat, 0 NCHW, 1 NHWC, 2 ND, ...
    """
    size_of(integer("data_type", data_type))
    return descs.add(
        TensorDesc(data_type, tuple(integer("shape", n, least=-2) for n in shape), integer("fmt", fmt))
    )


def destroy_tensor_desc(desc: int) -> None:
    """End a tensor description."""
    _destroy_desc(desc)


@status
def _destroy_desc(desc: int) -> None:
    descs.remove(desc)


@plain()
def get_tensor_desc_type(desc: int) -> int:
    """The aclDataType."""
    return descs.get(desc).data_type


@plain()
def get_tensor_desc_format(desc: int) -> int:
    """The aclFormat."""
    return descs.get(desc).fmt


@plain()
def get_tensor_desc_num_dims(desc: int) -> int:
    """How many dimensions."""
    return len(descs.get(desc).shape)


@plain()
def get_tensor_desc_element_count(desc: int) -> int:
    """How many elements."""
    return descs.get(desc).count


@plain()
def get_tensor_desc_size(desc: int) -> int:
    """Bytes of the tensor."""
    return descs.get(desc).size


@plain(-1)
def get_tensor_desc_dim(desc: int, index: int) -> int:
    """The length of a dimension; -1 where there is none of that index."""
    found = descs.get(desc)
    if not 0 <= integer("index", index) < len(found.shape):
        raise AclError(100000, f"index is {index}; the tensor has {len(found.shape)} dimensions")
    return found.shape[index]


@plain("")
def get_tensor_desc_name(desc: int) -> str:
    """The name that was set."""
    return descs.get(desc).name


def set_tensor_desc_name(desc: int, name: str) -> None:
    """Give a tensor a name."""
    _set_name(desc, name)


@status
def _set_name(desc: int, name: str) -> None:
    descs.get(desc).name = str(name)


def _shape(name: str, dims: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(dims, list):
        raise TypeError(f"{name} must be a list, not {type(dims).__name__}")
    return tuple(integer(name, n, least=-2) for n in dims)


@status
def set_tensor_const(desc: int, data_buffer: int, length: int) -> None:
    """Fix the value of an operator's input: `ret`. Codes: 100000 no description or another size, 107000.

    Args:
        desc: the tensor.
        data_buffer: address of its value, on the host.
        length: bytes of it.
    """
    found = descs.get(desc)
    size = integer("length", length, least=1)
    if size != found.size:
        raise AclError(100000, f"length is {size}; the tensor has {found.size} bytes")
    found.const = space.read(integer("data_buffer", data_buffer), size, "data_buffer")


@status
def set_tensor_shape(desc: int, dims: Sequence[int]) -> None:
    """Give a tensor another shape: `ret`. Codes: 100000."""
    descs.get(desc).shape = _shape("dims", dims)


@status
def set_tensor_format(desc: int, fmt: int) -> None:
    """Give a tensor another format: `ret`. Codes: 100000."""
    descs.get(desc).fmt = integer("fmt", fmt)


@status
def set_tensor_storage_shape(desc: int, dims: Sequence[int]) -> None:
    """Say the shape that a tensor has in memory: `ret`. Codes: 100000."""
    descs.get(desc).storage_shape = _shape("dims", dims)


@status
def set_tensor_storage_format(desc: int, fmt: int) -> None:
    """Say the format that a tensor has in memory: `ret`. Codes: 100000."""
    descs.get(desc).storage_fmt = integer("fmt", fmt)


@status
def set_tensor_origin_shape(desc: int, dims: Sequence[int]) -> None:
    """Say the shape that a tensor had in the framework: `ret`. Codes: 100000."""
    descs.get(desc).origin_shape = _shape("dims", dims)


@status
def set_tensor_origin_format(desc: int, fmt: int) -> None:
    """Say the format that a tensor had in the framework: `ret`. Codes: 100000."""
    descs.get(desc).origin_fmt = integer("fmt", fmt)


@values(0)
def get_tensor_desc_dim_v2(desc: int, index: int) -> int:
    """The length of a dimension: `(length, ret)`. Codes: 100000."""
    found = descs.get(desc)
    if not 0 <= integer("index", index) < len(found.shape):
        raise AclError(100000, f"index is {index}; the tensor has {len(found.shape)} dimensions")
    return found.shape[index]
