"""A small stand-in for apex, imported as `apex` where none is installed: mixed precision with `apex.amp`."""

from __future__ import annotations

import sys
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_HERE = Path(__file__).parent


class _Finder:
    """Asked last of all: an apex that is installed comes first."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Where the modules named apex are."""
        if name == "apex":
            return spec_from_file_location(
                name, _HERE / "__init__.py", submodule_search_locations=[str(_HERE)]
            )
        return None


def install() -> None:
    """Makes `import apex` find this package."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"apex.{name} is not simulated: of apex there is apex.amp; for fused optimizers use torch_npu.optim."
    )
