"""ROIAlign as a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from torch_npu._ops.detection import npu_roi_align
from torch_npu.contrib._checks import value_error

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ROIAlign"]
_REGION = 5


class ROIAlign(nn.Module):
    """Averages of points of each region, on a grid; see `torch_npu.npu_roi_align`.

    Args:
        output_size: rows and columns.
        spatial_scale: from the corners' coordinates to the features'.
        sampling_ratio: points a cell in each direction; 0 as many as it has pixels.
        aligned: pixels are squares, so that regions move by half of one; False is the older way.
    """

    def __init__(
        self, output_size: Sequence[int], spatial_scale: float, sampling_ratio: int, aligned: bool = True
    ) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
        self.sampling_ratio, self.aligned = sampling_ratio, aligned

    def forward(self, input_tensor: Tensor, rois: Tensor) -> Tensor:
        """(batch, C, H, W) features and (N, 5) regions to (N, C, rows, columns).

        Raises:
            ValueError: the regions are not (N, 5).
        """
        if rois.dim() != 2 or rois.size(1) != _REGION:  # noqa: PLR2004 - a list of regions
            raise value_error("Expected rois.dim() == 2 and rois.size(1) == 5")
        found: Tensor = npu_roi_align(
            input_tensor.float(),
            rois,
            self.spatial_scale,
            self.output_size[0],
            self.output_size[1],
            self.sampling_ratio,
            3 if self.aligned else 0,
        )
        return found
