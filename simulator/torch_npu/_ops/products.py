"""Matrix products, extremes and sorting under their NPU names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional

from torch_npu._ops._fused import fused, invalid, not_simulated

if TYPE_CHECKING:
    from collections.abc import Sequence


def npu_linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same as `torch.nn.functional.linear`."""
    return functional.linear(input, weight, bias)


def npu_bmmV2(self: Tensor, mat2: Tensor, output_sizes: Sequence[int]) -> Tensor:  # noqa: N802 - the real name
    """A product of batches of matrices, in a shape; [] keeps its own."""
    product = torch.matmul(self, mat2)
    return product.view(tuple(output_sizes)) if len(output_sizes) else product


@fused("ArgMaxWithValue", "reduce")
def npu_max(self: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The largest along a dimension, and where it is (int32)."""
    values, indices = self.max(dim, keepdim)
    return values, indices.int()


@fused("ArgMinWithValue", "reduce")
def npu_min(self: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The smallest along a dimension, and where it is (int32)."""
    values, indices = self.min(dim, keepdim)
    return values, indices.int()


@fused("SortV2", "reduce", differentiable=False)
def npu_sort_v2(self: Tensor, dim: int = -1, descending: bool = False) -> Tensor:
    """The values in order, without their places.

    Raises:
        RuntimeError: another dimension than the last.
    """
    if dim not in {-1, self.dim() - 1}:
        raise invalid(f"npu_sort_v2 only supports the last dim, but got dim={dim}.")
    return self.sort(dim, descending)[0]


@fused("MatmulChecksum", "matmul", differentiable=False)
def matmul_checksum(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Whether a product c = a @ b is wrong by more than rounding, which is a fault of the hardware."""
    wide = [t.double() for t in (a, b, c)]
    expected = wide[0] @ wide[1].sum(-1, keepdim=True)
    size = wide[0].abs() @ wide[1].abs().sum(-1, keepdim=True)
    limit = torch.finfo(c.dtype).eps * size * 4
    return ((wide[2].sum(-1, keepdim=True) - expected).abs() > limit).any()


def npu_mm_all_reduce_base(
    x1: Tensor,
    x2: Tensor,
    hcom: str,
    *,
    reduce_op: str = "sum",
    bias: Tensor | None = None,
    antiquant_scale: Any = None,
    antiquant_offset: Any = None,
    x3: Tensor | None = None,
    dequant_scale: Any = None,
    pertoken_scale: Any = None,
    comm_quant_scale_1: Any = None,
    comm_quant_scale_2: Any = None,
    antiquant_group_size: int = 0,
    comm_turn: int = 0,
) -> Tensor:
    """A product, and its sum over the ranks of a group.

    Args:
        x1: (…, k).
        x2: (k, n).
        hcom: the group's name, from `get_hccl_comm_name`.
        reduce_op: "sum".
        bias: (n,), added on every rank.
        antiquant_scale: quantization; not simulated, nor the five others.
        antiquant_offset: see above.
        x3: added to the product.
        dequant_scale: see above.
        pertoken_scale: see above.
        comm_quant_scale_1: see above.
        comm_quant_scale_2: see above.
        antiquant_group_size: see above.
        comm_turn: without effect.

    Raises:
        RuntimeError: no such group, or another reduction.
        NotImplementedError: quantized inputs.
    """
    if any(q is not None for q in (antiquant_scale, dequant_scale, pertoken_scale, comm_quant_scale_1)):
        raise not_simulated("npu_mm_all_reduce_base", "quantization", "dequantize the inputs before")
    if reduce_op != "sum":
        raise invalid(f"reduce_op only supports 'sum', but got {reduce_op!r}.")
    group = next((g for g in dist.distributed_c10d._world.pg_map if _named(g) == hcom), None)
    if group is None:
        raise invalid(f"no process group has the name {hcom!r}: pass what get_hccl_comm_name returns.")
    product = torch.matmul(x1, x2)
    for more in (bias, x3):
        product = product if more is None else product + more
    dist.all_reduce(product, group=group)
    return product


def _named(group: Any) -> str | None:
    name = getattr(group, "get_hccl_comm_name", None)
    return None if name is None else name(0)
