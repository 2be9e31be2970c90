"""Each advice is kept: apply it, and a step gets shorter by at least the promise, with the same numbers."""

import importlib.util
from pathlib import Path

import npusim
import pytest
import torch
import torch_npu
from npu_advice import advise, read_profile
from torch import nn
from torch.nn import functional
from torch_npu._sim import runtime

_spec = importlib.util.spec_from_file_location("advice_loops", Path(__file__).with_name("conftest.py"))
loops = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(loops)
Loop, make_network, make_data = loops.Loop, loops.make_network, loops.make_data


def kept(tmp_path, rule, before, after, **options):
    """Asserts that an advice is given for one loop, keeps its promise in another, and is not given there.

    Args:
        tmp_path: for the profiles.
        rule: the advice's name.
        before: the loop with the fault.
        after: the same training with the advice applied.
        options: `batch`, how many times as many samples a step of `after` takes; `rtol`, how far losses may
            differ.
    """
    batch, rtol = options.get("batch", 1), options.get("rtol", 1e-4)
    found = {advice.rule: advice for advice in advise(read_profile(before.record(tmp_path / "before")))}
    assert rule in found, sorted(found)
    promise = found[rule].promise
    slow, losses = before.time()
    quick, same = after.time()
    assert 0 < promise <= slow - quick / batch
    torch.testing.assert_close(same, losses, rtol=rtol, atol=rtol)
    again = {advice.rule for advice in advise(read_profile(after.record(tmp_path / "after")))}
    assert batch > 1 or rule not in again
    return found[rule]


def stepper(forward, optimizer, read=lambda loss: loss.detach()):
    """One training step as a function."""

    def step():
        optimizer.zero_grad()
        loss = forward()
        loss.backward()
        optimizer.step()
        return read(loss)

    return step


def trained(read=lambda loss: loss.detach(), copy=lambda t: t, optimizer=None, **sizes):
    """A loop over a batch; what it does with its loss, its data and its optimizer is the caller's."""

    def make():
        net = make_network(**sizes)
        x, y = (copy(t) for t in make_data(width=sizes.get("width", 64)))
        chosen = optimizer or (lambda parameters: torch.optim.SGD(parameters, lr=0.1, foreach=True))

        def forward():
            wait = x.is_pinned()
            return functional.cross_entropy(
                net(x.to("npu:0", non_blocking=wait)), y.to("npu:0", non_blocking=wait)
            )

        return stepper(forward, chosen(net.parameters()), read)

    return Loop(make)


def test_reading_the_loss(tmp_path):
    """Without `.item()` in the loop the host does not wait; the loss is the same."""
    pinned = torch.Tensor.pin_memory
    before = trained(read=lambda loss: loss.item(), copy=pinned, width=256)
    advice = kept(tmp_path, "host_reads", before, trained(copy=pinned, width=256))
    assert any("test_proofs.py" in place for place in advice.where)


@pytest.mark.slow
def test_printing_a_tensor(tmp_path):
    """A print of a tensor is a read, too."""
    pinned = torch.Tensor.pin_memory

    def shown(loss):
        assert "npu" in repr(loss)
        return loss.detach()

    kept(tmp_path, "host_reads", trained(read=shown, copy=pinned), trained(copy=pinned))


@pytest.mark.slow
def test_synchronising(tmp_path):
    """Without a synchronisation in each step, host and device work at the same time."""

    def waits(loss):
        torch.npu.synchronize()
        return loss.detach()

    kept(tmp_path, "synchronised", trained(read=waits, width=2048), trained(width=2048))


@pytest.mark.slow
def test_pinned_memory(tmp_path):
    """From page-locked memory, and told so, a copy does not stop the host."""
    kept(tmp_path, "waiting_copies", trained(), trained(copy=torch.Tensor.pin_memory))


@pytest.mark.slow
def test_workers(tmp_path):
    """Data that is loaded beside the step, not within it, costs nothing of it."""

    def loading(tensor):
        def make():
            step = trained(copy=torch.Tensor.pin_memory).make()

            def load_and_step():
                npusim.node().host.now += tensor  # what a real loader's host would spend
                return step()

            return load_and_step

        return Loop(make)

    kept(tmp_path, "data_loading", loading(3_000_000), loading(0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slow", "quick"),
    [
        (lambda p: torch.optim.AdamW(p, foreach=False), torch_npu.optim.NpuFusedAdamW),
        (lambda p: torch.optim.Adam(p, foreach=False), lambda p: torch.optim.Adam(p, foreach=True)),
        (
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-4, foreach=False),
            lambda p: torch_npu.optim.NpuFusedSGD(p, lr=0.1, momentum=0.9, weight_decay=1e-4),
        ),
    ],
    ids=["AdamW", "Adam", "SGD"],
)
def test_fused_optimizer(tmp_path, slow, quick):
    """An optimizer that updates all parameters together launches less, and computes the same."""
    kept(
        tmp_path,
        "optimizer_by_parameter",
        trained(optimizer=slow, layers=8),
        trained(optimizer=quick, layers=8),
        rtol=1e-3,
    )


def attended(attention, norm, gate):
    """A loop over a small transformer block made of the given parts."""

    def make():
        torch.manual_seed(5)
        qkv, out, wide, narrow = (nn.Linear(a, b) for a, b in ((64, 192), (64, 64), (64, 256), (128, 64)))
        parts = nn.ModuleList([qkv, out, wide, narrow]).to("npu:0")
        weight = nn.Parameter(torch.ones(64, device="npu:0"))
        x = torch.randn(4, 32, 64).to("npu:0")

        def forward():
            q, k, v = parts[0](norm(x, weight)).view(4, 32, 3, 4, 16).permute(2, 0, 3, 1, 4)
            y = parts[1](attention(q, k, v).transpose(1, 2).reshape(4, 32, 64))
            y = parts[3](gate(parts[2](norm(y, weight))))
            return y.square().mean()

        return stepper(forward, torch.optim.SGD([*parts.parameters(), weight], lr=0.1, foreach=True))

    return Loop(make)


def plain_norm(x, weight):
    """RMSNorm as models write it out."""
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * weight


def plain_gate(x):
    """SwiGLU written out."""
    a, b = x.chunk(2, -1)
    return functional.silu(a) * b


def plain_attention(q, k, v):
    """Attention written out."""
    return ((q @ k.transpose(-2, -1)) * 0.25).softmax(-1) @ v


@pytest.mark.slow
def test_fused_operators(tmp_path):
    """One operator in the place of a sequence: attention, RMSNorm and SwiGLU."""
    advice = kept(
        tmp_path,
        "fusible",
        attended(plain_attention, plain_norm, plain_gate),
        attended(
            functional.scaled_dot_product_attention,
            lambda x, weight: torch_npu.npu_rms_norm(x, weight, 1e-6)[0],
            torch_npu.npu_swiglu,
        ),
        rtol=1e-3,
    )
    assert "attention 1 times" in advice.fault
    assert "RMSNorm 2 times" in advice.fault


@pytest.mark.slow
def test_one_layout(tmp_path):
    """A tensor that is not turned there and back saves both turns."""

    def loop(*, turning):
        def make():
            torch.manual_seed(6)
            convolution = nn.Conv2d(8, 64, 3, padding=1).to("npu:0")
            x = torch.randn(16, 8, 32, 48).to("npu:0")

            def forward():
                y = convolution(x)
                if turning:
                    y = y.permute(0, 2, 3, 1).contiguous().relu().permute(0, 3, 1, 2).contiguous()
                else:
                    y = y.relu()
                return y.square().mean()

            return stepper(forward, torch.optim.SGD(convolution.parameters(), lr=0.1, foreach=True))

        return Loop(make)

    kept(tmp_path, "turned_twice", loop(turning=True), loop(turning=False))


@pytest.mark.slow
def test_turns_that_are_needed(tmp_path):
    """Heads that are turned for attention and back are not called needless: products stand between."""
    profile = read_profile(attended(plain_attention, plain_norm, plain_gate).record(tmp_path))
    assert sum(call.name == "Transpose" for call in profile.calls) >= 2 * profile.steps
    assert "turned_twice" not in {advice.rule for advice in advise(profile)}


@pytest.mark.slow
def test_half_precision(tmp_path, monkeypatch):
    """Under autocast, large products take a fraction; losses agree to float16's digits."""
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")  # fewer cores: products count with smaller matrices
    npusim.reset()
    runtime.rebuild()

    def loop(*, half):
        def make():
            torch.manual_seed(7)
            layer = nn.Linear(1536, 1536, bias=False).to("npu:0")
            x = torch.randn(1536, 1536).to("npu:0")

            def forward():
                with torch.autocast("npu", dtype=torch.float16, enabled=half):
                    y = layer(x)
                return y.square().mean()

            return stepper(forward, torch.optim.SGD(layer.parameters(), lr=0.1, foreach=True))

        return Loop(make)

    kept(tmp_path, "full_precision", loop(half=False), loop(half=True), rtol=2e-2)


@pytest.mark.slow
def test_compiling(tmp_path):
    """With ready binaries, a shape that was not met before costs nothing."""
    sizes = iter(range(33, 99))

    def loop(*, jit):
        def make():
            torch_npu.npu.set_compile_mode(jit_compile=jit)
            net = make_network()

            def forward():
                x = torch.ones(next(sizes), 64).to("npu:0") if jit else torch.ones(32, 64).to("npu:0")
                return net(x).square().mean()

            return stepper(forward, torch.optim.SGD(net.parameters(), lr=0.1, foreach=True))

        return Loop(make)

    try:
        kept(tmp_path, "compiled", loop(jit=True), loop(jit=False))
    finally:
        torch_npu.npu.set_compile_mode(jit_compile=False)


@pytest.mark.slow
def test_larger_batch(tmp_path):
    """A batch four times as large takes less time a sample, and its gradient is the mean of the four's."""

    def loop(times):
        def make():
            net = make_network(layers=6)
            x, y = (t.repeat(times, *[1] * (t.dim() - 1)).to("npu:0") for t in make_data())
            # the learning rate would grow with the batch; the same rows again give the same gradient without
            return stepper(
                lambda: functional.cross_entropy(net(x), y),
                torch.optim.SGD(net.parameters(), lr=0.1, foreach=True),
            )

        return Loop(make)

    advice = kept(tmp_path, "larger_batch", loop(1), loop(4), batch=4, rtol=1e-3)
    assert "4 times as large" in advice.fix
