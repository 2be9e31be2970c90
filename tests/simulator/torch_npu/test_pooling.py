"""Max pooling, whose quicker way must not be told from the usual one."""

import pytest
import torch
import torch_npu  # noqa: F401 - makes the device
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional


@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 24),
    height=st.integers(5, 24),
    width=st.integers(5, 24),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    ceil=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_pooling_is_the_hosts_to_the_bit(  # noqa: PLR0913, PLR0917 - each is drawn
    batch, channels, height, width, kernel, stride, dilation, ceil, seed
):
    """Values, places, layout and gradient are those of the same call on the CPU, ties and NaN among them."""
    torch.manual_seed(seed)
    x = torch.randn(batch, channels, height, width).mul(3).round()  # many ties
    x[torch.rand_like(x) < 0.02] = torch.nan
    x[torch.rand_like(x) < 0.02] = -torch.inf
    options = {"stride": stride, "padding": kernel // 2, "dilation": dilation, "ceil_mode": ceil}
    found = {}
    for device in ("cpu", "npu"):
        leaf = x.clone().to(device).requires_grad_()
        values, places = functional.max_pool2d(leaf, kernel, return_indices=True, **options)
        values.nan_to_num().sum().backward()
        found[device] = values.stride(), values.detach().cpu(), places.cpu(), leaf.grad.cpu()
    assert found["cpu"][0] == found["npu"][0]
    for expected, came in zip(found["cpu"][1:], found["npu"][1:], strict=True):
        torch.testing.assert_close(came, expected, rtol=0, atol=0, equal_nan=True)


def test_a_window_larger_than_the_plane():
    """The refusal is the one of the CPU's pooling."""
    x = torch.ones(2, 8, 16, 16, device="npu")
    with pytest.raises(RuntimeError, match="Output size is too small"):
        functional.max_pool2d(x, 17)
