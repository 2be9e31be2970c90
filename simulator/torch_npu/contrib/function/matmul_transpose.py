"""A product with the transpose of the second matrix."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["matmul_transpose"]


def matmul_transpose(tensor1: Tensor, tensor2: Tensor) -> Tensor:
    """tensor1 @ tensor2ᵀ, of the last two dimensions."""
    return torch.matmul(tensor1, tensor2.transpose(-2, -1))
