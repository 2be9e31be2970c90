"""Nested tensors: the jagged ones work, the strided ones are refused before they end the process."""

import pytest
import torch
from torch import nn

PARTS = [torch.arange(8.0).reshape(2, 4), torch.ones(3, 4)]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def _of_npu_tensors():
    return torch.nested.nested_tensor([part.npu() for part in PARTS], requires_grad=True)


def _of_host_tensors():
    return torch.nested.nested_tensor(PARTS, device="npu", requires_grad=True)


def _moved():
    return torch.nested.nested_tensor(PARTS).to("npu")


def _of_a_mask():
    return torch._nested_tensor_from_mask(torch.ones(2, 3, 4).npu(), (torch.ones(2, 3) > 0).npu())


@pytest.mark.parametrize("make", [_of_npu_tensors, _of_host_tensors, _moved, _of_a_mask])
def test_a_strided_nested_tensor_is_refused(make):
    """A nested tensor of the strided layout is refused on the device with the ways round it."""
    with pytest.raises(NotImplementedError, match=r"layout=torch\.jagged.*set_fastpath_enabled\(False\)"):
        make()


def test_strided_nested_tensors_stay_as_they_are_on_the_host():
    """A nested tensor of the strided layout still works on the CPU."""
    nested = torch.nested.nested_tensor(PARTS, requires_grad=True)
    (nested * 2).to_padded_tensor(0.0).sum().backward()
    assert [tuple(part.shape) for part in nested.grad.unbind()] == [(2, 4), (3, 4)]


def test_a_jagged_nested_tensor_computes():
    """A nested tensor of the jagged layout goes through a layer and back, as on the CPU."""
    layer = nn.Linear(4, 2)
    sums = {}
    for device in ("cpu", "npu"):
        moved = layer.to(device)
        moved.zero_grad()
        parts = [part.to(device) for part in PARTS]
        nested = torch.nested.nested_tensor(parts, layout=torch.jagged)
        out = moved(nested)
        out.to_padded_tensor(0.0).sum().backward()
        sums[device] = [out.values().sum().item(), moved.weight.grad.sum().item()]
    assert sums["npu"] == pytest.approx(sums["cpu"], rel=1e-5)


def test_an_encoder_with_a_padding_mask_evaluates_where_the_fast_path_is_off():
    """In evaluation nn.TransformerEncoder takes a padding mask, with what the error told of."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2).eval()
    x, padding = torch.randn(2, 4, 8), torch.tensor([[False] * 4, [False, False, True, True]])
    expected = encoder(x, src_key_padding_mask=padding)
    encoder.npu()
    with torch.no_grad():
        with pytest.raises(NotImplementedError, match="_nested_tensor_from_mask cannot run"):
            encoder(x.npu(), src_key_padding_mask=padding.npu())
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            got = encoder(x.npu(), src_key_padding_mask=padding.npu()).cpu()
        finally:
            torch.backends.mha.set_fastpath_enabled(True)
    torch.testing.assert_close(got[~padding], expected[~padding], rtol=1e-4, atol=1e-4)
