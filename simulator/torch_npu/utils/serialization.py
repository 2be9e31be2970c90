"""Saving in the background, and loading (torch.save and torch.load serve NPU tensors as they are)."""

from __future__ import annotations

import io
import pickle
import threading
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torch_npu.utils._error_code import ErrCode, pta_error

__all__ = ["load", "save_async"]


def load(f: Any, map_location: Any = None, pickle_module: Any = None, **kwargs: Any) -> Any:
    """`torch.load`: what a file holds, its NPU tensors on the NPU unless map_location says otherwise."""
    return torch.load(f, map_location=map_location, pickle_module=pickle_module, **kwargs)


def save_async(
    obj: object,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
    model: nn.Module | None = None,
) -> None:
    """Saves as `torch.save` does, while the program goes on: values are those at the call.

    A thread writes the file; the program does not end before it is written.

    Args:
        obj: what is saved.
        f: a path, or an open binary file.
        pickle_module: as for `torch.save`.
        pickle_protocol: as for `torch.save`.
        _use_new_zipfile_serialization: must be True.
        _disable_byteorder_record: as for `torch.save`.
        model: accepted; its next backward pass need not wait, because values were taken at the call.

    Raises:
        RuntimeError: the old file format was asked for.
        OSError: no such folder.
    """
    if not _use_new_zipfile_serialization:
        raise RuntimeError(
            'Error: torch_npu.save_async with "_use_new_zipfile_serialization = False" is not recommended '
            "for npu tensor, which may bring unexpected errors and hopefully set "
            '"_use_new_zipfile_serialization = True"' + pta_error(ErrCode.PARAM)
        )
    if not hasattr(f, "write") and not Path(f).absolute().parent.is_dir():
        raise FileNotFoundError(f"Parent directory {Path(f).parent} does not exist.")
    held = io.BytesIO()
    torch.save(
        obj,
        held,
        pickle_module=pickle_module,
        pickle_protocol=pickle_protocol,
        _disable_byteorder_record=_disable_byteorder_record,
    )

    def write() -> None:
        if hasattr(f, "write"):
            f.write(held.getbuffer())
        else:
            Path(f).write_bytes(held.getbuffer())

    threading.Thread(target=write, name="save_async").start()
