"""Captured graphs: values come with a replay, and a replay costs one launch."""

import copy
import itertools

import npusim
import pytest
import torch
import torch_npu
from torch_npu._sim.storages import NotSimulatedError


def test_values_come_with_the_replay():
    """A capture changes no tensor that was there before; each replay reads the inputs anew."""
    x, total = torch.ones(4, device="npu"), torch.zeros(4, device="npu")
    graph = torch.npu.NPUGraph()
    with torch.npu.graph(graph):
        assert torch.npu.is_current_stream_capturing()
        y = x * 2 + 1
        total += y
    assert not torch.npu.is_current_stream_capturing()
    assert total.tolist() == [0] * 4
    graph.replay()
    x.fill_(5)
    graph.replay()
    assert y.tolist() == [11] * 4
    assert total.tolist() == [14] * 4


def test_a_whole_training_step():
    """Forward, backward and optimizer in one graph train as without a graph, statistics included."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(8, 16), torch.nn.BatchNorm1d(16), torch.nn.Linear(16, 2)
    ).npu()
    plain = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    plain_optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    inputs = torch.zeros(4, 8, device="npu")
    graph = torch.npu.NPUGraph()
    with torch.npu.graph(graph):
        loss = model(inputs).square().mean()
        loss.backward()
        optimizer.step()
    for _ in range(3):
        batch = torch.randn(4, 8)
        inputs.copy_(batch)
        graph.replay()
        plain_optimizer.zero_grad()
        plain_loss = plain(batch.npu()).square().mean()
        plain_loss.backward()
        plain_optimizer.step()
        assert loss.item() == plain_loss.item()
    ours, theirs = model.state_dict(), plain.state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs if "num_batches" not in k)


def test_a_replay_is_one_launch(machine):
    """The host spends one launch on a replay, and the device works without gaps."""
    x = torch.ones(64, 64, device="npu")
    graph = torch.npu.NPUGraph()
    seen = len(machine.records)
    with torch.npu.graph(graph):
        for _ in range(10):
            x = x * 2
    assert not [r for r in machine.records[seen : len(machine.records)] if r.category == "kernel"]
    torch.npu.synchronize()
    seen, began = len(machine.records), machine.host.now
    graph.replay()
    launch = machine.device(0).default_stream.launch_ns
    assert machine.host.now - began == launch
    kernels = machine.records[seen : len(machine.records)]
    assert [r.name for r in kernels] == ["Mul"] * 10
    assert all(a.start + a.duration == b.start for a, b in itertools.pairwise(kernels))
    assert x[0, 0].item() == 1024


def test_random_numbers_are_new_in_each_replay():
    """A replay draws on from the device's generator, and the capture itself draws nothing."""
    torch.npu.manual_seed(3)
    wanted = [torch.rand(5, device="npu"), torch.rand(5, device="npu")]
    torch.npu.manual_seed(3)
    graph = torch.npu.NPUGraph()
    with torch.npu.graph(graph):
        x = torch.rand(5, device="npu")
    for numbers in wanted:
        graph.replay()
        assert torch.equal(x, numbers)


def test_streams_of_a_capture_are_ordered_by_events(machine):
    """Work on a second stream that waited for the first belongs to the graph, and keeps its order."""
    side, first = torch.npu.Stream(), torch.npu.Stream()
    x = torch.ones(256, 256, device="npu")
    graph = torch.npu.NPUGraph()
    with torch.npu.graph(graph, stream=first):
        y = x @ x
        side.wait_stream(torch.npu.current_stream())
        with torch.npu.stream(side):
            z = y + 1
        torch.npu.current_stream().wait_stream(side)
        w = z * 2
    torch.npu.synchronize()
    seen = len(machine.records)
    graph.replay()
    kernels = {r.name: r for r in machine.records[seen : len(machine.records)] if r.category == "kernel"}
    assert kernels["Add"].stream == side.stream_id
    assert kernels["Add"].start >= kernels["MatMulV2"].end
    assert kernels["Mul"].start >= kernels["Add"].end
    assert w[0, 0].item() == 514


def test_a_fused_operator_in_a_graph():
    """torch_npu's own operators are captured as well, without gradients."""
    x, weight = torch.randn(2, 8, device="npu"), torch.ones(8, device="npu")
    graph = torch.npu.NPUGraph()
    with torch.npu.graph(graph):
        y = torch_npu.npu_rms_norm(x, weight)[0]
    x.copy_(torch.randn(2, 8))
    graph.replay()
    assert torch.equal(y, torch_npu.npu_rms_norm(x, weight)[0])
    with pytest.raises(NotImplementedError, match="no_grad"), torch.npu.graph(torch.npu.NPUGraph()):
        torch_npu.npu_rms_norm(x.requires_grad_(), weight)


@pytest.mark.parametrize("wait", [torch.Tensor.item, torch.Tensor.cpu, torch.Tensor.nonzero])
def test_the_host_cannot_wait_in_a_capture(wait):
    """What needs a value on the host is refused with 107027; the device works on afterwards."""
    x = torch.ones(1, device="npu")
    with pytest.raises(RuntimeError, match="error code is 107027"), torch.npu.graph(torch.npu.NPUGraph()):
        wait(x)
    assert torch.as_tensor(wait(x)).numel() == 1
    assert torch.npu.current_stream() == torch.npu.default_stream()


def test_what_a_graph_refuses():
    """The default stream, a second capture, replaying nothing, and what is not simulated: one error each."""
    graph = torch.npu.NPUGraph()
    with pytest.raises(RuntimeError, match="non-default stream"):
        graph.capture_begin()
    with pytest.raises(RuntimeError, match="without a preceding successful capture"):
        graph.replay()
    with pytest.raises(RuntimeError, match="before capture_begin"):
        graph.capture_end()
    x = torch.ones(2, device="npu")
    with torch.npu.graph(graph):
        y = x + 1
        with pytest.raises(RuntimeError, match="107027"), torch.npu.stream(torch.npu.Stream()):
            torch.npu.NPUGraph().capture_begin()
    with pytest.raises(RuntimeError, match="already owns"), torch.npu.graph(graph):
        pass
    graph.replay()
    assert y.tolist() == [2, 2]
    for call in (lambda: graph.update([]), lambda: graph.debug_dump("x")):
        with pytest.raises(NotSimulatedError, match="is not simulated"):
            call()
    graph.reset()
    with pytest.raises(RuntimeError, match="replay"):
        graph.replay()


def test_graphs_share_a_pool():
    """Memory of a capture lies in its pool, which another graph may share and reset gives back."""
    one, two = torch.npu.NPUGraph(), torch.npu.NPUGraph()
    x = torch.ones(2, device="npu")
    with torch.npu.graph(one):
        y = x + 1
    with torch.npu.graph(two, pool=one.pool()):
        z = y + 1
    assert one.pool() == two.pool()
    assert {s["segment_pool_id"] for s in torch.npu.memory_snapshot(one.pool())} == {one.pool()}
    one.replay()
    two.replay()
    assert z.tolist() == [3, 3]
    one.reset()
    two.reset()
    del y, z
    torch.npu.empty_cache()
    assert torch.npu.memory_snapshot(two.pool()) == [] if two._captured else True


@pytest.mark.parametrize("training", [True, False])
def test_graphed_callables_compute_the_same(training):
    """A module and a function made of graphs give the outputs and gradients of the plain ones."""
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).npu()
    module.train(training)
    plain = copy.deepcopy(module)
    sample = torch.randn(3, 4, device="npu", requires_grad=True)
    graphed = torch.npu.make_graphed_callables(module, (sample,))
    for _ in range(2):
        a = torch.randn(3, 4, device="npu", requires_grad=True)
        b = a.detach().clone().requires_grad_()
        module.zero_grad()
        plain.zero_grad()
        ours, theirs = graphed(a), plain(b)
        ours.sum().backward()
        theirs.sum().backward()
        assert torch.equal(ours, theirs)
        assert torch.equal(a.grad, b.grad)
        assert torch.equal(module[0].weight.grad, plain[0].weight.grad)
    double = torch.npu.make_graphed_callables(lambda t: t * 2, (torch.ones(3, device="npu"),))
    assert double(torch.full((3,), 4.0, device="npu")).tolist() == [8] * 3


def test_what_graphed_callables_refuse():
    """Hooks, arguments that are no tensors and autocast with its cache are refused before anything runs."""
    module = torch.nn.Linear(2, 2).npu()
    module.register_forward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="hooks"):
        torch.npu.make_graphed_callables(module, (torch.ones(1, 2, device="npu"),))
    with pytest.raises(RuntimeError, match="only Tensors"):
        torch.npu.make_graphed_callables(torch.relu, (3,))
    with torch.autocast("npu"), pytest.raises(RuntimeError, match="cache_enabled=False"):
        torch.npu.make_graphed_callables(torch.relu, (torch.ones(1, device="npu"),))
    assert npusim.node().device(0).memory.allocated >= 0


def test_an_abandoned_capture_harms_nobody():
    """A capture that was begun and forgotten leaves other streams alone, and ends with its graph."""
    graph, stream = torch.npu.NPUGraph(), torch.npu.Stream()
    with torch.npu.stream(stream):
        graph.capture_begin()
        assert torch.npu.NPUGraph.get_currently_capturing_graph() is graph
        assert stream.is_capturing()
    assert torch.ones(2, device="npu").sum().item() == 2
    with pytest.raises(RuntimeError, match="not currently capturing"):
        torch.npu.NPUGraph.get_currently_capturing_graph()
    del graph
    with torch.npu.graph(torch.npu.NPUGraph()):
        torch.ones(2, device="npu")


def test_a_broken_capture_is_no_graph():
    """After an error in the capture there is nothing to replay, and the graph can capture again."""
    graph, x = torch.npu.NPUGraph(), torch.ones(2, device="npu")

    def broken():
        x.add_(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), torch.npu.graph(graph):
        broken()
    assert x.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="replay"):
        graph.replay()
    with torch.npu.graph(graph):
        x += 1
    graph.replay()
    assert x.tolist() == [2, 2]


def test_random_state_in_a_capture():
    """A state taken and set back in a graph repeats its numbers in a replay; another seed is refused."""
    torch.npu.manual_seed(5)
    wanted = [torch.rand(4, device="npu") for _ in range(3)]
    torch.npu.manual_seed(5)
    own = torch.Generator(device="npu")
    own.manual_seed(9)
    graph = torch.npu.NPUGraph()
    graph.register_generator_state(own)
    with torch.npu.graph(graph):
        before = torch.rand(4, device="npu")
        state = torch.npu.get_rng_state()
        first = torch.rand(4, device="npu")
        torch.npu.set_rng_state(state)
        second = torch.rand(4, device="npu")
        third = torch.rand(4, device="npu", generator=own)
    graph.replay()
    assert torch.equal(before, wanted[0])
    assert torch.equal(first, wanted[1])
    assert torch.equal(second, wanted[1])
    own.manual_seed(9)
    assert torch.equal(third, torch.rand(4, device="npu", generator=own))
    assert torch.equal(torch.rand(4, device="npu"), wanted[2])
    other = torch.npu.get_rng_state()
    for act in (lambda: torch.npu.manual_seed(6), lambda: torch.npu.set_rng_state(other)):
        with pytest.raises(RuntimeError, match="only if new seed is the same"):  # noqa: SIM117
            with torch.npu.graph(torch.npu.NPUGraph()):
                act()
