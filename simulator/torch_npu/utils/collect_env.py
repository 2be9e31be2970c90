"""What a bug report should tell of the computer: `python -m torch_npu.utils.collect_env`."""

from __future__ import annotations

import os
import site
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils import collect_env

import torch_npu
from torch_npu.utils.cann import CANN_VERSION

TORCH_AVAILABLE = True  # programs that report on a broken machine set these
TORCH_NPU_AVAILABLE = True

__all__ = [
    "SystemEnv",
    "check_directory_path_readable",
    "check_path_owner_consistent",
    "get_cann_version",
    "get_env_info",
    "get_pretty_env_info",
    "get_torch_npu_install_path",
    "get_torch_npu_version",
    "main",
    "pretty_str",
]


class SystemEnv(NamedTuple):
    """What is reported; None where it could not be found out."""

    torch_version: str | None
    torch_npu_version: str | None
    is_debug_build: str | None
    gcc_version: str | None
    clang_version: str | None
    cmake_version: str | None
    os: str | None
    libc_version: str | None
    python_version: str | None
    python_platform: str | None
    pip_version: str | None
    pip_packages: str | None
    conda_packages: str | None
    caching_allocator_config: str | None
    is_xnnpack_available: str | None
    cpu_info: str | None
    cann_version: str | None


def get_torch_npu_install_path() -> str:
    """The first folder of installed packages; empty where there is none."""
    return next(iter(site.getsitepackages()), "")


def get_torch_npu_version() -> str:
    """The version of torch_npu, which says that it is the simulator's; N/A where it could not be imported."""
    return f"{torch_npu.__version__} (simulated)" if TORCH_NPU_AVAILABLE else "N/A"


def get_cann_version() -> str:
    """The version of CANN that is imitated."""
    return f"{CANN_VERSION} (simulated)"


def check_path_owner_consistent(path: str) -> None:
    """Whether a path is there; its owner is no longer looked at.

    Raises:
        RuntimeError: it is not.
    """
    warnings.warn("check_path_owner_consistent is deprecated.", FutureWarning, stacklevel=2)
    if not Path(path).exists():
        raise RuntimeError(f"The path does not exist: {path}")


def check_directory_path_readable(path: str) -> None:
    """Whether a path can be read.

    Raises:
        RuntimeError: it is not there, a symbolic link, or not readable.
    """
    if not Path(path).exists():
        raise RuntimeError(f"The path does not exist: {path}")
    if Path(path).is_symlink():
        raise RuntimeError(f"Invalid path is a symbolic link: {path}")
    if not os.access(path, os.R_OK):
        raise RuntimeError(f"The path permission check failed: {path}")


def get_env_info() -> SystemEnv:
    """What there is to report; asks compilers and pip, which takes seconds."""
    of_torch = collect_env.get_env_info()._asdict()  # type: ignore[no-untyped-call]
    own: dict[str, Any] = {
        "torch_version": torch.__version__ if TORCH_AVAILABLE else "N/A",
        "is_debug_build": str(torch.version.debug) if TORCH_AVAILABLE else "N/A",
        "torch_npu_version": get_torch_npu_version(),
        "cann_version": get_cann_version(),
    }
    return SystemEnv(**{name: own.get(name, of_torch.get(name)) for name in SystemEnv._fields})


def _shown(value: object) -> str:
    if value is None:
        return "Could not collect"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    text = str(value)
    return f"\n{text}" if "\n" in text else text


_TITLES = {
    "torch_version": "PyTorch version",
    "torch_npu_version": "Torch-npu version",
    "is_debug_build": "Is debug build",
    "os": "OS",
    "gcc_version": "GCC version",
    "clang_version": "Clang version",
    "cmake_version": "CMake version",
    "libc_version": "Libc version",
    "python_version": "\nPython version",
    "python_platform": "Python platform",
    "is_xnnpack_available": "Is XNNPACK available",
    "cpu_info": "\nCPU",
    "cann_version": "\nCANN",
}
_BLOCKS = ("cpu_info", "cann_version")


def _packages(text: str | None, tag: str) -> str:
    shown = "No relevant packages" if text == "" else _shown(text).strip()
    return "\n".join(f"[{tag}] {line}" for line in shown.splitlines())


def pretty_str(envinfo: SystemEnv) -> str:
    """The report for people to read, in the order of the real one."""
    values = envinfo._asdict()
    lines = []
    for name, title in _TITLES.items():
        value = _shown(values[name])
        lines.append(f"{title}:\n{value.strip()}" if name in _BLOCKS else f"{title}: {value}")
    pip = _packages(envinfo.pip_packages, envinfo.pip_version or "pip")
    lines += ["\nVersions of relevant libraries:", pip, _packages(envinfo.conda_packages, "conda")]
    return "\n".join(lines)


def get_pretty_env_info() -> str:
    """The report of this computer."""
    return pretty_str(get_env_info())


def main() -> None:
    """Prints it."""
    print("Collecting environment information...")  # noqa: T201 - a command
    print(get_pretty_env_info())  # noqa: T201 - a command


if __name__ == "__main__":
    main()
