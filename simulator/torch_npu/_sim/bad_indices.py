"""Indices beyond what they index: the kernel fails on the device, the host hears of it where it next waits.

PyTorch's kernels for the CPU look at every index first and raise. The device's do not look ("Index Operator
Out of Range" in CANN's troubleshooting): a vector core reads or writes outside of the memory and stops with
0x800000, or an assertion in the kernel stops it, as in GatherV3 (vllm-project/vllm-ascend#1682) and in the
IndexCheck before Index and IndexPutV2 (index/index_check of cann/ops-nn). Either way it is 507035 on chips
whose vector cores stand apart, 507015 on the others. A real server may also read whatever lies there and go
on; here it always fails, so that nothing is silently wrong.
"""

from __future__ import annotations

import atexit
import re
import sys
from typing import TYPE_CHECKING, Any

import npusim
import torch
from npusim.faults import inner_error
from torch import Tensor

from torch_npu._sim import runtime
from torch_npu._sim.op_names import base_name, name_and_kind
from torch_npu.utils._error_code import acl_failure, faults

if TYPE_CHECKING:
    from collections.abc import Callable

# By operator, which arguments hold indices or classes.
_INDICES = {
    "_index_put_impl": (1,),
    "_unsafe_index": (1,),
    "_unsafe_index_put": (1,),
    "embedding": (1,),
    "embedding_renorm": (1,),
    "gather": (2,),
    "index": (1,),
    "index_add": (2,),
    "index_copy": (2,),
    "index_fill": (2,),
    "index_put": (1,),
    "index_reduce": (2,),
    "index_select": (2,),
    "multi_margin_loss": (1,),
    "multi_margin_loss_backward": (2,),
    "multilabel_margin_loss_backward": (3,),
    "multilabel_margin_loss_forward": (1,),
    "nll_loss_backward": (2,),
    "nll_loss_forward": (1,),
    "nll_loss2d_backward": (2,),
    "nll_loss2d_forward": (1,),
    "put": (1,),
    "scatter": (2,),
    "scatter_add": (2,),
    "scatter_reduce": (2,),
    "take": (1,),
}
# What the CPU's kernels say of an index beyond its table.
_BEYOND = re.compile(r"out of (bounds|range)|argument #\d 'target' is out of range")
_ALSO_HOST = "Dimension out of range"  # a wrong `dim` is no index: PyTorch refuses it before any kernel
_AT = re.compile(r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)")
_GATHER, _CHECKED = (
    frozenset({"embedding", "index_select"}),
    frozenset({"index", "index_put", "_index_put_impl"}),
)
_AIVEC, _AICORE = 507035, 507015


def applies(name: str) -> bool:
    """Whether an operator such as "index.Tensor" takes indices that its kernel does not look at."""
    return base_name(name) in _INDICES


def failing_late(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel of such an operator: instead of raising at once, it fails on the device.

    What it returns then has the right shape, and values of no meaning: no host reads them before it was told.
    """
    base = base_name(name)
    places = _INDICES[base]

    def late(*args: Any, **kwargs: Any) -> Any:
        try:
            return kernel(*args, **kwargs)
        except (IndexError, RuntimeError) as error:
            said = str(error).partition("\n")[0]
            if not _BEYOND.search(said) or said.startswith(_ALSO_HOST):
                raise
        safe = [_zeros(value) if i in places else value for i, value in enumerate(args)]
        result = kernel(*safe, **kwargs)
        _fail(base, _device_of(args), _printed(base, args, said))
        return result

    return late


def _zeros(value: Any) -> Any:
    """Indices that fit any table, in the place of some that do not."""
    if isinstance(value, Tensor):
        fits = value.dtype in {torch.bool, torch.uint8}
        return value if fits else torch.zeros_like(value)
    return [one if one is None else _zeros(one) for one in value]


def _device_of(args: tuple[Any, ...]) -> int:
    return next(a.get_device() for a in args if isinstance(a, Tensor) and a.get_device() >= 0)


def _printed(base: str, args: tuple[Any, ...], said: str) -> str:
    """The assertion that a kernel prints; empty where the kernel has none."""
    if not npusim.node().settings.chip.split:
        return ""
    if base in _GATHER:
        table, indices = (args[0], args[1]) if base == "embedding" else (args[0], args[2])
        bound = table.shape[0 if base == "embedding" else args[1]] if table.dim() else 1
        beyond = [i for i in indices.cpu().flatten().tolist() if not 0 <= i < bound]
        return (
            "[ASSERT] gather_v3_base.h:137: Assertion `(0 <= val && val < this->gxSize_)' "
            f"Index {beyond[0]} out of range[0 {bound})!"
        )
    found = _AT.search(said)
    if base not in _CHECKED or found is None:
        return ""
    index, dimension, bound = found.groups()
    asked, words = "idx < bound", "exceeds bounds"
    if int(index) < 0:
        asked, words = "idx >= 0", "is too negative for bounds"
    return (
        f"[ASSERT] index_check.h:126: Assertion `({asked})' Index out of range in dimension {dimension}: "
        f"index value {index} {words} {bound}!"
    )


def _fail(base: str, index: int, output: str) -> None:
    """Marks the operator just launched as failed; raises at once where every launch waits.

    Raises:
        RuntimeError: ASCEND_LAUNCH_BLOCKING is 1.
    """
    shown, _ = name_and_kind(base)
    split = npusim.node().settings.chip.split
    unit, reason = ("aivec", "vector core exception") if split else ("aicore", "aicore exception")
    why = "timeout or trap error." if output else "The DDR address of the MTE instruction is out of range."
    source = f"The error from device(chipId:{index}, dieId:0), there is an {unit} error exception, "
    lines = [
        f"{source}error code = {'0' if output else '0x800000'}, errorStr: {why}",
        f"Kernel task happen error, retCode=0x31, [{reason}].",
        "Aicore kernel execute failed, an index is beyond what it indexes,",
    ]
    stream = runtime.queues[index]
    stream.fail(inner_error("EZ9999", lines), code=_AIVEC if split else _AICORE, task=shown, output=output)
    if npusim.node().launch_blocking:
        with faults("c10_npu::acl::AclrtSynchronizeStreamWithTimeout(stream)"):
            stream.tell_fault()


@atexit.register
def _tell_what_nobody_waited_for() -> None:
    """A program that never waits ends without hearing of a fault: torch_npu warns where it shuts down."""
    if not runtime.is_initialized():
        return
    for index in range(runtime.device_count()):
        try:
            runtime.sim_device(index).synchronize()
        except npusim.DeviceFaultError as fault:
            words = acl_failure("", fault.code, str(fault)).partition("\n[Error]")[2]
            told = f"Warning: NPU warning, error code is {fault.code}[Error]: \n[Error]{words}"
            lines = (fault.output, told, " (function npuSynchronizeUsedDevices)")
            print(*filter(None, lines), sep="\n", file=sys.stderr)  # noqa: T201 - Python ends, warnings are over
