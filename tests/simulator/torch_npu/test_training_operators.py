"""torch_npu's operators of training code beside the layers: statistics over ranks, vocabularies, tokens."""
# ruff: noqa: FBT003 - the signatures of the operators

import math

import pytest
import torch
import torch_npu
from torch.nn import functional
from torch_npu._ops import TABLE, not_simulated


def close(found, expected, **tolerance):
    """Compares a result on the NPU with one on the CPU."""
    torch.testing.assert_close(found.cpu(), expected, **tolerance)


def values(*shape, seed=0):
    """Random numbers on the CPU."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_statistics_over_ranks_are_those_of_the_whole_batch():
    """Sums and sums of squares of two halves give the batch's mean, deviation and running statistics."""
    x = values(4, 3, 2, 2)
    parts = [torch_npu.batch_norm_reduce(half.npu(), 1e-5) for half in x.chunk(2)]
    sums, squares = (torch.stack([part[i] for part in parts]) for i in (0, 1))
    mean, var = torch.zeros(3).npu(), torch.ones(3).npu()
    counts = torch.tensor([8.0, 8.0]).npu()
    found = torch_npu.batch_norm_gather_stats_update(x.npu(), sums, squares, mean, var, 0.1, 1e-5, counts)
    rows = x.transpose(0, 1).reshape(3, -1)
    close(found[0], rows.mean(1))
    close(found[1], (rows.var(1, correction=0) + 1e-5).rsqrt())
    close(mean, rows.mean(1) * 0.1)
    close(var, rows.var(1) * 0.1 + 0.9)
    with pytest.raises(RuntimeError, match="must more than 1"):
        torch_npu.batch_norm_reduce(torch.ones(3).npu(), 1e-5)


@pytest.mark.parametrize("logits", [True, False])
def test_a_split_vocabulary_gives_the_whole_cross_entropy(logits):
    """Two devices' parts, reduced as a program does, give loss and gradients of the undivided layer."""
    x, w = values(10, 6).half(), values(12, 6, seed=1).half()
    target = torch.arange(10)
    parts = [
        torch_npu.npu_fused_linear_online_max_sum(
            x.npu(), w[6 * i : 6 * i + 6].npu(), target.npu(), 6 * i, 6 * i + 5, logits
        )
        for i in (0, 1)
    ]
    high = torch.maximum(parts[0][0], parts[1][0])
    total = sum(part[1] * (part[0] - high).exp() for part in parts)
    inside = [(target // 6 == i).npu() for i in (0, 1)]
    predicted = sum((part[2] + part[0] - high) * here for part, here in zip(parts, inside, strict=True))
    loss, soft = torch_npu.npu_fused_cross_entropy_loss_with_max_sum(
        high, total, predicted, vocab_parallel_logits=parts[1][5]
    )
    wide, rows = x.float().requires_grad_(), w.float().requires_grad_()
    whole = functional.cross_entropy(wide @ rows.t(), target, reduction="none")
    close(loss, whole.detach(), rtol=1e-2, atol=1e-2)
    assert (soft is None) is not logits
    whole.sum().backward()
    ends = {"softmax": soft} if logits else {"logits_max": high, "sum_exp_logits": total}
    _, rows_grad = torch_npu.npu_fused_linear_cross_entropy_loss_with_max_sum_backward(
        torch.ones(10).npu(), x.npu(), w[6:].npu(), parts[1][3], parts[1][4], **ends
    )
    close(rows_grad.float(), rows.grad[6:], rtol=2e-2, atol=2e-2)
    assert parts[1][3].tolist() == [0b11111100, 0b00111111]
    with pytest.raises(RuntimeError, match="must be given"):
        torch_npu.npu_fused_linear_cross_entropy_loss_with_max_sum_backward(
            torch.ones(10).npu(), x.npu(), w[6:].npu(), parts[1][3], parts[1][4]
        )


def test_adam_w_steps_as_pytorch_does():
    """Two steps in place are AdamW's; without out= the operator says what the real one does."""
    start, grads = values(5), [values(5, seed=1), values(5, seed=2)]
    expected = start.clone().requires_grad_()
    optimizer = torch.optim.AdamW([expected], lr=0.1, weight_decay=0.2)
    var, m, v = start.npu(), torch.zeros(5).npu(), torch.zeros(5).npu()
    for step, grad in enumerate(grads):
        expected.grad = grad.clone()
        optimizer.step()
        torch_npu.npu_apply_adam_w(
            0.9**step,
            0.999**step,
            0.1,
            0.2,
            0.9,
            0.999,
            1e-8,
            grad.npu(),
            None,
            False,
            False,
            out=(var, m, v),
        )
    close(var, expected.detach())
    with pytest.raises(RuntimeError, match="npu_apply_adam_w is not implemented for Tensor"):
        torch_npu.npu_apply_adam_w(1, 1, 0.1, 0.2, 0.9, 0.999, 1e-8, var, None, False, False)
    with pytest.raises(RuntimeError, match="amsgrad needs max_grad_norm"):
        torch_npu.npu_apply_adam_w(1, 1, 0.1, 0.2, 0.9, 0.999, 1e-8, var, None, True, False, out=(var, m, v))


def test_dropout_with_a_byte_mask():
    """The kept elements are scaled, the gradient goes through them alone, and p is checked."""
    x = torch.ones(1000).npu().requires_grad_()
    out = torch_npu.dropout_with_byte_mask(x, 0.25, True)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())
    assert out.detach().unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert torch_npu.dropout_with_byte_mask(x, 0.25, False).sum().item() == 1000
    with pytest.raises(RuntimeError, match="between 0 and 1, but got 2"):
        torch_npu.dropout_with_byte_mask(x, 2, True)


def test_random_choice_with_mask():
    """As many places of True as asked for, all different; what is missing is marked; a seed repeats."""
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[1:, 1] = mask[0, 2:] = True
    places, valid = torch_npu.npu_random_choice_with_mask(mask.npu(), 3, 1, 2)
    assert valid.all()
    assert len({tuple(p) for p in places.tolist()}) == 3
    assert all(mask[tuple(p)] for p in places.tolist())
    assert torch.equal(places, torch_npu.npu_random_choice_with_mask(mask.npu(), 3, 1, 2)[0])
    places, valid = torch_npu.npu_random_choice_with_mask(mask.npu(), 7)
    assert (places.shape, valid.sum().item()) == ((7, 2), 5)
    for bad, words in (
        (torch.ones(2).npu(), "should be bool"),
        (torch.ones(1, 1, 1, 1, 1, 1).bool().npu(), "dim"),
    ):
        with pytest.raises(RuntimeError, match=words):
            torch_npu.npu_random_choice_with_mask(bad)
    with pytest.raises(RuntimeError, match="count must greater than 0"):
        torch_npu.npu_random_choice_with_mask(mask.npu(), 0)


def test_top_k_and_top_p():
    """Only the likeliest words keep their logits; one always does."""
    logits = torch.tensor([[1.0, 4.0, 2.0, 3.0], [0.0, 0.0, 9.0, 0.0]])
    found = torch_npu.npu_top_k_top_p(logits.npu(), None, torch.tensor([2, 1]).npu())
    inf = -math.inf
    assert found.tolist() == [[inf, 4, inf, 3], [inf, inf, 9, inf]]
    found = torch_npu.npu_top_k_top_p(logits.npu(), torch.tensor([0.1, 0.5]).npu())
    assert found.tolist() == [[inf, 4, inf, inf], [inf, inf, 9, inf]]


def test_tokens_to_their_experts_and_back():
    """Permuted tokens are sorted by expert; unpermuted with probabilities they are weighted sums again."""
    tokens = values(4, 3)
    experts = torch.tensor([[1, 0], [2, 1], [0, 2], [1, 2]])
    x = tokens.npu().requires_grad_()
    rows, places = torch_npu.npu_moe_token_permute(x, experts.npu())
    close(rows.detach(), tokens[torch.tensor([0, 2, 0, 1, 3, 1, 2, 3])])
    probs = torch.full((4, 2), 0.5)
    back = torch_npu.npu_moe_token_unpermute(rows, places, probs.npu())
    close(back.detach(), tokens)
    back.sum().backward()
    close(x.grad, torch.ones(4, 3))
    few, _ = torch_npu.npu_moe_token_permute(tokens.npu(), experts.npu(), 2)
    assert few.shape == (2, 3)
    with pytest.raises(NotImplementedError, match="padded_mode=True"):
        torch_npu.npu_moe_token_permute(tokens.npu(), experts.npu(), 2, True)


def test_other_normalizations():
    """DeepNorm is layer normalization of a scaled sum; sequences are normalized by what is filled."""
    x, g = values(2, 3, 8), values(2, 3, 8, seed=1)
    beta, gamma = values(8, seed=2), values(8, seed=3)
    mean, rstd, out = torch_npu.npu_deep_norm(x.npu(), g.npu(), beta.npu(), gamma.npu(), 0.5)
    close(out, functional.layer_norm(0.5 * x + g, (8,), gamma, beta, 1e-6))
    assert mean.shape == rstd.shape == (2, 3, 1)
    found = torch_npu.npu_normalize_batch(x.npu(), torch.tensor([4, 8]).npu()).cpu()
    close(found[0, :, :4].mean(1), torch.zeros(3), atol=1e-5, rtol=0)
    close(found[1].std(1), torch.ones(3), atol=1e-4, rtol=0)
    whole = torch_npu.npu_normalize_batch(x.npu(), torch.tensor([4, 8]).npu(), 1).cpu()
    close(whole[0, :, :4].std(), torch.tensor(1.0), atol=1e-4, rtol=0)
    for lengths, kind, words in (
        ([[1]], 0, "1D seq_len"),
        ([1], 0, "should be equal self"),
        ([1, 2], 2, "range"),
    ):
        with pytest.raises(RuntimeError, match=words):
            torch_npu.npu_normalize_batch(x.npu(), torch.tensor(lengths).npu(), kind)


def test_rotated_boxes_are_encoded_decoded_and_suppressed():
    """Decoding what was encoded gives the ground truth; of boxes on each other the best stays."""
    anchors = torch.tensor([[[44.0], [9.0], [88.0], [25.0], [30.0]]])
    truth = torch.tensor([[[39.0], [1.0], [78.0], [29.0], [-40.0]]])
    weight = torch.tensor([1.0, 2.0, 1.0, 3.0, 1.0]).npu()
    moves = torch_npu.npu_rotated_box_encode(anchors.npu(), truth.npu(), weight)
    assert moves[0, 0].item() == pytest.approx((58.5 - 66) / 44)
    close(torch_npu.npu_rotated_box_decode(anchors.npu(), moves, weight), truth, rtol=1e-4, atol=1e-3)
    boxes = torch.tensor([[0.0, 0, 4, 4, 0], [0, 0, 4, 4, 45], [9, 9, 2, 2, 10], [0, 0, 4, 4, 90]]).npu()
    scores = torch.tensor([0.5, 0.9, 0.1, 0.7]).npu()
    kept, count = torch_npu.npu_nms_rotated(boxes, scores, 0.5)
    assert (kept.tolist(), count.tolist()) == ([1, 2], [2])
    assert torch_npu.npu_nms_rotated(boxes, scores, 0.9)[0].tolist() == [1, 3, 2]
    assert torch_npu.npu_nms_rotated(boxes, scores, 0.9, 0.2, 1)[0].tolist() == [1]


def test_roi_align_backward_is_its_gradient():
    """npu_roi_alignbk gives what autograd gives of npu_roi_align."""
    x = values(1, 2, 6, 6).npu().requires_grad_()
    rois = torch.tensor([[0.0, 1, 1, 4, 4]]).npu()
    out = torch_npu.npu_roi_align(x, rois, 1.0, 2, 2, 2, 1)
    grad = values(*out.shape, seed=1).npu()
    out.backward(grad)
    found = torch_npu.npu_roi_alignbk(grad, rois, [1, 2, 6, 6], 2, 2, 1.0, 2, 1)
    close(found, x.grad.cpu())


def test_ranges_are_filled():
    """Each row's range gets the value; what does not fit is refused in the real words."""
    x = torch.zeros(3, 5).npu()
    start, end = torch.tensor([[0, 1, 4]]).npu(), torch.tensor([[2, 1, 9]]).npu()
    value = torch.tensor([7.0]).npu()
    found = torch_npu.npu_masked_fill_range(x, start, end, value)
    assert found.tolist() == [[7, 7, 0, 0, 0], [0] * 5, [0, 0, 0, 0, 7]]
    rows = torch_npu.npu_masked_fill_range(x, start[:, :1], end[:, :1], value, 0)
    assert rows.sum(1).tolist() == [35, 35, 0]
    for arguments, words in (
        ((start, end, value, 2), "axis overfloaw"),
        ((start[0], end[0], value), "2D start"),
        ((start, end, torch.ones(2).npu()), "equal start loop num"),
        ((start, end, value.int()), "value dtype"),
    ):
        with pytest.raises(RuntimeError, match=words):
            torch_npu.npu_masked_fill_range(x, *arguments)


@pytest.mark.parametrize("with_offset", [True, False])
def test_the_best_scale_for_eight_bits(with_offset):
    """Of the scales tried, the one given loses least, and it is near that of the whole range."""
    data = values(200)
    low, high = data.min().view(1), data.max().view(1)
    held = torch.histc(data, 128, low.item(), high.item()).cumsum(0).int()
    scale, offset = torch_npu.npu_ifmr(
        data.npu(), low.npu(), high.npu(), held.npu(), 0.999999, 0.999999, 0.7, 1.3, 0.01, with_offset
    )

    def loss(s):
        stored = (torch.round(data / s) + offset.cpu()).clamp(-128, 127)
        return ((stored - offset.cpu()) * s - data).square().sum()

    assert loss(scale.cpu()) <= min(loss(scale.cpu() * f) for f in (0.8, 0.9, 1.1, 1.2))
    assert (offset.item() != 0) is with_offset


@pytest.mark.parametrize("function", [torch._softmax, torch._log_softmax])
def test_softmax_gives_float32_out_of_half_precision(function):
    """half_to_float computes in float32; the gradient is of the input's type."""
    x = values(3, 5).half()
    ours, plain = x.npu().requires_grad_(), x.float().requires_grad_()
    found, expected = function(ours, -1, True), function(plain, -1, False)
    close(found.detach(), expected.detach())
    found.square().sum().backward()
    expected.square().sum().backward()
    assert ours.grad.dtype is torch.float16
    close(ours.grad.float(), plain.grad, rtol=1e-2, atol=1e-2)


def test_a_convolution_padded_differently_on_each_side():
    """Four paddings are top, bottom, left and right."""
    x, w = values(1, 2, 5, 5), values(3, 2, 3, 3, seed=1)
    found = torch_npu.npu_conv2d(x.npu(), w.npu(), None, [1, 1], [1, 0, 2, 1], [1, 1], 1)
    close(found, functional.conv2d(functional.pad(x, (2, 1, 1, 0)), w), rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:CAUTION")
def test_a_number_with_out_in_a_fallback():
    """Copysign with a number and out= goes to the CPU with a tensor in the number's place."""
    out = torch.empty(2).npu()
    assert torch.copysign(torch.ones(2).npu(), -2.0, out=out).tolist() == [-1, -1]
    assert out.tolist() == [-1, -1]


def test_operators_that_are_not_there_say_why():
    """A missing operator of op-plugin names itself and the way out; hasattr says that it is missing."""
    for owner in (torch_npu, torch.ops.npu):
        with pytest.raises(AttributeError, match=r"torch_npu.npu_mla_prolog is not simulated \(attention, a"):
            owner.npu_mla_prolog  # noqa: B018 - asked for only
        assert not hasattr(owner, "npu_mla_prolog")
    assert not not_simulated.REASONS.keys() & TABLE.keys()
    assert len(not_simulated.REASONS) > 200
