"""Types and formats as AscendCL numbers them.

Source: acl_base.h of CANN 8, `aclDataType` and `aclFormat`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acl._calls import AclError

if TYPE_CHECKING:
    import numpy as np

# aclDataType -> (numpy's name, bytes)
DATA_TYPES: dict[int, tuple[str, int]] = {
    0: ("float32", 4),
    1: ("float16", 2),
    2: ("int8", 1),
    3: ("int32", 4),
    4: ("uint8", 1),
    6: ("int16", 2),
    7: ("uint16", 2),
    8: ("uint32", 4),
    9: ("int64", 8),
    10: ("uint64", 8),
    11: ("float64", 8),
    12: ("bool", 1),
    16: ("complex64", 8),
    17: ("complex128", 16),
    27: ("bfloat16", 2),
}
NUMBERS = {name: number for number, (name, _) in DATA_TYPES.items()}

FORMATS = {-1: "UNDEFINED", 0: "NCHW", 1: "NHWC", 2: "ND", 3: "NC1HWC0", 4: "FRACTAL_Z", 29: "FRACTAL_NZ"}

# numpy's type numbers that pyACL's ptr_to_numpy takes
_NUMPY = {
    0: "bool", 1: "int8", 2: "uint8", 3: "int16", 4: "uint16", 5: "int32", 6: "uint32", 7: "int64",
    8: "uint64",
    9: "int64", 10: "uint64", 11: "float32", 12: "float64", 14: "complex64", 15: "complex128", 23: "float16",
}  # fmt: skip


def size_of(data_type: int) -> int:
    """Bytes of an element of an aclDataType.

    Raises:
        AclError: no such type (100026).
    """
    found = DATA_TYPES.get(data_type)
    if found is None:
        raise AclError(100026, f"{data_type} is no data type of AscendCL; 0 is float, 1 is float16")
    return found[1]


def numpy_type(number: int) -> np.dtype[Any]:
    """The numpy type of that number.

    Raises:
        AclError: none that pyACL takes (100026).
    """
    import numpy as np

    name = _NUMPY.get(number)
    if name is None:
        raise AclError(
            100026, f"{number} is no type number of numpy that is taken here; give array.dtype.num"
        )
    return np.dtype(name)
