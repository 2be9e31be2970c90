"""What must change in modules of PyTorch that few programs import: done when one imports them."""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# By the module's name: the module of ours that changes it when it is imported.
_AFTER = {
    "torch._dynamo.trace_rules": "torch_npu._sim.untraced",
    "torch._inductor.compile_fx": "torch_npu._sim.inductor",
    "torch.distributed.fsdp.sharded_grad_scaler": "torch_npu.npu.amp.sharded_grad_scaler",
}


class _Followed(Loader):
    """Loads a module as its own loader does, and then the module that changes it."""

    def __init__(self, loader: Any, then: str) -> None:
        self._loader, self._then = loader, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The module, empty."""
        found: ModuleType | None = self._loader.create_module(spec)
        return found

    def exec_module(self, module: ModuleType) -> None:
        """The module, filled and changed."""
        self._loader.exec_module(module)
        importlib.import_module(self._then)


class _Watch(MetaPathFinder):
    """Finds the modules of `_AFTER`, once each; leaves all others to the rest."""

    def __init__(self) -> None:
        self._waiting = dict(_AFTER)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module's own specification with a loader that goes on."""
        then = self._waiting.pop(fullname, None)
        if then is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Followed(spec.loader, then)
        return spec


def install() -> None:
    """Watches for them, and changes those that are there already."""
    for name, then in _AFTER.items():
        if name in sys.modules:
            importlib.import_module(then)
    sys.meta_path.insert(0, _Watch())
