"""Options of the device that training scripts set (torch_npu/npu/npu_config.py of Ascend/pytorch).

They are checked and remembered as on the real device. What they change there (how kernels are compiled, which
types the Cube may use inside) has no effect on the simulated values.
"""

from __future__ import annotations

import warnings
from enum import IntEnum
from typing import Any

from torch_npu._sim import runtime
from torch_npu.utils._error_code import ErrCode, pta_error

_CORES = 32
_VALUES: dict[str, tuple[str, ...]] = {
    "ACL_PRECISION_MODE": ("allow_fp32_to_fp16", "must_keep_origin_dtype"),
    "ACL_OP_SELECT_IMPL_MODE": ("high_performance", "high_precision"),
    "ACL_AICORE_NUM": tuple(str(n) for n in range(1, _CORES + 1)),
    "ACL_OP_DEBUG_LEVEL": ("0", "1", "2", "3", "4"),
    "ACL_OP_COMPILER_CACHE_MODE": ("disable", "enable", "force"),
}
_DEPRECATED = frozenset({"ACL_OP_SELECT_IMPL_MODE", "ACL_OPTYPELIST_FOR_IMPLMODE"})
_options: dict[str, str] = {"jitCompile": "disable", "MM_BMM_ND_ENABLE": "enable"}


class CubeMathType(IntEnum):
    """Which types the Cube may compute in."""

    KEEP_DTYPE = 0
    ALLOW_FP32_DOWN_PRECISION = 1
    USE_FP16 = 2
    USE_HF32 = 3
    FORCE_GRP_ACC_FOR_FP32 = 4
    USE_FP32_ADD = 4


def get_option(name: str) -> str | None:
    """The value of an option that was set; None where none was."""
    return _options.get(name)


def set_option(option: dict[str, Any]) -> None:
    """Sets options by name.

    Raises:
        TypeError: not a dictionary.
        ValueError: an option does not take that value.
    """
    if not isinstance(option, dict):
        raise TypeError("npu option must be a dict." + pta_error(ErrCode.PARAM))
    for name, value in option.items():
        allowed = _VALUES.get(name)
        if allowed is not None and str(value) not in allowed:
            raise ValueError(
                f"value of {name} should be in {list(allowed)} but got {value}" + pta_error(ErrCode.PARAM)
            )
        if name in _DEPRECATED:
            warnings.warn(
                f"{name} will be deprecated in a future version. The accuracy or performance "
                "may not be optimal when configuring this option. We do not recommend setting it.",
                stacklevel=2,
            )
        _options[name] = str(value)


def set_compile_mode(jit_compile: bool = False) -> None:
    """Whether operators are compiled when they first run."""
    if runtime.is_initialized():
        runtime.sim_device(runtime.current_device()).synchronize()
    set_option({"jitCompile": "enable" if jit_compile else "disable"})


def is_jit_compile_false() -> bool:
    """Whether operators come as ready binaries."""
    runtime.initialize()
    return get_option("jitCompile") == "disable"


def set_mm_bmm_format_nd(is_nd: bool = True) -> None:
    """Whether matrix products keep the plain memory format."""
    set_option({"MM_BMM_ND_ENABLE": "enable" if is_nd else "disable"})


def get_mm_bmm_format_nd() -> bool:
    """Whether matrix products keep the plain memory format."""
    return get_option("MM_BMM_ND_ENABLE") == "enable"


class _Config:
    """`torch.npu.config`: the switch allow_internal_format."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "allow_internal_format":
            set_option({"ALLOW_INTERNAL_FORMAT": "enable" if value else "disable"})


def _hf32(option: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(
            f"allow_hf32 must be a bool, but got {type(value).__name__}" + pta_error(ErrCode.TYPE)
        )
    set_option({option: "enable" if value else "disable"})


class _Matmul:
    """`torch.npu.matmul`: allow_hf32 (off at first) and cube_math_type."""

    @property
    def allow_hf32(self) -> bool:
        """Whether float32 products may be computed in HF32."""
        return get_option("ALLOW_MATMUL_HF32") == "enable"

    @allow_hf32.setter
    def allow_hf32(self, value: object) -> None:
        _hf32("ALLOW_MATMUL_HF32", value)

    @property
    def cube_math_type(self) -> CubeMathType | None:
        """Which types the Cube may compute in; None where it was not set."""
        value = get_option("CUBE_MATH_TYPE")
        return None if value is None else CubeMathType(int(value))

    @cube_math_type.setter
    def cube_math_type(self, value: object) -> None:
        if not isinstance(value, CubeMathType):
            raise TypeError(
                f"value should be one of Enum CubeMathType when setting cube_math_type, but got {type(value)}"
            )
        set_option({"CUBE_MATH_TYPE": str(value.value)})


class _Conv:
    """`torch.npu.conv`: allow_hf32 (on at first)."""

    @property
    def allow_hf32(self) -> bool:
        """Whether float32 convolutions may be computed in HF32."""
        return get_option("ALLOW_CONV_HF32") != "disable"

    @allow_hf32.setter
    def allow_hf32(self, value: object) -> None:
        _hf32("ALLOW_CONV_HF32", value)


config = _Config()
matmul = _Matmul()
conv = _Conv()
