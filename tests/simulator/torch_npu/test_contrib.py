"""torch_npu.contrib: modules and functions give what their plain counterparts give."""
# ruff: noqa: FBT003 - the signatures of the functions

import copy
import random

import numpy as np
import pytest
import torch
import torch_npu
from PIL import Image
from torch import nn
from torch.nn import functional
from torch_npu import contrib

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def values(*shape, seed=0):
    """Random numbers on the CPU."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def close(found, expected, **tolerance):
    """Compares a result on the NPU with one on the CPU."""
    torch.testing.assert_close(found.cpu(), expected, **tolerance)


def test_every_name_is_there():
    """What the package names can be fetched, and it warns where the real one does."""
    assert all(getattr(contrib, name) for name in (*contrib._FUNCTIONS, *contrib._MODULES))
    with pytest.raises(AttributeError, match="NoSuchThing"):
        contrib.NoSuchThing  # noqa: B018 - the lookup is the test
    with pytest.warns(FutureWarning, match=r"Please use torch\.nn\.SiLU"):
        contrib.SiLU()


def test_channel_shuffle_and_its_gradient():
    """Two branches are interleaved as in ShuffleNet; gradients go back to their branch."""
    a, b = values(2, 4, 3), values(2, 4, 3, seed=1)
    both = torch.stack([a, b], 2).flatten(1, 2)
    x, y = a.npu().requires_grad_(), b.npu().requires_grad_()
    first, second = contrib.ChannelShuffle(8)(x, y)
    close(torch.cat([first, second], 1).detach(), both)
    whole = contrib.ChannelShuffle(8, split_shuffle=False)(x, y)
    close(whole.detach(), both)
    (whole * torch.arange(8.0).npu().view(1, 8, 1)).sum().backward()
    assert x.grad[0, :, 0].tolist() == [0, 2, 4, 6]
    assert y.grad[0, :, 0].tolist() == [1, 3, 5, 7]


def test_modules_of_vision():
    """Focus, label smoothing and the deformable convolution follow their plain counterparts, and train."""
    x = values(2, 3, 8, 8)
    focus = contrib.Focus(3, 5).npu()
    sliced = torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)
    plain = copy.deepcopy(focus.conv).cpu()
    close(focus(x.npu()), plain(sliced), rtol=1e-4, atol=1e-5)
    logits, target = values(4, 5), torch.tensor([0, 3, 2, 1])
    loss = contrib.LabelSmoothingCrossEntropy(5, 0.1)(logits.npu(), target.npu())
    hot = torch.full((4, 5), 0.1 / 4).scatter(1, target[:, None], 0.9)
    close(loss, -(hot * logits.log_softmax(-1)).sum(-1).mean())
    conv = contrib.ModulatedDeformConv(3, 4, 3, padding=1).npu()
    out = conv(x.npu())
    expected = functional.conv2d(x, conv.weight.cpu() * 0.5, conv.bias.cpu(), padding=1)
    close(out.detach(), expected.detach(), rtol=1e-4, atol=1e-5)
    out.sum().backward()
    assert conv.conv_offset.weight.grad.abs().sum() > 0


def test_the_deformable_function_and_module_agree():
    """ModulatedDeformConv2dFunction gives the module's values and gradients."""
    from torch_npu.contrib.module.deform_conv import ModulatedDeformConv2dFunction

    x, offset = values(1, 2, 5, 5).npu(), values(1, 18, 5, 5, seed=1).npu()
    mask, weight = values(1, 9, 5, 5, seed=2).sigmoid().npu(), values(3, 2, 3, 3, seed=3).npu()
    grads = []
    for function in (True, False):
        parts = [t.clone().requires_grad_() for t in (x, offset, mask, weight)]
        if function:
            out = ModulatedDeformConv2dFunction.apply(*parts, None, False, 1, 1)
        else:
            module = contrib.ModulatedDeformConv(2, 3, 3, padding=1, bias=False, pack=False).npu()
            module.weight = nn.Parameter(parts[3].detach())
            out = module(tuple(parts[:3]))
        out.square().sum().backward()
        grads.append((out.detach(), *[p.grad for p in parts[:3]]))
    for one, other in zip(*grads, strict=True):
        close(one, other.cpu(), rtol=1e-4, atol=1e-4)


def test_recurrent_and_activations():
    """BiLSTM reads both ways as nn.LSTM does; Mish and Swish are those of torch."""
    x = values(5, 2, 4)
    net = contrib.BiLSTM(4, 3).npu()
    plain = nn.LSTM(4, 3, bidirectional=True)
    for name, p in plain.named_parameters():
        source = net.bw_rnn if name.endswith("reverse") else net.fw_rnn
        p.data = getattr(source, name.removesuffix("_reverse")).detach().cpu()
    close(net(x.npu()).detach(), plain(x)[0].detach(), rtol=1e-4, atol=1e-5)
    close(contrib.Mish()(x.npu()), functional.mish(x))
    close(contrib.Swish()(x.npu()), functional.silu(x))


def test_dropouts_draw_ahead():
    """Cached dropout and drop path begin in the second pass, keep the mean, and are off in evaluation."""
    for make, prepare in (
        (contrib.NpuCachedDropout, "enable_dropout_ensemble"),
        (contrib.NpuDropPath, "enable_droppath_ensemble"),
    ):
        module = make(0.25)
        make.task_dict.clear()
        model = nn.Sequential(module)
        getattr(make, prepare)(model)
        x = torch.ones(4000, 2).npu()
        torch.npu.manual_seed(1)
        assert torch.equal(model(x), x)
        dropped = model(x)
        assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
        assert dropped.mean().item() == pytest.approx(1, abs=0.05)
        assert torch.equal(model.eval()(x), x)
        make.task_dict.clear()
    with pytest.raises(RuntimeError, match="input type error"):
        contrib.NpuCachedDropout(0.5)("x")


def test_prefetcher_gives_every_batch():
    """Each batch comes once, on the NPU; then None."""
    batches = [(torch.full((2,), float(i)), torch.tensor([i])) for i in range(3)]
    prefetcher = contrib.Prefetcher(batches)
    seen = []
    while (batch := prefetcher.next())[0] is not None:
        assert batch[0].is_npu
        seen.append(batch[1].item())
    assert seen == [0, 1, 2]


def test_attention_of_fairseq():
    """MultiheadAttention gives what projections and plain attention give."""
    net = contrib.MultiheadAttention(32, 2).npu().eval()
    x = values(2 * 5, 32).npu()
    out, _ = net(x, x, x, 2, 5, 5)
    q, k, v = (p(x).view(2, 5, 2, 16).transpose(1, 2) for p in (net.q_proj, net.k_proj, net.v_proj))
    expected = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(10, 32)
    close(out.detach(), net.out_proj(expected).detach().cpu(), rtol=1e-4, atol=1e-5)
    state = {"a.in_proj_weight": torch.ones(96, 32)}
    net.upgrade_state_dict_named(state, "a")
    assert sorted(state) == ["a.k_proj.weight", "a.q_proj.weight", "a.v_proj.weight"]
    with pytest.raises(ValueError, match="embed_dim must be divisible by num_heads"):
        contrib.MultiheadAttention(32, 3)


def test_attention_of_bert():
    """npu_fused_attention gives projections and attention with heads of 64, in one launch."""
    states, mask = values(2 * 4, 128).npu(), torch.zeros(2, 1, 4, 4).npu()
    weights = [(values(128, 128, seed=i) / 12).npu() for i in range(3)]
    biases = [values(128, seed=i).npu() for i in range(3)]
    out = contrib.npu_fused_attention(states, mask, *weights, *biases, 0.125, 1.0)
    q, k, v = (
        (states @ w + b).view(2, 4, 2, 64).transpose(1, 2) for w, b in zip(weights, biases, strict=True)
    )
    expected = functional.scaled_dot_product_attention(q, k, v, scale=0.125).transpose(1, 2).reshape(8, 128)
    close(out, expected.cpu(), rtol=1e-4, atol=1e-4)
    gamma, beta = torch.ones(128).npu(), torch.zeros(128).npu()
    out, normal = contrib.npu_fused_attention_with_layernorm(
        states, mask, *weights, *biases, gamma, beta, 0.125
    )
    close(normal, functional.layer_norm(states, (128,)).cpu())


def test_functions_of_boxes():
    """The functions encode and decode, and refuse boxes that do not fit, in the real words."""
    a = torch.tensor([[1.0, 2.0, 30.0, 40.0]]).npu()
    b = torch.tensor([[2.0, 3.0, 33.0, 38.0]]).npu()
    deltas = contrib.npu_bbox_coder_encode_xyxy2xywh(a, b)
    close(contrib.npu_bbox_coder_decode_xywh2xyxy(a, deltas), b.cpu(), rtol=1e-4, atol=1e-3)
    assert contrib.npu_bbox_coder_encode_yolo(a, b, torch.tensor([8]).npu()).shape == (1, 4)
    assert contrib.npu_single_level_responsible_flags([4, 4], a, [16, 16], 1).sum().item() == 1
    with pytest.raises(ValueError, match=r"Expected bboxes.size\(0\) == gt_bboxes.size\(0\)"):
        contrib.npu_bbox_coder_encode_xyxy2xywh(a, torch.cat([b, b]))
    assert contrib.npu_iou(a, torch.cat([a, b])).shape == (1, 2)
    assert contrib.npu_giou(a, b).shape == (1, 1)
    boxes, kinds = contrib.npu_multiclass_nms(torch.cat([a, b]), torch.tensor([[0.9, 0.1], [0.8, 0.1]]).npu())
    assert (boxes.shape, kinds.shape) == ((50, 5), (50,))
    assert (boxes[:, 4] > 0).sum().item() == 1


def test_other_functions():
    """roll, masked assignment, the transposed product and fused softmax are their plain counterparts."""
    x = values(2, 4, 4, 3)
    close(contrib.roll(x.npu(), (-1, 2), (1, 2)), x.roll((-1, 2), (1, 2)))
    with pytest.raises(ValueError, match=r"Expected x.dim\(\) == 4"):
        contrib.roll(x[0].npu(), (1, 1), (1, 2))
    close(contrib.npu_fast_condition_index_put(x.npu(), x.npu() > 0, 7.0), x.masked_fill(x > 0, 7.0))
    close(contrib.matmul_transpose(x.npu(), x.npu()), x @ x.transpose(-1, -2), rtol=1e-4, atol=1e-5)
    scores = values(2, 2, 3, 3)
    soft = contrib.function.fuse_add_softmax_dropout(False, nn.Identity(), scores.npu(), scores.npu(), 4.0)
    close(soft, (scores + scores / 2).softmax(-1))
    assert contrib.module.DropoutWithByteMask(0.5).eval()(x.npu()).equal(x.npu())
    with pytest.raises(ValueError, match="between 0 and 1, but got 2"):
        contrib.module.DropoutWithByteMask(2)


def test_regions_as_modules():
    """ROIAlign with half-pixel alignment reads whole pixels; PSROIPool is its operator."""
    x = torch.arange(16.0).view(1, 1, 4, 4).npu()
    out = contrib.ROIAlign((4, 4), 1.0, 1)(x, torch.tensor([[0.0, 0, 0, 4, 4]]).npu())
    assert out.tolist() == x.tolist()
    with pytest.raises(ValueError, match="Expected rois"):
        contrib.ROIAlign((1, 1), 1.0, 1)(x, torch.ones(1, 4).npu())
    pool = contrib.PSROIPool(2, 2, 1.0, 2, 1)
    assert pool(torch.ones(1, 4, 3, 3).npu(), torch.tensor([[[0.0], [0], [0], [2], [2]]]).npu()).shape == (
        1,
        1,
        2,
        2,
    )
    with pytest.raises(ValueError, match="only pooled_height"):
        contrib.PSROIPool(3, 2)


def test_quantized_layers():
    """Layers of int8 weights give the product of their integers, scaled."""
    x, w = (torch.randint(-9, 9, s, dtype=torch.int8) for s in ((3, 8), (5, 8)))
    layer = contrib.LinearQuant(8, 5, bias=False, output_dtype=torch.float16).npu()
    layer.weight.data, layer.scale.data = w.npu(), torch.full((5,), 0.5).npu()
    close(layer(x.npu()).float(), (x.float() @ w.float().t()) * 0.5)
    with pytest.raises(ValueError, match="input and weight should be both"):
        layer(x.npu().float())
    assert contrib.LinearA8W8Quant(8, 5).weight.shape == (5, 8)
    half = contrib.LinearWeightQuant(8, 5, bias=False).npu()
    half.weight.data, half.antiquant_scale.data = w.npu(), torch.full((5,), 0.5).half().npu()
    close(half(x.half().npu()).float(), (x.float() @ w.float().t()) * 0.5)
    conv = contrib.module.QuantConv2d(1, 1, 2, torch.float32, bias=False).npu()
    conv.weight.data, conv.scale.data = torch.ones(1, 1, 2, 2, dtype=torch.int8).npu(), torch.ones(1).npu()
    assert conv(torch.ones(1, 1, 3, 3, dtype=torch.int8).npu()).tolist() == [[[[4.0, 4.0], [4.0, 4.0]]]]
    assert torch_npu.contrib.module is contrib.module


@pytest.mark.parametrize(("dimensions", "shape"), [(1, (4, 3)), (2, (4, 3, 2, 2)), (3, (2, 3, 2, 2, 2))])
def test_fast_batch_norms_count_in_int32(dimensions, shape):
    """They give what PyTorch's give, and count batches in int32."""
    fast = getattr(contrib.module, f"FastBatchNorm{dimensions}d")(3, momentum=0.3).npu()
    plain = getattr(nn, f"BatchNorm{dimensions}d")(3, momentum=0.3)
    for _ in range(2):
        x = torch.randn(shape)
        torch.testing.assert_close(fast(x.npu()).cpu(), plain(x))
    assert (fast.num_batches_tracked.dtype, fast.num_batches_tracked.item()) == (torch.int32, 2)
    torch.testing.assert_close(fast.running_var.cpu(), plain.running_var)
    with pytest.raises(ValueError, match="expected"):
        fast(torch.ones(3, 3, 3, 3, 3, 3).npu())
    assert contrib.module.FastSyncBatchNorm(3).num_batches_tracked.dtype is torch.int32


def test_colours_of_a_picture():
    """Without bounds a picture stays as it is; grey stays grey; what is out of bounds is refused."""
    jitter = contrib.module.FusedColorJitter
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    assert np.abs(jitter()(picture).astype(int) - picture).max() <= 1
    assert repr(jitter()) == "FusedColorJitter(brightness=None, contrast=None, saturation=None, hue=None)"
    grey = np.full((2, 2), 100, dtype=np.uint8)
    random.seed(1)
    changed = jitter(0.4, 0.4, 0.4, 0.1)(grey).astype(int)
    assert changed.shape == (2, 2, 3)
    assert np.ptp(changed, axis=-1).max() <= 1
    image = Image.fromarray(picture)
    assert jitter(brightness=0.5)(image).size == image.size
    assert isinstance(jitter(force_return_array=True)(image), np.ndarray)
    for wrong in ({"hue": 0.6}, {"brightness": -1}):
        with pytest.raises(ValueError, match="must be"):
            jitter(**wrong)
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        jitter()(np.zeros((2, 2, 2)))


def test_a_quantized_weight_is_multiplied_in_the_type_of_the_input():
    """The weight of npu_weight_quant_batchmatmul is rounded to float16 before the product."""
    x, weight = torch.ones(1, 1).half().npu(), torch.ones(1, 1, dtype=torch.int8).npu()
    scale, offset = torch.ones(1).half().npu(), torch.full((1,), 2.0**-12).half().npu()
    assert torch_npu.npu_weight_quant_batchmatmul(x * 2048, weight, scale, offset).item() == 2048
