"""Which files a learner's code may read: Python, the simulated device, the system's libraries."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from pathlib import Path

# Folders of a Linux system whose content is the distribution's; on most, several are links into /usr.
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/nix/store", "/gnu/store")
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts", "mime.types")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
PROCESSORS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
# Found, never imported: where a notebook takes the device from.
_FACES = ("npusim", "torch_npu", "acl", "atc", "ais_bench")


def python_folders() -> list[str]:
    """Real folders of the running Python, its environment and the device's packages, parents first."""
    paths = sysconfig.get_paths()
    found = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    found |= {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for face in _FACES:
        spec = importlib.util.find_spec(face)
        if spec is not None and spec.origin:
            found.add(str(Path(spec.origin).parent))
    return _outermost(found)


def simulated(face: str) -> bool:
    """Whether a package of the device's is the simulated one, which lies beside the simulator itself."""
    spec = importlib.util.find_spec(face)
    if spec is None or not spec.origin:
        return False
    return (Path(spec.origin).parent.parent / "npusim" / "__init__.py").is_file()


def further(readable: tuple[str, ...]) -> list[str]:
    """The paths given in the limits."""
    return _outermost(set(readable))


def _outermost(found: set[str]) -> list[str]:
    """Drop what lies in another of the folders, or in one of the system's."""
    kept: list[str] = []
    for path in sorted({str(Path(p).absolute()) for p in found} | {str(Path(p).resolve()) for p in found}):
        inside = (*kept, *SYSTEM)
        if Path(path).exists() and not any(path == p or path.startswith(f"{p}/") for p in inside):
            kept.append(path)
    return kept
