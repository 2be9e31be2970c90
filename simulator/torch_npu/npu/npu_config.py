"""Options of the device that training scripts set (torch_npu/npu/npu_config.py of Ascend/pytorch).

They are checked and remembered as on the real device. HF32 rounds the operands of products and convolutions;
convolutions only where a program switches it on itself. With jitCompile, operators are compiled when they are
first met, which takes the host's time; off at first on every chip here (on real ones before the 910B, on).
What the others change there has no effect on the simulated values, and none on the simulated time.
"""

from __future__ import annotations

import warnings
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import npusim

from torch_npu._sim import products, runtime
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from torch_npu.npu.streams import Stream

_CORES = 32
_VALUES: dict[str, tuple[str, ...]] = {
    "ACL_PRECISION_MODE": ("allow_fp32_to_fp16", "must_keep_origin_dtype"),
    "ACL_OP_SELECT_IMPL_MODE": ("high_performance", "high_precision"),
    "ACL_AICORE_NUM": tuple(str(n) for n in range(1, _CORES + 1)),
    "ACL_OP_DEBUG_LEVEL": ("0", "1", "2", "3", "4"),
    "ACL_OP_COMPILER_CACHE_MODE": ("disable", "enable", "force"),
}
# The others that torch_npu registers (OptionRegister.cpp and its users).
_OTHERS = frozenset(
    [
        "ACL_DEBUG_DIR",
        "ACL_OPTYPELIST_FOR_IMPLMODE",
        "ACL_OP_COMPILER_CACHE_DIR",
        "ACL_OP_DEBUG_OPTION",
        "ALLOW_CONV_HF32",
        "ALLOW_INTERNAL_FORMAT",
        "ALLOW_MATMUL_HF32",
        "CUBE_MATH_TYPE",
        "FORCE_ACLNN_OP_LIST",
        "MM_BMM_ND_ENABLE",
        "NPU_FUZZY_COMPILE_BLACKLIST",
        "OP_HOOK_ENABLE",
        "STRONG_CONSISTENCY",
        "TORCH_NPU_USE_COMPATIBLE_IMPL",
        "autotune",
        "autotunegraphdumppath",
        "bmmv2_enable",
        "jitCompile",
        "jitCompileInit",
        "mdldumpconfigpath",
        "mdldumpswitch",
    ]
)
_DEPRECATED = frozenset({"ACL_OP_SELECT_IMPL_MODE", "ACL_OPTYPELIST_FOR_IMPLMODE"})
# How many cores a device or a stream may use, where a program limited them: by device, or device and stream.
_limits: dict[tuple[int, ...], dict[str, int]] = {}
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
        RuntimeError: there is no option of that name.
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
        if name not in _VALUES and name not in _OTHERS:
            raise RuntimeError(f"invalid npu option name:{name}")
        _options[name] = str(value)
        if name == "jitCompile":
            runtime.when_initialized(_compile_or_not)


def _compile_or_not() -> None:
    npusim.node().set_jit_compile(enabled=get_option("jitCompile") == "enable")


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
        products.Hf32.matmul = bool(value)

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
        products.Hf32.conv = bool(value)


config = _Config()
matmul = _Matmul()
conv = _Conv()


def _chosen_device(device: object) -> int:
    if isinstance(device, bool) or not isinstance(device, int):
        raise TypeError(f"device must be an int, but got {type(device).__name__}" + pta_error(ErrCode.TYPE))
    if not 0 <= device < runtime.device_count():
        raise AssertionError("Invalid device id" + pta_error(ErrCode.VALUE))
    return device


def _chosen_stream(stream: object) -> tuple[int, ...]:
    from torch_npu.npu.streams import Stream

    if stream is None:
        raise AssertionError("stream cannot be None" + pta_error(ErrCode.PARAM))
    if not isinstance(stream, Stream):
        raise AssertionError(  # noqa: TRY004 - the real class
            f"stream should be torch_npu.npu.Stream, could not be {type(stream)}" + pta_error(ErrCode.TYPE)
        )
    return stream.device_index, stream.stream_id


def _limit(key: tuple[int, ...], cubes: int, vectors: int) -> None:
    chip = runtime.sim_device(key[0]).chip
    held = _limits.setdefault(key, {})
    for name, wanted, most in (("cube", cubes, chip.cubes), ("vector", vectors, chip.vectors)):
        if wanted == -1:
            continue
        if not 1 <= wanted <= most:
            raise RuntimeError(
                f"{name}_num must be between 1 and {most}, got {wanted}" + pta_error(ErrCode.ACL)
            )
        held[f"{name}_core_num"] = wanted


def _limited(key: tuple[int, ...]) -> dict[str, int]:
    chip = runtime.sim_device(key[0]).chip
    every = {"cube_core_num": chip.cubes, "vector_core_num": chip.vectors}
    return every | _limits.get(key[:1], {}) | _limits.get(key, {})


def set_device_limit(device: int, cube_num: int = -1, vector_num: int = -1) -> None:
    """How many cores a device may use; remembered, the simulated time does not change.

    Args:
        device: its index.
        cube_num: Cube cores; -1 leaves them.
        vector_num: Vector cores; -1 leaves them.

    Raises:
        TypeError: device is not an integer.
        AssertionError: no such device.
        RuntimeError: it has fewer cores.
    """
    _limit((_chosen_device(device),), cube_num, vector_num)


def get_device_limit(device: int) -> dict[str, int]:
    """How many cores a device may use.

    Raises:
        TypeError: device is not an integer.
        AssertionError: no such device.
    """
    return _limited((_chosen_device(device),))


def set_stream_limit(stream: Stream, cube_num: int = -1, vector_num: int = -1) -> None:
    """How many cores the work of a stream may use; remembered, the simulated time does not change.

    Args:
        stream: which one.
        cube_num: Cube cores; -1 leaves them.
        vector_num: Vector cores; -1 leaves them.

    Raises:
        AssertionError: not a stream.
        RuntimeError: the device has fewer cores.
    """
    _limit(_chosen_stream(stream), cube_num, vector_num)


def get_stream_limit(stream: Stream) -> dict[str, int]:
    """How many cores the work of a stream may use.

    Raises:
        AssertionError: not a stream.
    """
    return _limited(_chosen_stream(stream))


def reset_stream_limit(stream: Stream) -> None:
    """Lets a stream use what its device may.

    Raises:
        AssertionError: not a stream.
    """
    _limits.pop(_chosen_stream(stream), None)
