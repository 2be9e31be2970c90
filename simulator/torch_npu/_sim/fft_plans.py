"""The plans that the device keeps for Fourier transforms: one for each kind, shape and type it has met."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from torch import Tensor

from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 99  # FFTPlanCache.h in Ascend/pytorch
plans: OrderedDict[tuple[Any, ...], None] = OrderedDict()


class Limit:
    """How many plans are kept; the one not used for longest goes first."""

    most = _MOST


def limit(most: int) -> None:
    """Keeps at most that many plans from now on.

    Raises:
        RuntimeError: the number is less than 1.
    """
    if most < 1:
        raise RuntimeError(
            f"the maximum number of FFT plans must be at least 1, but got {most}" + pta_error(ErrCode.VALUE)
        )
    Limit.most = most
    _trim()


def _trim() -> None:
    while len(plans) > Limit.most:
        plans.popitem(last=False)


def noting(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel of a transform, which leaves its plan in the cache."""

    def transform(*args: Any, **kwargs: Any) -> Any:
        result = kernel(*args, **kwargs)
        first = next(a for a in args if isinstance(a, Tensor))
        rest = tuple(tuple(a) if isinstance(a, list) else a for a in args if not isinstance(a, Tensor))
        plan = (name, first.device.index, first.shape, first.dtype, rest)
        plans[plan] = None
        plans.move_to_end(plan)
        _trim()
        return result

    return transform
