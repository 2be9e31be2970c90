"""Matrix products of 16-bit floats."""

import pytest
import torch
import torch_npu  # noqa: F401 - makes the device
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

HALVES = [torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", HALVES)
@given(m=st.integers(1, 33), k=st.integers(1, 70), n=st.integers(1, 33), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_product_accumulates_in_float32_and_rounds_once(dtype, m, k, n, seed):
    """A product of 16-bit matrices equals the float32 product of the same numbers, rounded once."""
    torch.manual_seed(seed)
    a, b = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)
    came = (a.npu() @ b.npu()).cpu()
    assert came.dtype is dtype
    assert torch.equal(came, (a.float() @ b.float()).to(dtype))


def test_sum_past_the_range_of_float16_in_between_is_kept():
    """Partial sums may pass float16's largest number, 65504, where the result does not."""
    a = torch.tensor([[300.0, 300.0, -300.0]], dtype=torch.float16)
    came = (a.npu() @ torch.tensor([[200.0], [200.0], [200.0]], dtype=torch.float16).npu()).item()
    assert came == 60000.0


def test_mixed_16_bit_types_are_refused_by_name():
    """A float16 and a bfloat16 matrix cannot be multiplied, and the error names both types."""
    a, b = torch.ones(2, 2, dtype=torch.float16).npu(), torch.ones(2, 2, dtype=torch.bfloat16).npu()
    with pytest.raises(RuntimeError, match=r"(?i)half.*bfloat16|bfloat16.*half"):
        a @ b


@pytest.mark.usefixtures("own_options")
def test_hf32_rounds_the_operands_of_a_product():
    """With allow_hf32 the operands of a float32 product keep 11 bits of mantissa, without it all of them."""
    torch.manual_seed(0)
    a, b = torch.randn(64, 64), torch.randn(64, 64)
    exact = a @ b
    assert torch.allclose((a.npu() @ b.npu()).cpu(), exact, atol=1e-5)
    torch.npu.matmul.allow_hf32 = True
    error = ((a.npu() @ b.npu()).cpu() - exact).abs().max()
    assert 1e-5 < error < 2**-12 * 64
    third = torch.tensor([[1 / 3]]).npu() @ torch.ones(1, 1).npu()
    assert third.item() == 2731 / 8192  # a third in 12 significant bits
    infinite = torch.tensor([[float("inf"), 1.0]]).npu() @ torch.ones(2, 1).npu()
    assert infinite.item() == float("inf")


@pytest.mark.usefixtures("own_options")
def test_hf32_in_a_convolution_that_asks_for_it():
    """Where the program sets conv.allow_hf32 itself, a convolution's operands are rounded."""
    x, w = torch.full((1, 1, 1, 1), 1 / 3).npu(), torch.ones(1, 1, 1, 1).npu()
    assert functional.conv2d(x, w).item() == x.item()
    torch.npu.conv.allow_hf32 = True
    assert functional.conv2d(x, w).item() == 2731 / 8192


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("needs_input", [True, False])
def test_backward_of_a_convolution_accumulates_in_float32(dtype, needs_input):
    """Gradients of a 16-bit convolution are the float32 one's, rounded once; one not needed is left out."""
    torch.manual_seed(0)
    x, w = torch.randn(2, 8, 6, 6).to(dtype), torch.randn(4, 8, 3, 3).to(dtype)
    grads = []
    for place, kind in (("npu:0", dtype), ("cpu", torch.float32)):
        images = x.to(place, kind).requires_grad_(needs_input)
        weight = w.to(place, kind).requires_grad_()
        functional.conv2d(images, weight, padding=1).backward(
            torch.ones(2, 4, 6, 6, device=place, dtype=kind)
        )
        grads.append((images.grad, weight.grad))
    for came, exact in zip(*grads, strict=True):
        assert (came is None) == (exact is None)
        if came is not None:
            assert came.dtype is dtype
            assert torch.equal(came.cpu(), exact.to(dtype))
    assert (grads[0][0] is not None) == needs_input


def test_an_operator_in_place_refuses_the_host_even_for_a_number():
    """A host tensor without dimensions is read as a number, and never written from the device."""
    x = torch.ones(3, device="npu:0")
    assert x.add_(torch.tensor(2.0)) is x
    assert x.tolist() == [3.0, 3.0, 3.0]
    for host in (torch.tensor(1.0), torch.ones(3)):
        with pytest.raises(RuntimeError, match="Expected NPU tensor"):
            host.add_(x.sum())
        assert host.unique().tolist() == [1.0]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    "compute",
    [
        lambda x: functional.avg_pool3d(x, 2),
        lambda x: torch.cdist(x[0, 0], x[0, 1]),
        lambda x: functional.interpolate(x[0], size=(3, 3), mode="bilinear", antialias=True),
        lambda x: functional.interpolate(x[0], size=(3, 3), mode="bicubic", antialias=True),
    ],
)
def test_what_the_cpu_has_not_in_16_bits_the_device_has(compute, dtype):
    """Operators that the CPU lacks in 16 bits give the float32 result rounded once, and train."""
    torch.manual_seed(0)
    x = torch.randn(1, 2, 4, 4, 4).to(dtype)
    wide, npu = x.float().requires_grad_(), x.npu().requires_grad_()
    expected, came = compute(wide), compute(npu)
    torch.testing.assert_close(came.cpu(), expected.to(dtype))
    expected.sum().backward()
    came.sum().backward()
    torch.testing.assert_close(npu.grad.cpu(), wide.grad.to(dtype), rtol=2e-2, atol=2e-2)
