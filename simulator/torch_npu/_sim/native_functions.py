"""Which operators the device has, changed by a file in the form of npu_native_functions.yaml.

In Ascend/pytorch that file decides at build time: `supported` lists operators that have a kernel of the NPU,
`tocpu` those that are sent to the CPU (codegen/gen_backend_stubs.py). Here NPUSIM_NATIVE_FUNCTIONS names such
a file, read when torch_npu is imported. It need only hold what changes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import torch

VARIABLE = "NPUSIM_NATIVE_FUNCTIONS"
_SCALARS = frozenset({"backend", "cpp_namespace"})
_LISTS = frozenset({"supported", "tocpu", "autograd", "custom", "custom_autograd", "symint"})
# A fallback itself needs these: without them there is no memory to copy to and from.
_NEEDED = frozenset(
    {"empty", "empty_strided", "copy_", "_copy_from", "_copy_from_and_resize", "set_", "resize_", "view"}
)


class NativeFunctionsError(ValueError):
    """The file that NPUSIM_NATIVE_FUNCTIONS names cannot be used."""


class Edits(NamedTuple):
    """What a file changes.

    Attributes:
        supported: operators that have a kernel of the device, as "lgamma" or "add.Tensor".
        tocpu: operators that run on the CPU; a name without an overload means all of its overloads.
    """

    supported: frozenset[str]
    tocpu: frozenset[str]

    def falls_back(self, name: str, *, otherwise: bool) -> bool:
        """Whether an operator such as "add.Tensor" runs on the CPU; `otherwise` where the file is silent."""
        base = name.partition(".")[0]
        if name in self.tocpu or base in self.tocpu:
            return True
        return otherwise and not (name in self.supported or base in self.supported)


def from_environment() -> Edits:
    """What the file of NPUSIM_NATIVE_FUNCTIONS says; nothing without the variable.

    Raises:
        NativeFunctionsError: the file cannot be read, or holds what is no list of operators.
    """
    path = os.environ.get(VARIABLE)
    return read(Path(path)) if path else Edits(frozenset(), frozenset())


def read(path: Path) -> Edits:
    """What a file changes.

    Raises:
        NativeFunctionsError: it cannot be read, or holds what is no list of operators.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NativeFunctionsError(
            f"{VARIABLE}={path}: cannot be read ({error}); name a text file, or unset the variable."
        ) from None
    found: dict[str, set[str]] = {name: set() for name in _LISTS}
    section = ""
    for number, line in enumerate(lines, 1):
        text = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if not text:
            continue
        key, colon, _ = text.partition(":")
        if colon and key in _LISTS | _SCALARS:
            section = key
            continue
        entry = re.fullmatch(r"\s*-\s+(?:func:\s*)?([\w.]+)(\(.*)?", text)
        if entry is not None and section in _LISTS:
            found[section].add(entry[1])
        elif not (section in _LISTS and text.startswith(" ")):  # such as `variants:` below a func
            raise NativeFunctionsError(
                f"{path}, line {number}: '{text.strip()}' is neither a key nor an operator; "
                "write `supported:` or `tocpu:` and below it lines such as `  - add.Tensor`."
            )
    _check(path, found["supported"] | found["tocpu"], found["tocpu"])
    return Edits(frozenset(found["supported"]), frozenset(found["tocpu"]))


def _check(path: Path, names: set[str], tocpu: set[str]) -> None:
    known = {full[6:] for full in torch._C._dispatch_get_all_op_names() if full.startswith("aten::")}
    known |= {name.partition(".")[0] for name in known}
    for name in sorted(names):
        if name not in known:
            raise NativeFunctionsError(
                f"{path}: Found an invalid operator name: {name}; names are those of native_functions.yaml, "
                "such as add.Tensor."
            )
    for name in sorted(tocpu):
        if name.partition(".")[0] in _NEEDED:
            raise NativeFunctionsError(
                f"{path}: '{name}' cannot be sent to the CPU: the way there needs it; remove the line."
            )
