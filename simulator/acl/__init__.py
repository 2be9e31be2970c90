"""AscendCL for Python on the simulated NPU: the module that real applications import as `acl`.

Calls answer as the real ones do: with return codes, never with exceptions. `acl.get_recent_err_msg()` and the
log under ~/ascend/log say what a code was about.
"""

from __future__ import annotations

import json
import os
import struct
from contextlib import suppress
from pathlib import Path

import npusim

if "cann_environment" in os.environ.get("NPUSIM_FAULT", "").replace(" ", "").split(","):  # npusim.faults
    raise ModuleNotFoundError("No module named 'acl'", name="acl")  # set_env.sh puts it on PYTHONPATH

from acl import _state, blas, mdl, media, op, prof, rt, util
from acl._buffers import (
    create_data_buffer,
    create_tensor_desc,
    data_type_size,
    destroy_data_buffer,
    destroy_tensor_desc,
    get_data_buffer_addr,
    get_data_buffer_size,
    get_data_buffer_size_v2,
    get_tensor_desc_dim,
    get_tensor_desc_dim_v2,
    get_tensor_desc_element_count,
    get_tensor_desc_format,
    get_tensor_desc_name,
    get_tensor_desc_num_dims,
    get_tensor_desc_size,
    get_tensor_desc_type,
    set_tensor_const,
    set_tensor_desc_name,
    set_tensor_format,
    set_tensor_origin_format,
    set_tensor_origin_shape,
    set_tensor_shape,
    set_tensor_storage_format,
    set_tensor_storage_shape,
    update_data_buffer,
)
from acl._calls import AclError, integer, plain, recent, status, values

__all__ = [
    "app_log",
    "blas",
    "create_data_buffer",
    "create_tensor_desc",
    "data_type_size",
    "destroy_data_buffer",
    "destroy_tensor_desc",
    "finalize",
    "float16_to_float",
    "float_to_float16",
    "get_data_buffer_addr",
    "get_data_buffer_size",
    "get_data_buffer_size_v2",
    "get_recent_err_msg",
    "get_soc_name",
    "get_tensor_desc_dim",
    "get_tensor_desc_dim_v2",
    "get_tensor_desc_element_count",
    "get_tensor_desc_format",
    "get_tensor_desc_name",
    "get_tensor_desc_num_dims",
    "get_tensor_desc_size",
    "get_tensor_desc_type",
    "get_version",
    "init",
    "mdl",
    "media",
    "op",
    "prof",
    "rt",
    "set_tensor_const",
    "set_tensor_desc_name",
    "set_tensor_format",
    "set_tensor_origin_format",
    "set_tensor_origin_shape",
    "set_tensor_shape",
    "set_tensor_storage_format",
    "set_tensor_storage_shape",
    "update_data_buffer",
    "util",
]


@status
def init(config_path: str = "") -> None:
    """Begin, once in a process: `ret`. Codes: 100002 begun before, 100003 no such file, 100006 no JSON.

    Args:
        config_path: a JSON file with settings for dump and profiling; empty for none.
    """
    if config_path:
        _check_config(config_path)
    _state.init()


def _check_config(config_path: str) -> None:
    try:
        text = Path(config_path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise AclError(100003, f"'{config_path}' cannot be read; give the path of a JSON file") from None
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise AclError(100006, f"'{config_path}' is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise AclError(100006, f"'{config_path}' holds no JSON object")


@status
def finalize() -> None:
    """End, once in a process: `ret`. Codes: 100001 not begun, 100037 ended before."""
    _state.finalize()


@values(0, 0, 0)
def get_version() -> tuple[int, int, int]:
    """The version of AscendCL: `(major, minor, patch, ret)`."""
    major, minor, patch, _ = rt.get_version()
    return major, minor, patch


@plain(0.0)
def float16_to_float(value: int) -> float:
    """The number that 16 bits stand for."""
    if not 0 <= integer("value", value) < 2**16:
        raise AclError(100000, f"value is {value}; give the 16 bits of a half")
    return float(struct.unpack("<e", value.to_bytes(2, "little"))[0])


@plain(0)
def float_to_float16(value: float) -> int:
    """The 16 bits of a number, rounded to even; beyond 65504 those of infinity."""
    try:
        return int.from_bytes(struct.pack("<e", value), "little")
    except OverflowError:
        return 0xFC00 if value < 0 else 0x7C00
    except struct.error:
        raise TypeError(f"value must be a float, not {type(value).__name__}") from None


@plain("")
def get_soc_name() -> str:
    """The chip's name, such as Ascend310P3."""
    return npusim.node().settings.chip.soc


def get_recent_err_msg() -> str:
    """What the last failing call of this thread was about; reading it clears it."""
    message, recent.message = recent.message, ""
    return message


def app_log(level: int, message: str) -> None:
    """Write a line of the application's into plog.

    Args:
        level: 0 debug, 1 info, 2 warning, 3 error.
        message: the line.
    """
    if integer("level", level) in range(4):
        with suppress(npusim.EnvironmentVariableError):  # which every other call answers with its code
            npusim.node().log.write(level, "APP", str(message), depth=2)
