"""torch_npu.npu_*: values by the definition, gradients by autograd of it, one launch each."""
# ruff: noqa: E501, FBT003 - a table of definitions, and the signatures of the operators

import math
import warnings

import pytest
import torch
import torch_npu
from torch.nn import functional
from torch_npu._ops import TABLE


def close(found, expected, **tolerance):
    """Compares a result on the NPU with one on the CPU."""
    torch.testing.assert_close(found.cpu(), expected, **tolerance)


def values(*shape, seed=0):
    """Random numbers on the CPU."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def halves(x, dim=-1):
    """Both halves of a dimension."""
    return x.chunk(2, dim)


def rms(x, g, eps=1e-6):
    """RMS normalization over the last dimension."""
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * g


def rotated(x):
    """The halves of the last dimension, turned by a quarter."""
    a, b = halves(x)
    return torch.cat([-b, a], -1)


def centres_to_corners(b):
    """(4, n) centres as corners."""
    return torch.stack([b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2])


def diou(a, b):
    """Distance IoU of pairs of centres (4, n), written out."""
    a, b = centres_to_corners(a), centres_to_corners(b)
    w = (torch.minimum(a[2], b[2]) - torch.maximum(a[0], b[0])).clamp(min=0)
    h = (torch.minimum(a[3], b[3]) - torch.maximum(a[1], b[1])).clamp(min=0)
    areas = [(t[2] - t[0]) * (t[3] - t[1]) for t in (a, b)]
    cw = torch.maximum(a[2], b[2]) - torch.minimum(a[0], b[0])
    ch = torch.maximum(a[3], b[3]) - torch.minimum(a[1], b[1])
    far = ((a[0] + a[2] - b[0] - b[2]) ** 2 + (a[1] + a[3] - b[1] - b[3]) ** 2) / 4
    return (w * h / (areas[0] + areas[1] - w * h) - far / (cw**2 + ch**2)).unsqueeze(0)


BOXES = [values(4, 6).abs() + 0.5, values(4, 6, seed=1).abs() + 0.5]
# name, arguments on the CPU, the definition
DIFFERENTIABLE = [
    ("npu_fast_gelu", [values(3, 8)], lambda x: x * torch.sigmoid(1.702 * x)),
    ("npu_gelu", [values(3, 8)], functional.gelu),
    ("npu_silu", [values(3, 8)], functional.silu),
    ("npu_mish", [values(3, 8)], functional.mish),
    ("npu_swiglu", [values(3, 8)], lambda x: functional.silu(halves(x)[0]) * halves(x)[1]),
    ("npu_gelu_mul", [values(3, 8)], lambda x: functional.gelu(halves(x)[0]) * halves(x)[1]),
    (
        "npu_geglu",
        [values(3, 8)],
        lambda x: (
            halves(x)[0] * functional.gelu(halves(x)[1], approximate="tanh"),
            functional.gelu(halves(x)[1], approximate="tanh"),
        ),
    ),
    ("npu_rms_norm", [values(2, 5, 8), values(8)], lambda x, g: (rms(x, g), (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt())),
    ("npu_add_rms_norm", [values(5, 8), values(5, 8, seed=1), values(8)], lambda x, y, g: (rms(x + y, g), ((x + y).square().mean(-1, keepdim=True) + 1e-6).rsqrt(), x + y)),
    ("npu_rotary_mul", [values(2, 3, 4, 8), values(1, 3, 1, 8, seed=1), values(1, 3, 1, 8, seed=2)], lambda x, c, s: x * c + rotated(x) * s),
    ("npu_softmax_cross_entropy_with_logits", [values(3, 5), values(3, 5, seed=1).softmax(-1)], lambda x, y: -(y * x.log_softmax(-1)).sum(-1)),
    ("npu_diou", [*BOXES, True], lambda a, b, _t: diou(a, b)),
    ("npu_confusion_transpose", [values(2, 3, 4, 6), (0, 2, 1, 3), (2, 4, 18), True], lambda x, p, s, _f: x.permute(p).reshape(s)),
    ("npu_transpose", [values(2, 3, 5), (2, 0, 1)], lambda x, p: x.permute(p)),
    ("npu_linear", [values(2, 6), values(4, 6), values(4)], functional.linear),
    ("npu_bmmV2", [values(2, 3, 4), values(2, 4, 5), []], lambda a, b, _s: a @ b),
    ("npu_pad", [values(2, 3), [1, 0, 0, 2]], lambda x, _p: functional.pad(x, [0, 2, 1, 0])),
    ("npu_group_norm_silu", [values(2, 4, 3), values(4), values(4), 2], lambda x, w, b, g: (functional.silu(functional.group_norm(x, g, w, b)), x.view(2, 2, -1).mean(-1), (x.view(2, 2, -1).var(-1, correction=0) + 1e-5).rsqrt())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "definition"), DIFFERENTIABLE, ids=lambda v: v if isinstance(v, str) else ""
)
def test_values_and_gradients(name, arguments, definition, kernels):
    """An operator gives the values and the gradients of its definition, with one launch each way."""

    def run(function, move):
        moved = [move(a).detach().requires_grad_() if isinstance(a, torch.Tensor) else a for a in arguments]
        kernels()
        result = function(*moved)
        launched = kernels()
        outs = [r for r in (result if isinstance(result, tuple) else (result,)) if r.requires_grad]
        sum((o * (i + 1)).sin().sum() for i, o in enumerate(outs)).backward()
        return result, [a.grad for a in moved if isinstance(a, torch.Tensor)], launched

    expected, slopes, _ = run(definition, lambda a: a)
    found, grads, launched = run(getattr(torch_npu, name), lambda a: a.npu())
    assert len(launched) == 1
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for f, e in pairs:
        close(f, e)
    for f, e in zip(grads, slopes, strict=True):
        close(f, e, rtol=1e-4, atol=1e-5)


def test_every_name_of_the_table_is_there():
    """What the table names can be called, and half-precision inputs keep their type."""
    assert all(callable(getattr(torch_npu, name)) for name in TABLE)
    assert torch_npu.npu_rms_norm(values(2, 8).half().npu(), values(8).half().npu())[0].dtype == torch.float16
    with pytest.raises(AttributeError, match="npu_does_not_exist"):
        torch_npu.npu_does_not_exist  # noqa: B018 - the lookup is the test


def naive_attention(q, k, v, scale, hidden=None):
    """Attention of (batch, heads, sequence, width) with all scores."""
    scores = q @ k.transpose(-1, -2) * scale
    if hidden is not None:
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores.softmax(-1) @ v


@pytest.mark.parametrize("layout", ["BNSD", "BSND", "BSH", "SBH"])
def test_fusion_attention_in_every_layout(layout):
    """npu_fusion_attention gives attention and its gradients in every layout, with and without a mask."""
    q, k, v = (values(2, 4, 6, 8, seed=i) for i in range(3))
    mask = torch.ones(6, 6, dtype=torch.bool).triu(1)

    def laid(x):
        x = {"BNSD": x, "BSND": x.transpose(1, 2)}.get(layout, x.transpose(1, 2).flatten(2))
        return x.transpose(0, 1).contiguous() if layout == "SBH" else x.contiguous()

    inputs = [laid(t).npu().requires_grad_() for t in (q, k, v)]
    twins = [t.clone().requires_grad_() for t in (q, k, v)]
    out, top, total, *_ = torch_npu.npu_fusion_attention(*inputs, 4, layout, atten_mask=mask.npu(), scale=0.3)
    expected = naive_attention(*twins, 0.3, mask)
    close(out, laid(expected.detach()))
    assert top.shape == total.shape == (2, 4, 6, 8)
    out.square().sum().backward()
    expected.square().sum().backward()
    for found, twin in zip(inputs, twins, strict=True):
        close(found.grad, laid(twin.grad), rtol=1e-4, atol=1e-5)


def test_fusion_attention_of_packed_and_causal_sequences():
    """TND, sparse modes and grouped heads agree with attention sequence by sequence."""
    q, k, v = values(9, 4, 8), values(9, 2, 8, seed=1), values(9, 2, 8, seed=2)
    mask = torch.ones(2048, 2048, dtype=torch.bool).triu(1).npu()
    out = torch_npu.npu_fusion_attention(
        q.npu(), k.npu(), v.npu(), 4, "TND", atten_mask=mask, scale=0.5,
        actual_seq_qlen=[4, 9], actual_seq_kvlen=[4, 9], sparse_mode=3,
    )[0]  # fmt: skip
    for begin, end in ((0, 4), (4, 9)):
        a, b, c = (t[begin:end].transpose(0, 1).unsqueeze(0) for t in (q, k, v))
        hidden = torch.ones(end - begin, end - begin, dtype=torch.bool).triu(1)
        b, c = b.repeat_interleave(2, 1), c.repeat_interleave(2, 1)
        close(out[begin:end], naive_attention(a, b, c, 0.5, hidden)[0].transpose(0, 1))
    with pytest.raises(RuntimeError, match="actual_seq_qlen"):
        torch_npu.npu_fusion_attention(q.npu(), k.npu(), v.npu(), 4, "TND")
    with pytest.raises(RuntimeError, match="input_layout should be"):
        torch_npu.npu_fusion_attention(q.npu(), k.npu(), v.npu(), 4, "XYZ")
    with pytest.raises(NotImplementedError, match="sparse_mode=6 is not simulated"):
        torch_npu.npu_fusion_attention(q.npu(), k.npu(), v.npu(), 4, "BSH", sparse_mode=6)


def test_dropout_in_attention_follows_the_device_seed():
    """keep_prob below 1 drops with the device's random numbers, the same after the same seed."""
    q = values(1, 2, 16, 8).npu()
    outs = []
    for _ in range(2):
        torch.npu.manual_seed(3)
        outs.append(torch_npu.npu_fusion_attention(q, q, q, 2, "BNSD", keep_prob=0.5)[0])
    assert torch.equal(*outs)
    assert not torch.allclose(outs[0], torch_npu.npu_fusion_attention(q, q, q, 2, "BNSD")[0])


def test_attention_for_inference():
    """Prompt and incremental attention, fused scores and masked softmax follow the definition."""
    q, k, v = (values(2, 2, 4, 8, seed=i).npu() for i in range(3))
    expected = naive_attention(q.cpu(), k.cpu(), v.cpu(), 0.4)
    close(
        torch_npu.npu_prompt_flash_attention(q, k, v, num_heads=2, scale_value=0.4, input_layout="BNSD"),
        expected,
    )
    one = torch_npu.npu_incre_flash_attention(
        q[:, :, :1].contiguous(),
        k,
        v,
        num_heads=2,
        scale_value=0.4,
        input_layout="BNSD",
        actual_seq_lengths=[3, 4],
    )
    close(one[0], naive_attention(q[:1, :, :1].cpu(), k[:1, :, :3].cpu(), v[:1, :, :3].cpu(), 0.4)[0])
    zero = torch.zeros(2, 2, 4, 4).npu()
    score = torch_npu.npu_fused_attention_score(q, k, v, zero, 0.4, 1.0)
    close(score, expected.transpose(1, 2).reshape(8, 16))
    mask = torch.zeros(2, 2, 4, 4, dtype=torch.bool)
    mask[..., 3] = True
    soft = torch_npu.npu_scaled_masked_softmax(values(2, 2, 4, 4).npu(), mask.npu(), 2.0)
    close(soft, (values(2, 2, 4, 4) * 2).masked_fill(mask, -torch.inf).softmax(-1))
    kept, soft, dropped = torch_npu.npu_dropout_with_add_softmax(zero, zero, 0.5, 0.25, -1)
    close(dropped, (soft * kept / 0.75).cpu())


# The examples of the documentation of op-plugin, with their printed results.
def test_boxes_as_documented():
    """Encoding, decoding and overlaps of boxes give the documentation's results."""
    rois = torch.tensor([[1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0]]).npu()
    other = torch.tensor([[5.0, 6.0, 7.0, 8.0], [7.0, 8.0, 9.0, 6.0]]).npu()
    decoded = torch_npu.npu_bounding_box_decode(rois, other, 0, 0, 0, 0, 1, 1, 1, 1, (10, 10), 0.1)
    assert decoded.tolist() == [[2.5, 6.5, 9.0, 9.0], [9.0] * 4]
    encoded = torch_npu.npu_bounding_box_encode(rois, other, 0, 0, 0, 0, 0.1, 0.1, 0.2, 0.2)
    nan = math.nan
    expected = torch.tensor([[13.3281, 13.3281, 0, 0], [13.3281, 6.6641, 0, nan]])
    close(encoded, expected, rtol=1e-3, atol=1e-3, equal_nan=True)
    a = torch.tensor([[0.0, 0, 10, 10], [10, 10, 20, 20], [32, 32, 38, 42]]).npu()
    b = torch.tensor([[0.0, 0, 10, 20], [0, 10, 10, 10], [10, 10, 20, 20]]).npu()
    expected = torch.tensor([[0.4985, 0, 0], [0, 0, 0], [0, 0.9961, 0]])
    close(torch_npu.npu_iou(a, b), expected, rtol=0.01, atol=1e-3)
    close(torch_npu.npu_ptiou(a, b, 1), torch.tensor([[0.5, 0, 0], [0, 0, 0], [0, 1.0, 0]]))


def test_other_ious():
    """GIoU has the real shape and refusals; CIoU of equal boxes is 1; rotated boxes overlap as squares do."""
    a, b = (t.npu() for t in BOXES)
    assert torch_npu.npu_giou(a, b, True).shape == (6, 1)
    with pytest.raises(RuntimeError, match="giou backward only support"):
        torch_npu.npu_giou(a, b)
    close(torch_npu.npu_ciou(a, a, True, False), torch.ones(1, 6))
    assert torch_npu.npu_ciou(a, b, True).shape == (6, 6)
    square = torch.tensor([[[0.0], [0.0], [2.0], [2.0], [45.0]]]).npu()
    straight = torch.tensor([[[0.0], [0.0], [2.0], [2.0], [0.0]]]).npu()
    octagon = 8 * (math.sqrt(2) - 1)
    close(torch_npu.npu_rotated_overlaps(square, straight), torch.tensor([[[octagon]]]))
    close(torch_npu.npu_rotated_iou(square, straight), torch.tensor([[[octagon / (8 - octagon)]]]))


def test_suppression():
    """Overlapping boxes are suppressed, best first, in all three forms."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30], [0, 0, 1, 1]]).npu()
    scores = torch.tensor([0.8, 0.9, 0.3, 0.1]).npu()
    half, low = torch.tensor(0.5).npu(), torch.tensor(0.2).npu()
    picked, count = torch_npu.npu_nms_v4(boxes, scores, 3, half, low)
    assert (picked.tolist(), count.item()) == ([1, 2], 2)
    assert torch_npu.npu_nms_v4(boxes, scores, 3, half, low, True)[0].tolist() == [1, 2, 0]
    table = torch.cat([boxes.cpu(), scores.cpu()[:, None], torch.zeros(4, 3)], 1).npu()
    kept, index, mask = torch_npu.npu_nms_with_mask(table, 0.5)
    assert (kept.shape, index.tolist(), mask.tolist()) == ((4, 5), [0, 1, 2, 3], [1, 0, 1, 1])
    found = torch_npu.npu_batch_nms(boxes[None, :, None], scores[None, :, None], 0.2, 0.5, 3, 4)
    assert [t.shape for t in found] == [(1, 4, 4), (1, 4), (1, 4), (1,)]
    close(found[1], torch.tensor([[0.9, 0.3, 0, 0]]))
    assert found[3].tolist() == [2]


def test_regions_and_anchors():
    """ROIAlign gives the documentation's result; the others follow their definition."""
    x = torch.arange(1.0, 37).view(1, 1, 6, 6).npu()
    out = torch_npu.npu_roi_align(x, torch.tensor([[0, -2.0, -2.0, 22.0, 22.0]]).npu(), 0.25, 3, 3, 2, 0)
    assert out.tolist() == [[[[4.5, 6.5, 8.5], [16.5, 18.5, 20.5], [28.5, 30.5, 32.5]]]]
    maps = torch.arange(4.0).view(1, 4, 1, 1).expand(1, 4, 6, 6).contiguous().npu()
    pooled = torch_npu.npu_ps_roi_pooling(maps, torch.tensor([[[0.0], [0], [0], [5], [5]]]).npu(), 1.0, 2, 1)
    assert pooled.tolist() == [[[[0.0, 1.0], [2.0, 3.0]]]]
    flags = torch_npu.npu_anchor_response_flags(torch.tensor([[0.0, 0, 4, 4]]).npu(), [3, 3], [2, 2], 2)
    assert flags.nonzero().flatten().tolist() == [8, 9]
    assigned = torch_npu.npu_grid_assign_positive(
        torch.zeros(4).npu(), torch.tensor([[0.1, 0.9, 0, 0.4], [0.2, 0, 0.3, 0]]).npu(),
        torch.tensor([1, 1, 1, 0], dtype=torch.uint8).npu(), torch.tensor([0.2, 0.9, 0.3, 0.4]).npu(),
        torch.tensor([1, 0, 1, 0], dtype=torch.int32).npu(), torch.tensor([0.9, 0.3]).npu(),
        torch.tensor([1, 2], dtype=torch.int32).npu(), torch.tensor([2], dtype=torch.int32).npu(), 0.5, 0.0, True,
    )  # fmt: skip
    assert assigned.tolist() == [0, 1, 2, 0]
    encoded = torch_npu.npu_yolo_boxes_encode(
        torch.tensor([[0.0, 0, 4, 4]]).npu(), torch.tensor([[1.0, 1, 5, 3]]).npu(), torch.tensor([8]).npu()
    )
    close(encoded, torch.tensor([[0.625, 0.5, 0.0, math.log(0.5)]]))


def test_deformable_convolution():
    """Without moves it is a convolution; with whole moves it reads shifted pixels; gradients flow."""
    x, w, b = values(2, 3, 6, 6).npu(), values(4, 3, 3, 3).npu(), values(4).npu()
    offset = torch.cat([torch.zeros(2, 18, 6, 6), torch.ones(2, 9, 6, 6)], 1).npu()
    out, columns = torch_npu.npu_deformable_conv2d(x, w, offset, b, [3, 3], [1, 1, 1, 1], [1, 1, 1, 1])
    close(out, functional.conv2d(x, w, b, padding=1).cpu(), rtol=1e-4, atol=1e-5)
    assert columns.shape == (2, 3, 18, 18)
    moved = offset.clone()
    moved[:, :9] = 1  # one pixel to the right
    moved.requires_grad_()
    out, _ = torch_npu.npu_deformable_conv2d(x, w, moved, None, [3, 3], [1, 1, 1, 1], [1, 1, 1, 1])
    shifted = functional.pad(x.cpu(), [0, 1])[..., 1:]
    expected = functional.conv2d(shifted, w.cpu(), padding=1)
    close(out[..., 1:-1].detach(), expected[..., 1:-1], rtol=1e-4, atol=1e-5)
    out.sum().backward()
    assert moved.grad.abs().sum() > 0
    with pytest.raises(NotImplementedError, match="deformable_groups > 1"):
        torch_npu.npu_deformable_conv2d(x, w, offset, b, [3, 3], [1] * 4, [1] * 4, deformable_groups=2)


def test_convolutions_under_other_names():
    """npu_conv2d and its kin are those of torch.nn.functional."""
    x, w = values(1, 2, 5, 5).npu(), values(3, 2, 3, 3).npu()
    two = [1, 1], [0, 0], [1, 1], 1
    close(torch_npu.npu_conv2d(x, w, None, *two), functional.conv2d(x, w).cpu())
    close(torch_npu.npu_convolution(x, w, None, *two), functional.conv2d(x, w).cpu())
    t = torch_npu.npu_conv_transpose2d(x, values(2, 3, 3, 3).npu(), None, [0, 0], [0, 0], [1, 1], [1, 1], 1)
    assert t.shape == (1, 3, 7, 7)
    v, k = values(1, 2, 4, 4, 4).npu(), values(3, 2, 2, 2, 2).npu()
    close(torch_npu.npu_conv3d(v, k, None, [1] * 3, [0] * 3, [1] * 3, 1), functional.conv3d(v, k).cpu())


def test_cutting_filling_and_packing():
    """Slices, one-hot rows, updates, blocks of channels and packed signs follow their definition."""
    x = torch.arange(8.0).view(2, 4).npu()
    assert torch_npu.npu_slice(x, [0, 1], [2, 2]).tolist() == [[1, 2], [5, 6]]
    assert torch_npu.npu_indexing(x, [0, 0], [2, 4], [1, 2]).tolist() == [[0, 2], [4, 6]]
    assert torch_npu.npu_indexing(x, [1, 0], [2, 4], [1, 1], shrink_axis_mask=1).tolist() == [4, 5, 6, 7]
    assert torch_npu.npu_one_hot(torch.tensor([5, 1]).npu(), depth=3).tolist() == [[0, 0, 0], [0, 1, 0]]
    assert torch_npu.npu_one_hot(torch.tensor([1]).npu(), 0, 2, 9, 3).tolist() == [[3], [9]]
    assert torch_npu.npu_broadcast(x[:1], (3, 4)).shape == (3, 4)
    assert torch_npu.npu_reshape(x, (4, 2)).shape == (4, 2)
    assert torch_npu.npu_stride_copy(x, (2, 2), (4, 1), 1).tolist() == [[1, 2], [5, 6]]
    assert torch_npu.npu_dtype_cast(x, torch.float16).dtype == torch.float16
    rows = torch.tensor([[1]]).npu()
    updated = torch_npu.npu_scatter_nd_update(x, rows, torch.zeros(1, 4).npu())
    assert (updated[1].sum().item(), x[1].sum().item()) == (0, 22)
    torch_npu.npu_scatter_nd_update_(x, rows, torch.ones(1, 4).npu())
    assert x[1].tolist() == [1] * 4
    cache = torch_npu.scatter_update(
        torch.zeros(2, 3, 1).npu(), torch.tensor([0, 2]).npu(), torch.ones(2, 1, 1).npu(), 1
    )
    assert cache.flatten().tolist() == [1, 0, 0, 0, 0, 1]
    assert torch_npu.one_(torch.zeros(2).npu()).tolist() == [1, 1]
    blocks = torch_npu.npu_stride_add(torch.ones(1, 40, 1, 1).npu(), torch.ones(1, 16, 1, 1).npu(), 1, 0, 2)
    assert blocks.flatten().tolist() == [2] * 16 + [1] * 8 + [0] * 8
    signs = torch.tensor([5, 4, 3, 2, 0, -1, -2, 4, 3, 2, 1, 0, -1, -2.0]).npu()
    assert torch_npu.npu_sign_bits_pack(signs, 2).tolist() == [[159], [15]]
    bits = torch_npu.npu_sign_bits_unpack(torch.tensor([159], dtype=torch.uint8).npu(), 1, torch.float16)
    assert bits.tolist() == [[1, 1, 1, 1, 1, -1, -1, 1]]
    most, where = torch_npu.npu_max(torch.tensor([[1.0, 3.0, 2.0]]).npu(), 1)
    assert (most.tolist(), where.tolist(), where.dtype) == ([3.0], [1], torch.int32)
    assert torch_npu.npu_sort_v2(torch.tensor([3.0, 1.0]).npu()).tolist() == [1, 3]
    y = torch_npu.npu_silu_(z := torch.ones(2).npu())
    assert y is z
    assert torch_npu.copy_memory_(z, torch.zeros(2).npu()).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="same dtype and number of elements"):
        torch_npu.copy_memory_(z, torch.zeros(3).npu())


def test_quantization():
    """Quantizing and back stays within half a step; products of int8 matrices are exact."""
    x = values(4, 16).half().npu()
    q, scale = torch_npu.npu_dynamic_quant(x)
    close(q.float() * scale[:, None], x.float().cpu(), rtol=0, atol=scale.max().item() * 0.51)
    q, scale, offset = torch_npu.npu_dynamic_quant_asymmetric(x)
    close(
        (q.float() - offset[:, None]) * scale[:, None],
        x.float().cpu(),
        rtol=0,
        atol=scale.max().item() * 0.51,
    )
    eight = torch_npu.npu_quantize(
        torch.tensor([[1.0, -300.0]]).npu(), torch.tensor([0.5, 1.0]).npu(), None, torch.qint8
    )
    assert eight.tolist() == [[2, -128]]
    back = torch_npu.npu_anti_quant(eight, torch.tensor([0.5]).npu(), offset=torch.tensor([1.0]).npu())
    assert back.tolist() == [[1.5, -63.5]]
    groups = torch_npu.npu_group_quant(
        torch.ones(3, 2).npu(), torch.tensor([[1.0, 2], [5, 6]]).npu(), torch.tensor([1, 3]).npu()
    )
    assert groups.tolist() == [[1, 2], [5, 6], [5, 6]]
    a, b = (torch.randint(-9, 9, s, dtype=torch.int8) for s in ((3, 8), (8, 5)))
    packed = torch_npu.npu_trans_quant_param(torch.full((5,), 0.5).npu())
    product = torch_npu.npu_quant_matmul(a.npu(), b.npu(), packed, output_dtype=torch.float16)
    close(product.float(), (a.float() @ b.float()) * 0.5)
    with pytest.raises(RuntimeError, match=r"a scale of torch\.float16 does not go"):
        torch_npu.npu_quant_matmul(a.npu(), b.npu(), torch.ones(1).half().npu())
    with pytest.raises(RuntimeError, match=r"an output_dtype of torch\.float32 is not supported"):
        torch_npu.npu_quant_matmul(a.npu(), b.npu(), packed, output_dtype=torch.float32)
    y = torch_npu.npu_weight_quant_batchmatmul(x[:, :8], b.npu(), torch.full((5,), 0.1).half().npu())
    close(y.float(), x[:, :8].float().cpu() @ (b.float() * 0.1), rtol=0.01, atol=0.02)
    images = torch.randint(-5, 5, (1, 2, 4, 4), dtype=torch.int8).npu()
    kernel = torch.randint(-5, 5, (3, 2, 3, 3), dtype=torch.int8).npu()
    conv = torch_npu.npu_quant_conv2d(images, kernel, torch.ones(3).npu(), output_dtype=torch.float32)
    close(conv, functional.conv2d(images.cpu().float(), kernel.cpu().float()))
    with pytest.raises(NotImplementedError, match="quint4x2 is not simulated"):
        torch_npu.npu_dynamic_quant(x, dst_type=torch.quint4x2)


def test_mixture_of_experts():
    """Gate, routing, experts and the way back give what every token's experts give one by one."""
    x, logits = values(6, 4), values(6, 3, seed=1)
    weights, experts, rows = torch_npu.npu_moe_gating_top_k_softmax(logits.npu(), None, 2)
    close(weights, logits.softmax(-1).topk(2)[0])
    expanded, places, order = torch_npu.npu_moe_init_routing(x.npu(), rows, experts, 6)
    ends = torch_npu.npu_moe_compute_expert_tokens(order, 3)
    assert ends.tolist()[-1] == 12
    kernels = values(3, 4, 5, seed=2)
    (done,) = torch_npu.npu_grouped_matmul([expanded], [kernels.npu()], group_list=ends, split_item=2)
    out = torch_npu.npu_moe_finalize_routing(done, None, None, None, weights, places, experts)
    expected = torch.stack(
        [sum(w * (t @ kernels[e]) for w, e in zip(ws, es, strict=True)) for t, ws, es in zip(x, weights.cpu(), experts.cpu(), strict=True)]
    )  # fmt: skip
    close(out, expected, rtol=1e-4, atol=1e-5)


def test_a_step_of_adam():
    """npu_apply_adam updates like torch.optim.Adam."""
    p = torch.nn.Parameter(values(5))
    p.grad = values(5, seed=1)
    var, m, v = p.detach().clone().npu(), torch.zeros(5).npu(), torch.zeros(5).npu()
    torch.optim.Adam([p], lr=0.1, eps=0).step()
    torch_npu.npu_apply_adam(0.9, 0.999, 0.1, 0.9, 0.999, 0.0, p.grad.npu(), False, False, out=(var, m, v))
    close(var, p.detach())


def test_operators_refuse_host_tensors_and_stale_inputs():
    """Host tensors are refused in the real words; an input overwritten before backward is noticed."""
    with pytest.raises(
        NotImplementedError, match="Could not run 'npu::npu_rms_norm' with arguments from the 'CPU'"
    ):
        torch_npu.npu_rms_norm(values(2, 4), values(4))
    with pytest.raises(RuntimeError, match="Expected NPU tensor"):
        torch_npu.npu_rms_norm(values(2, 4).npu(), values(4))
    x = values(2, 8).npu().requires_grad_()
    y = x * 1
    z = torch_npu.npu_swiglu(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_checksum_of_a_product():
    """matmul_checksum finds a wrong element, and none in a right product."""
    a, b = values(4, 8).npu(), values(8, 5).npu()
    c = a @ b
    assert not torch_npu.matmul_checksum(a, b, c).item()
    c[1, 2] += 1
    assert torch_npu.matmul_checksum(a, b, c).item()


def test_operators_in_a_profile(tmp_path):
    """A profile shows the operator and its kernel, and nothing of what it is made of."""
    import json

    x, g = values(2, 8).npu(), values(8).npu()
    with torch_npu.profiler.profile() as prof:
        torch_npu.npu_rms_norm(x, g)
    prof.export_chrome_trace(str(tmp_path / "t.json"))
    names = [e["name"] for e in json.loads((tmp_path / "t.json").read_text()) if e.get("cat") == "cpu_op"]
    assert "npu::npu_rms_norm" in names
    assert not [n for n in names if n.startswith("aten::")]


def test_a_wrong_rounding_mode_has_the_devices_code():
    """What div says of an unknown rounding mode ends with ERR01001."""
    x = torch.ones(2, device="npu")
    with pytest.raises(RuntimeError, match=r"rounding_mode(.|\n)*ERR01001 OPS invalid parameter"):
        torch.div(x, x, rounding_mode="test")
    assert torch.div(x, x, rounding_mode="floor").tolist() == [1, 1]


def test_binary_cross_entropy_rounds_half_precision_once():
    """The loss of float16 logits is the float32 loss, rounded once."""
    torch.manual_seed(0)
    x, y = torch.randn(64, 64).half() * 5, torch.rand(64, 64).half()
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    exact = loss(x.float(), y.float(), reduction="none").half()
    assert torch.equal(loss(x.npu(), y.npu(), reduction="none").cpu(), exact)


def test_classes_may_have_32_bits():
    """Losses and one_hot take int32 classes, as the device does, with the values and gradients of int64."""
    torch.manual_seed(0)
    x = torch.randn(4, 3).npu().requires_grad_()
    classes = torch.tensor([0, 1, 2, 0])
    for kind in (torch.int32, torch.int64):
        x.grad = None
        loss = torch.nn.functional.cross_entropy(x, classes.to(kind).npu())
        loss.backward()
        plain = x.detach().cpu().requires_grad_()
        torch.nn.functional.cross_entropy(plain, classes).backward()
        torch.testing.assert_close(x.grad.cpu(), plain.grad)
    found = torch.nn.functional.one_hot(classes.int().npu())
    assert found.dtype is torch.int32
    assert torch.equal(found.cpu().long(), torch.nn.functional.one_hot(classes))
    labels = torch.tensor([[0, -1, 0]] * 4)
    loss = torch.nn.MultiLabelMarginLoss()
    assert loss(x, labels.int().npu()).item() == pytest.approx(loss(x.cpu(), labels).item())


def test_a_class_outside_of_one_hot_is_a_row_of_zeros():
    """one_hot of a class that is none of its classes gives zeros, where the CPU raises."""
    one_hot = torch.nn.functional.one_hot
    assert one_hot(torch.tensor([3, 1, -1]).npu(), 3).tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert one_hot(torch.tensor([2, -1]).npu()).tolist() == [[0, 0, 1], [0, 0, 0]]
    assert one_hot(torch.tensor([-1]).npu()).tolist() == [[0]]
    assert one_hot(torch.tensor(1).npu(), 0).shape == (0,)
    assert one_hot(torch.empty(4, 0, dtype=torch.long).npu(), 5).shape == (4, 0, 5)
    with pytest.raises(RuntimeError, match=r"num_classes less than -1[^$]*ERR01001"):
        one_hot(torch.tensor([1]).npu(), -2)
    with pytest.raises(RuntimeError, match="from empty tensor"):
        one_hot(torch.empty(0, dtype=torch.long).npu())


def test_an_operator_of_torch_npu_is_not_traced():
    """torch.jit.trace takes PyTorch's own operators on the device, and refuses torch_npu's by name."""
    x = torch.randn(2, 8, device="npu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(lambda t: functional.silu(t) @ t.T, x, check_trace=False)
        with pytest.raises(NotImplementedError, match=r"npu::npu_silu with torch\.jit\.trace"):
            torch.jit.trace(torch_npu.npu_silu, x)
    other = torch.randn(2, 8, device="npu")
    torch.testing.assert_close(traced(other), functional.silu(other) @ other.T)


def test_the_operators_are_in_torch_ops_too():
    """torch.ops.npu has the operators of torch_npu, those a program defines itself, and no others."""
    x = torch.randn(4, 8, device="npu")
    assert torch.equal(torch.ops.npu.npu_silu(x), torch_npu.npu_silu(x))
    assert torch.equal(torch.ops.npu.npu_silu.default(x), torch_npu.npu_silu(x))
    assert "npu_rms_norm" in dir(torch.ops.npu)
    assert not hasattr(torch.ops.npu, "npu_something")

    @torch.library.custom_op("npu::twice_in_a_test", mutates_args=())
    def twice(t: torch.Tensor) -> torch.Tensor:
        return t * 2

    assert torch.equal(torch.ops.npu.twice_in_a_test(x), x * 2)


def test_attention_in_windows_and_transposed_convolution():
    """The operators are what their definitions say, on the device."""
    x, bias = torch.randn(1, 2, 3, 4, 4), torch.randn(1, 1, 3, 4, 4)
    mask = torch.randn(1, 2, 1, 4, 4)
    found = torch_npu.npu_masked_softmax_with_rel_pos_bias(x.npu(), mask.npu(), bias.npu(), 0.5)
    torch.testing.assert_close(found.cpu(), torch.softmax(x * 0.5 + mask + bias, -1))
    found = torch_npu.npu_masked_softmax_with_rel_pos_bias(x.npu(), None, bias.npu())
    torch.testing.assert_close(found.cpu(), torch.softmax(x + bias, -1))
    x, weight = torch.randn(1, 3, 4, 4), torch.randn(3, 2, 3, 3)
    found = torch_npu.npu_convolution_transpose(
        x.npu(), weight.npu(), None, [1, 1], [0, 0], [2, 2], [1, 1], 1
    )
    torch.testing.assert_close(
        found.cpu(), torch.conv_transpose2d(x, weight, None, 2, 1), atol=1e-5, rtol=1e-5
    )


def test_a_resized_tensor_shows_what_nobody_wrote():
    """In deterministic mode the new part of a resized tensor is nan, or the largest integer."""
    torch.use_deterministic_algorithms(mode=True)
    try:
        for dtype, filler in ((torch.int16, 32767), (torch.bool, True)):
            x = torch.zeros(3, dtype=dtype, device="npu")
            assert x.resize_(6).tolist() == [0] * 3 + [filler] * 3
        x = torch.zeros(3, device="npu").resize_(5)
        assert x[:3].tolist() == [0] * 3
        assert x[3:].isnan().all()
    finally:
        torch.use_deterministic_algorithms(mode=False)


def test_a_number_may_stand_for_a_tensor_with_out():
    """torch.bitwise_and(x, 1, out=y) takes the number, as without out=."""
    x, out = torch.tensor([1, 2, 3]).npu(), torch.zeros(3, dtype=torch.int64).npu()
    assert torch.bitwise_and(x, 1, out=out).tolist() == [1, 0, 1]
    assert torch.bitwise_or(1, x).tolist() == [1, 3, 3]
    half = torch.tensor([5.0, 7.0]).npu()
    assert torch.remainder(half, 2.5, out=torch.empty_like(half)).tolist() == [0, 2]


def test_the_first_tensor_may_be_called_input():
    """An operator takes `input` for its first tensor, as PyTorch's do."""
    x = values(4).npu()
    assert torch.equal(torch_npu.npu_fast_gelu(input=x), torch_npu.npu_fast_gelu(x))
