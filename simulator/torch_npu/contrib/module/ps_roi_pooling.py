"""Position-sensitive pooling of regions, as a module."""

from __future__ import annotations

from torch import Tensor, nn

from torch_npu._ops.detection import npu_ps_roi_pooling
from torch_npu.contrib._checks import value_error

__all__ = ["PSROIPool"]


class PSROIPool(nn.Module):
    """See `torch_npu.npu_ps_roi_pooling`.

    Args:
        pooled_height: the group size.
        pooled_width: the group size.
        spatial_scale: from the corners' coordinates to the features'.
        group_size: rows and columns of cells.
        output_dim: channels of the result.

    Raises:
        ValueError: the sizes differ.
    """

    def __init__(
        self,
        pooled_height: int = 7,
        pooled_width: int = 7,
        spatial_scale: float = 1 / 16.0,
        group_size: int = 7,
        output_dim: int = 22,
    ) -> None:
        super().__init__()
        if not pooled_height == pooled_width == group_size:
            raise value_error("only pooled_height == pooled_width == group_size supported.")
        self.group_size, self.spatial_scale, self.output_dim = group_size, spatial_scale, output_dim

    def forward(self, features: Tensor, rois: Tensor) -> Tensor:
        """(batch, C, H, W) features and (batch, 5, N) regions to (batch · N, …)."""
        found: Tensor = npu_ps_roi_pooling(
            features, rois, self.spatial_scale, self.group_size, self.output_dim
        )
        return found
