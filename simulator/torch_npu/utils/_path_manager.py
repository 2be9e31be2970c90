"""Files and folders, made and removed with one clear error: `_path_manager.py` of Ascend/pytorch."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

from torch_npu.utils._error_code import ErrCode, pta_error

_FOLDER_MODE = 0o750
_FILE_MODE = 0o640


def _linked(path: Path, text: str) -> None:
    if path.is_symlink():
        warnings.warn(text, stacklevel=3)


def _check(path: str, permission: int) -> None:
    if not Path(path).exists():
        raise RuntimeError(f"The path does not exist: {path}")
    if Path(path).is_symlink():
        warnings.warn(f"Invalid path is a symbolic link: {path}", stacklevel=3)
    if not os.access(path, permission):
        warnings.warn(f"The path permission check failed: {path}", stacklevel=3)


class PathManager:
    """What tests and tools of torch_npu do to paths."""

    @classmethod
    def check_directory_path_readable(cls, path: str) -> None:
        """Warns of a path that is a link or cannot be read.

        Raises:
            RuntimeError: it does not exist.
        """
        _check(path, os.R_OK)

    @classmethod
    def check_directory_path_writeable(cls, path: str) -> None:
        """Warns of a path that is a link or cannot be written.

        Raises:
            RuntimeError: it does not exist.
        """
        _check(path, os.W_OK)

    @classmethod
    def remove_path_safety(cls, path: str) -> None:
        """Removes a folder with what is in it; nothing where there is none.

        Raises:
            RuntimeError: it cannot be removed.
        """
        _linked(Path(path), text := f"Failed to remove path: {path}")
        if not Path(path).exists():
            return
        try:
            shutil.rmtree(path)
        except OSError as failure:
            raise RuntimeError(text + pta_error(ErrCode.SYSCALL)) from failure

    @classmethod
    def remove_file_safety(cls, file: str) -> None:
        """Removes a file; nothing where there is none.

        Raises:
            RuntimeError: it cannot be removed.
        """
        _linked(Path(file), text := f"Failed to remove file: {file}")
        try:
            Path(file).unlink(missing_ok=True)
        except OSError as failure:
            raise RuntimeError(text + pta_error(ErrCode.SYSCALL)) from failure

    @classmethod
    def make_dir_safety(cls, path: str) -> None:
        """Makes a folder and those around it; nothing where it is there.

        Raises:
            RuntimeError: it cannot be made.
        """
        _linked(Path(path), text := f"Failed to make directory: {path}")
        try:
            Path(path).mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as failure:
            raise RuntimeError(text + pta_error(ErrCode.SYSCALL)) from failure

    @classmethod
    def create_file_safety(cls, path: str) -> None:
        """Makes an empty file; nothing where it is there.

        Raises:
            RuntimeError: it cannot be made.
        """
        _linked(Path(path), text := f"Failed to create file: {path}")
        try:
            Path(path).touch(mode=_FILE_MODE, exist_ok=True)
        except OSError as failure:
            raise RuntimeError(text + pta_error(ErrCode.SYSCALL)) from failure
