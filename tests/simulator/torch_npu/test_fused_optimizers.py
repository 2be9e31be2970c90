"""torch_npu.optim: the numbers of torch.optim with one launch a group."""

import copy
import math

import pytest
import torch
import torch_npu
from torch import nn
from torch_npu import optim
from torch_npu.utils import get_part_combined_tensor, is_combined_tensor_valid, npu_combine_tensors

SAME_AS_TORCH = [
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True, "betas": (0.8, 0.9)}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01, "amsgrad": True}),
    ("Adadelta", {"lr": 0.5, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.01}),
]


def net_and_data():
    """A small net on the CPU with its batch."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 4))
    return net, torch.randn(5, 1, 6, 6), torch.randint(0, 4, (5,))


def train(net, optimizer, x, y, steps=4):
    """Trains for a few steps."""
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()


def pair(make_cpu, make_npu, steps=4):
    """Trains a net on the CPU and its twin on the NPU, and compares the parameters."""
    net, x, y = net_and_data()
    twin = copy.deepcopy(net).npu()
    train(net, make_cpu(net.parameters()), x, y, steps)
    train(twin, make_npu(twin.parameters()), x.npu(), y.npu(), steps)
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(q.cpu(), p, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("name", "settings"), SAME_AS_TORCH)
def test_the_numbers_of_torch(name, settings):
    """A fused optimizer trains to the parameters of torch's own."""
    pair(
        lambda p: getattr(torch.optim, name)(p, **settings),
        lambda p: getattr(optim, f"NpuFused{name}")(p, **settings),
    )


class Reference(torch.optim.Optimizer):
    """An optimizer made of a function that updates one parameter."""

    def __init__(self, params, update):
        super().__init__(params, {})
        self.update = update

    @torch.no_grad()
    def step(self):
        """Updates the parameters one by one."""
        for p in self.param_groups[0]["params"]:
            self.state[p].setdefault("n", 0)
            self.state[p]["n"] += 1
            self.update(p, p.grad, self.state[p])


def lamb(p, g, s):
    """LAMB of one parameter by its definition, without correction for bias."""
    lr, betas, eps, decay = 0.01, (0.9, 0.999), 1e-6, 0.1
    m = s["m"] = s.get("m", 0) * betas[0] + g * (1 - betas[0])
    v = s["v"] = s.get("v", 0) * betas[1] + g * g * (1 - betas[1])
    r = m / (v.sqrt() + eps) + decay * p
    p -= lr * min(p.norm().item(), 10) / r.norm() * r


def rmsprop_tf(p, g, s):
    """TensorFlow's RMSprop of one parameter."""
    lr, alpha, eps, momentum = 0.01, 0.9, 1e-10, 0.9
    v = s["v"] = s.get("v", torch.ones_like(p)) * alpha + g * g * (1 - alpha)
    b = s["b"] = s.get("b", 0) * momentum + lr * g / (v + eps).sqrt()
    p -= b


def bert_adam(p, g, s):
    """BERT's Adam of one parameter, unclipped, with a linear warmup over half of 8 steps."""
    lr, b1, b2, e, decay = 0.01, 0.9, 0.999, 1e-6, 0.01
    m = s["m"] = s.get("m", 0) * b1 + g * (1 - b1)
    v = s["v"] = s.get("v", 0) * b2 + g * g * (1 - b2)
    x = (s["n"] - 1) / 8
    rate = x / 0.5 if x < 0.5 else (x - 1) / (0.5 - 1)
    p -= lr * rate * (m / (v.sqrt() + e) + decay * p)


def adamp(p, g, s):
    """AdamP of one parameter by its definition."""
    lr, betas, eps, decay = 0.01, (0.9, 0.999), 1e-8, 0.1
    m = s["m"] = s.get("m", 0) * betas[0] + g * (1 - betas[0])
    v = s["v"] = s.get("v", 0) * betas[1] + g * g * (1 - betas[1])
    d = m / (v.sqrt() / math.sqrt(1 - betas[1] ** s["n"]) + eps)
    ratio = 1.0
    for rows in (p.shape[0], 1) if p.dim() > 1 else ():
        cosine = torch.cosine_similarity(p.reshape(rows, -1), g.reshape(rows, -1), dim=1).abs()
        if cosine.max() < 0.1 / math.sqrt(p.numel() / rows):
            unit = torch.nn.functional.normalize(p.reshape(rows, -1), dim=1)
            flat = d.reshape(rows, -1)
            d = (flat - unit * (unit * flat).sum(1, keepdim=True)).view_as(p)
            ratio = 0.1
            break
    p *= 1 - lr * decay * ratio
    p -= lr / (1 - betas[0] ** s["n"]) * d


REFERENCES = [
    (lamb, "Lamb", {"lr": 0.01, "weight_decay": 0.1}),
    (rmsprop_tf, "RMSpropTF", {"lr": 0.01, "momentum": 0.9}),
    (bert_adam, "BertAdam", {"lr": 0.01, "warmup": 0.5, "t_total": 8, "max_grad_norm": -1}),
    (adamp, "AdamP", {"lr": 0.01, "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("update", "name", "settings"), REFERENCES)
def test_the_numbers_of_the_definition(update, name, settings):
    """Those that torch lacks follow their definition, parameter by parameter."""
    pair(
        lambda p: Reference(p, update),
        lambda p: getattr(optim, f"NpuFused{name}")(p, **settings),
        steps=6,
    )


def test_a_step_is_one_launch_a_group(kernels):
    """However many parameters, a step launches one operator a group."""
    net, x, y = net_and_data()
    net.npu()
    optimizer = optim.NpuFusedAdamW(
        [{"params": net[0].parameters()}, {"params": net[3].parameters(), "lr": 0.1}]
    )
    train(net, optimizer, x.npu(), y.npu(), steps=2)
    kernels()
    optimizer.step()
    assert kernels() == ["ApplyAdamWV2"] * 2
    plain = torch.optim.AdamW(net.parameters(), foreach=False)
    plain.step()
    assert len(kernels()) > 4 * 5
    optimizer.zero_grad()
    assert len(kernels()) == 1


def test_clipping_is_a_few_launches(kernels):
    """clip_grad_norm_fused_ gives the norm and scales as torch's own, whatever the number of parameters."""
    net, x, y = net_and_data()
    twin = copy.deepcopy(net).npu()
    nn.functional.cross_entropy(net(x), y).backward()
    expected = nn.utils.clip_grad_norm_(net.parameters(), 0.1)
    optimizer = optim.NpuFusedSGD(twin.parameters(), lr=0.1)
    nn.functional.cross_entropy(twin(x.npu()), y.npu()).backward()
    optimizer.get_combined_grads()
    found = optimizer.clip_grad_norm_fused_(0.1)
    torch.testing.assert_close(found.cpu(), expected)
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(q.grad.cpu(), p.grad)
    assert optimizer.clip_grad_norm_fused_(math.inf, math.inf) > 0
    kernels()
    optimizer.clip_grad_norm_fused_(0.1)
    assert len(kernels()) < 12


def test_gradients_dropped_by_the_model():
    """Where the model's own zero_grad drops the gradients, training still goes as with torch's optimizer."""
    net, x, y = net_and_data()
    twin = copy.deepcopy(net).npu()
    plain, fused = torch.optim.Adam(net.parameters()), optim.NpuFusedAdam(twin.parameters())
    for _ in range(3):
        for model, opt, data, target in ((net, plain, x, y), (twin, fused, x.npu(), y.npu())):
            model.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(data), target).backward()
            opt.step()
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(q.cpu(), p)


def test_a_saved_optimizer_goes_on():
    """state_dict and load_state_dict carry a training over to another optimizer."""
    net, x, y = net_and_data()
    net.npu()
    x, y = x.npu(), y.npu()
    optimizer = optim.NpuFusedAdam(net.parameters(), lr=0.01)
    train(net, optimizer, x, y, steps=2)
    twin = copy.deepcopy(net)
    other = optim.NpuFusedAdam(twin.parameters(), lr=0.5)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(net, optimizer, x, y, steps=2)
    train(twin, other, x, y, steps=2)
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(q, p)


def test_a_scheduler_and_a_scaler():
    """A learning rate scheduler and a GradScaler work with a fused optimizer."""
    net, x, y = net_and_data()
    net.npu()
    optimizer = optim.NpuFusedSGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    scaler = torch.npu.amp.GradScaler()
    before = net[3].weight.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        with torch.npu.amp.autocast():
            loss = nn.functional.cross_entropy(net(x.npu()), y.npu())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
    assert not torch.equal(before, net[3].weight)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0125)


def test_wrong_settings_and_uses():
    """Wrong settings and uses raise the real words."""
    p = [nn.Parameter(torch.ones(3).npu())]
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.NpuFusedAdam(p, lr=-1)
    with pytest.raises(ValueError, match="Nesterov momentum requires"):
        optim.NpuFusedSGD(p, lr=1, nesterov=True)
    with pytest.raises(ValueError, match="Invalid schedule parameter: never"):
        optim.NpuFusedBertAdam(p, lr=1, schedule="never")
    with pytest.raises(ValueError, match="Invalid rho value: 2"):
        optim.NpuFusedAdadelta(p, rho=2)
    with pytest.raises(ValueError, match="set_to_none is not supported in fused optimizers"):
        optim.NpuFusedSGD(p, lr=1).zero_grad(set_to_none=True)
    half = nn.Parameter(torch.ones(3, dtype=torch.bfloat16).npu())
    half.grad = torch.ones_like(half)
    with pytest.raises(TypeError, match=r"must be either float32 or float16, but received torch\.bfloat16"):
        optim.NpuFusedSGD([half], lr=1).step()


def test_combined_tensors():
    """npu_combine_tensors lays tensors into one memory; parts and validity follow."""
    a, b = torch.ones(2, 3).npu(), torch.full((4,), 2.0).npu()
    combined = npu_combine_tensors([a, b])
    combined.mul_(3)
    assert a.tolist() == [[3.0] * 3] * 2
    assert b.tolist() == [6.0] * 4
    assert is_combined_tensor_valid(combined, [a, b])
    assert not is_combined_tensor_valid(combined, [torch.ones(2).npu()])
    assert get_part_combined_tensor(combined, 6, 2).tolist() == [6.0, 6.0]
    with pytest.raises(RuntimeError, match="must be on NPU, got cpu"):
        npu_combine_tensors([torch.ones(2)])
    with pytest.raises(RuntimeError, match="must have the same dtype"):
        npu_combine_tensors([a, b.half()])
    with pytest.raises(RuntimeError, match=r"\(index \+ size\) \(12\)"):
        get_part_combined_tensor(combined, 6, 6)
    assert torch_npu.npu_change_data_ptr(b, combined, 1) == 0
    assert b.tolist() == [3.0] * 4


def test_combined_tensors_have_storages_of_their_own():
    """Each lies over its part of the combined memory, and its storage is no larger than itself."""
    tensors = [torch.randn(2, 2).npu(), torch.randn(3).npu()]
    values = [t.clone() for t in tensors]
    held = torch.npu.memory_allocated()
    combined = npu_combine_tensors(tensors)
    assert [torch_npu.get_storage_size(t) for t in tensors] == [4, 3]
    assert [t.data_ptr() - combined.data_ptr() for t in tensors] == [0, 16]
    combined += 1
    assert all(torch.equal(t, v + 1) for t, v in zip(tensors, values, strict=True))
    tensors[1].zero_()
    assert combined.tolist()[4:] == [0, 0, 0]
    assert torch_npu.npu_change_data_ptr(torch.ones(2).npu(), combined, 5) == 0
    with pytest.raises(RuntimeError, match="2 elements from 6 on do not lie within the 7 of src"):
        torch_npu.npu_change_data_ptr(torch.ones(2).npu(), combined, 6)
    with pytest.raises(RuntimeError, match=r"\(118\) > torch_npu.get_storage_size\(combined_tensor\) \(7\)"):
        get_part_combined_tensor(combined, 59, 59)
    del combined, tensors, values
    assert torch.npu.memory_allocated() < held
