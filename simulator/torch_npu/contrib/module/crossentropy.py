"""Cross entropy with smoothed labels."""

from __future__ import annotations

from torch import Tensor, nn

from torch_npu._ops.layout import npu_one_hot
from torch_npu._ops.losses import npu_softmax_cross_entropy_with_logits


class LabelSmoothingCrossEntropy(nn.Module):
    """Cross entropy with labels that are a little unsure.

    Args:
        num_classes: how many classes.
        smooth_factor: what the right class gives to the others together.
    """

    def __init__(self, num_classes: int = 1000, smooth_factor: float = 0.0) -> None:
        super().__init__()
        self.on_value = 1.0 - smooth_factor
        self.off_value = smooth_factor / (num_classes - 1)

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """The mean loss of (rows, classes) logits with (rows,) classes."""
        labels = npu_one_hot(target.int(), -1, pred.size(1), self.on_value, self.off_value)
        loss: Tensor = npu_softmax_cross_entropy_with_logits(pred, labels.to(pred.dtype)).float().mean()
        return loss
