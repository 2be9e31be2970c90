"""ShuffleNet's shuffle of two branches' channels, by selection of indices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def indexselect_full_implementation_forward(x1: Tensor, x2: Tensor, fp_index: Tensor) -> Tensor:
    """The channels of both in a new order."""
    return torch.cat([x1, x2], 1).index_select(1, fp_index)


def indexselect_half_implementation_forward(
    x1: Tensor, x2: Tensor, fp_index1: Tensor, fp_index2: Tensor
) -> tuple[Tensor, Tensor]:
    """Two choices of the channels of both."""
    both = torch.cat([x1, x2], 1)
    return both.index_select(1, fp_index1), both.index_select(1, fp_index2)


class IndexSelectFullImplementation(torch.autograd.Function):
    """`indexselect_full_implementation_forward` whose gradient is a selection as well."""

    @staticmethod
    def forward(
        ctx: Any, x1: Tensor, x2: Tensor, fp_index: Tensor, bp_index1: Tensor, bp_index2: Tensor
    ) -> Tensor:
        """The channels in a new order."""
        ctx.indices = bp_index1, bp_index2
        return indexselect_full_implementation_forward(x1, x2, fp_index)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        """Each branch's channels, in the old order."""
        first, second = (grad_output.index_select(1, index) for index in ctx.indices)
        return first, second, None, None, None


class IndexSelectHalfImplementation(torch.autograd.Function):
    """`indexselect_half_implementation_forward` whose gradient is a selection as well."""

    @staticmethod
    def forward(
        ctx: Any,
        x1: Tensor,
        x2: Tensor,
        fp_index1: Tensor,
        fp_index2: Tensor,
        bp_index1: Tensor,
        bp_index2: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Two choices of the channels."""
        ctx.indices = bp_index1, bp_index2
        return indexselect_half_implementation_forward(x1, x2, fp_index1, fp_index2)

    @staticmethod
    def backward(ctx: Any, grad_output1: Tensor, grad_output2: Tensor) -> Any:
        """Each branch's channels, in the old order."""
        both = torch.cat([grad_output1, grad_output2], 1)
        first, second = (both.index_select(1, index) for index in ctx.indices)
        return first, second, None, None, None, None


class ChannelShuffle(nn.Module):
    """Interleaves the channels of two branches.

    Args:
        in_channels: of both branches together.
        groups: 2.
        split_shuffle: give the result as two halves.
    """

    def __init__(self, in_channels: int, groups: int = 2, split_shuffle: bool = True) -> None:
        super().__init__()
        self.split_shuffle = split_shuffle
        self.group_len = in_channels // groups
        order = torch.arange(in_channels).view(groups, self.group_len).t().reshape(-1)
        self.fp_index = order
        self.fp_index1, self.fp_index2 = order[: self.group_len], order[self.group_len :]
        self.bp_index1, self.bp_index2 = torch.arange(0, in_channels, 2), torch.arange(1, in_channels, 2)
        self.checked = False

    def check_self(self, x: Tensor) -> None:
        """Moves the indices to a tensor's device."""
        for name in ("fp_index", "fp_index1", "fp_index2", "bp_index1", "bp_index2"):
            setattr(self, name, getattr(self, name).to(x.device))
        self.checked = True

    def forward(self, x1: Tensor, x2: Tensor) -> Any:
        """The shuffled channels, as one tensor or two."""
        if not self.checked or self.bp_index1.device != x1.device:
            self.check_self(x1)
        back = self.bp_index1, self.bp_index2
        if self.split_shuffle:
            return IndexSelectHalfImplementation.apply(x1, x2, self.fp_index1, self.fp_index2, *back)  # type: ignore[no-untyped-call]
        return IndexSelectFullImplementation.apply(x1, x2, self.fp_index, *back)  # type: ignore[no-untyped-call]
