"""Options that training scripts set on the device."""

import pytest
import torch


def test_options_are_checked_and_remembered():
    """Known options take known values, with the real refusals."""
    torch.npu.set_compile_mode(jit_compile=True)
    assert not torch.npu.is_jit_compile_false()
    torch.npu.set_compile_mode(jit_compile=False)
    assert torch.npu.is_jit_compile_false()
    torch.npu.config.allow_internal_format = False
    torch.npu.set_option({"ACL_PRECISION_MODE": "must_keep_origin_dtype"})
    with pytest.raises(ValueError, match="value of ACL_PRECISION_MODE should be in"):
        torch.npu.set_option({"ACL_PRECISION_MODE": "fast"})
    with pytest.raises(TypeError, match=r"npu option must be a dict\."):
        torch.npu.set_option("fast")
    with pytest.raises(RuntimeError, match=r"invalid npu option name:ACL_OP_SELECT_IMPL$"):
        torch.npu.set_option({"ACL_OP_SELECT_IMPL": "high_precision"})


@pytest.mark.usefixtures("own_options")
def test_hf32_switches():
    """HF32 is off for products and on for convolutions at first; only booleans are taken."""
    assert torch.npu.matmul.allow_hf32 is False
    assert torch.npu.conv.allow_hf32 is True
    torch.npu.matmul.allow_hf32 = True
    torch.npu.conv.allow_hf32 = False
    assert torch.npu.matmul.allow_hf32 is True
    assert torch.npu.conv.allow_hf32 is False
    with pytest.raises(TypeError, match="allow_hf32 must be a bool, but got int"):
        torch.npu.matmul.allow_hf32 = 1
