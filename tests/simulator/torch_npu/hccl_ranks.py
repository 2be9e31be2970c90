"""What each rank does in the tests of HCCL: one function a test, named on the command line of torchrun."""
# ruff: noqa: T201 - what is printed is what the tests read

import copy
import os
import sys

import npusim
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def start():
    """Joins the group with an NPU of this rank's own."""
    rank = int(os.environ["LOCAL_RANK"])
    torch.npu.set_device(rank)
    dist.init_process_group("hccl")
    return rank, dist.get_world_size()


def npu(*values):
    """A float tensor on the current NPU."""
    return torch.tensor([float(v) for v in values]).npu()


def collectives():
    """Every collective gives what its definition says, for two ranks."""
    rank, _ = start()
    x = npu(rank + 1, 2)
    dist.all_reduce(x)
    assert x.tolist() == [3, 4]
    for op, expected in ((dist.ReduceOp.MAX, 2), (dist.ReduceOp.PRODUCT, 2), (dist.ReduceOp.AVG, 1.5)):
        x = npu(rank + 1)
        dist.all_reduce(x, op)
        assert x.tolist() == [expected]
    for dtype in (torch.float16, torch.bfloat16, torch.int64, torch.int8):
        x = torch.tensor([rank + 1], dtype=dtype).npu()
        dist.all_reduce(x)
        assert (x.tolist(), x.dtype) == ([3], dtype)
    flag = torch.tensor([rank == 1, False]).npu()
    dist.all_reduce(flag)
    assert flag.tolist() == [True, False]
    out = [npu(0, 0), npu(0, 0)]
    dist.all_gather(out, npu(rank, rank))
    assert [t.tolist() for t in out] == [[0, 0], [1, 1]]
    whole = torch.zeros(4).npu()
    dist.all_gather_into_tensor(whole, npu(rank, rank))
    assert whole.tolist() == [0, 0, 1, 1]
    part = torch.zeros(2).npu()
    dist.reduce_scatter_tensor(part, npu(0, 1, 2, 3))
    assert part.tolist() == [[0, 2], [4, 6]][rank]
    dist.reduce_scatter(part, [npu(1, 1), npu(2, 2)])
    assert part.tolist() == [[2, 2], [4, 4]][rank]
    x = npu(rank + 5)
    dist.broadcast(x, 1)
    assert x.tolist() == [6]
    x = npu(rank + 5)
    dist.reduce(x, 1)
    assert x.tolist() == [[5], [11]][rank]
    got = [npu(0), npu(0)] if rank == 0 else None
    dist.gather(npu(rank + 1), got, dst=0)
    assert rank or [t.item() for t in got] == [1, 2]
    x = npu(0)
    dist.scatter(x, [npu(3), npu(4)] if rank == 1 else None, src=1)
    assert x.item() == 3 + rank
    dist.barrier()
    exchanges(rank)
    objects(rank)


def exchanges(rank):
    """Collectives in which each sends to each, and messages between two."""
    got = [npu(0), npu(0)]
    dist.all_to_all(got, [npu(10 * rank), npu(10 * rank + 1)])
    assert [t.item() for t in got] == [rank, 10 + rank]
    x = torch.zeros(3 if rank else 1).npu()  # rank 1 receives 1 and 2 rows, rank 0 one and none
    dist.all_to_all_single(
        x, npu(1, 2) if rank == 0 else npu(7, 8), [1, 2] if rank else [1, 0], [1, 1] if rank == 0 else [0, 2]
    )
    assert x.tolist() == ([2, 7, 8] if rank else [1])
    if rank == 0:
        dist.send(npu(7), 1)
    else:
        x = npu(0)
        assert dist.recv(x, 0) == 0
        assert x.item() == 7
    x = npu(0)
    ops = [dist.P2POp(dist.isend, npu(rank), 1 - rank), dist.P2POp(dist.irecv, x, 1 - rank)]
    for work in dist.batch_isend_irecv(ops):
        work.wait()
    assert x.item() == 1 - rank
    work = dist.all_reduce(y := npu(1), async_op=True)
    assert work.wait()
    assert y.item() == 2
    assert work.is_completed() in {True, False}
    group = dist.new_group([1])
    if rank == 1:
        dist.all_reduce(y, group=group)
    assert y.item() == 2


def uneven():
    """Ranks whose tensors differ in size, factors before a sum, small types, and messages to oneself."""
    import torch_npu

    rank, size = start()
    found = [torch.zeros(2, 3).npu(), torch.zeros(4).npu()]
    dist.all_gather(found, (torch.ones(2, 3) if rank == 0 else torch.full((4,), 2.0)).npu())
    assert [t.sum().item() for t in found] == [6, 8]
    x = npu(rank + 1, 4)
    dist.all_reduce(x, torch_npu.distributed._make_hccl_premul_sum(0.5))
    assert x.tolist() == [1.5, 4]
    x = torch.tensor([200, 10], dtype=torch.uint8).npu()
    dist.all_reduce(x, dist.ReduceOp.AVG)
    assert (x.tolist(), x.dtype) == (
        [200, 10],
        torch.uint8,
    )  # the sum does not wrap round before the division
    for parts, expected in (
        ([npu(0, 1, 2, 3)], [[0, 2], [4, 6]]),  # one long tensor
        ([npu(5, 6)], [[10, 12], [0, 0]]),  # too little: zero
        ([npu(1, 2, 3), npu(4, 5, 6)], [[2, 4], [6, 8]]),  # more than the outputs hold
        ([npu(1), npu(2, 3)], [[2], [4, 6]]),  # a part of its own size for each
    ):
        y = torch.full((len(expected[rank]),), 9.0).npu()
        dist.reduce_scatter(y, parts)
        assert y.tolist() == expected[rank]
    other, own = npu(0), npu(0)
    plan = [(dist.irecv, other, 1 - rank), (dist.isend, npu(rank), 1 - rank)]
    plan += [(dist.irecv, own, rank), (dist.isend, npu(7 + rank), rank)]
    for work in dist.batch_isend_irecv([dist.P2POp(*parts) for parts in plan]):
        work.wait()
    assert (other.item(), own.item()) == (1 - rank, 7 + rank)
    picture = torch.full((1, 2, 2, 2), rank + 1.0).npu().to(memory_format=torch.channels_last)
    dist.all_reduce(picture)
    assert picture.unique().tolist() == [3]
    tensors = [npu(rank), npu(1)]
    with dist._coalescing_manager(device=torch.device("npu", rank), async_ops=True) as together:
        for t in tensors:
            dist.all_reduce(t)
    together.wait()
    assert [t.item() for t in tensors] == [1, size]


def directly():
    """Collectives as methods of a group: one tensor or a list, an operator or options, a rank by its name."""
    rank, _ = start()
    group = dist.new_group([0, 1])
    x = npu(rank + 1)
    group.broadcast([x]).wait()
    assert x.item() == 1
    group.broadcast(x := npu(rank + 1), root=1).wait()
    assert x.item() == 2
    group.allreduce(x, op=dist.ReduceOp.SUM).wait()
    assert x.item() == 4
    group.allreduce([x := npu(rank + 1)], dist.ReduceOp.MAX).wait()
    assert x.item() == 2
    group.reduce(x, 1, dist.ReduceOp.SUM).wait()
    assert x.item() == [2, 4][rank]
    group.allgather(found := [npu(0), npu(0)], npu(rank)).wait()
    assert [t.item() for t in found] == [0, 1]
    group.gather(found if rank else [], npu(rank + 5), root=1).wait()
    assert [t.item() for t in found] == ([5, 6] if rank else [0, 1])
    group.scatter(x, [npu(7), npu(8)] if rank == 0 else [], root=0).wait()
    assert x.item() == 7 + rank
    group.reduce_scatter(x, [npu(1), npu(2)], op=dist.ReduceOp.SUM).wait()
    assert x.item() == 2 + 2 * rank
    group.barrier().wait()


def settings():
    """Options of a group reach it, and what a program changes of them later does not."""
    import torch_npu

    rank = int(os.environ["LOCAL_RANK"])
    torch.npu.set_device(rank)
    options = torch_npu._C._distributed_c10d.ProcessGroupHCCL.Options()
    options.hccl_config = {"hccl_buffer_size": 300, "group_name": "mine"}
    dist.init_process_group("hccl", pg_options=options, device_id=torch.device("npu", rank))
    options.hccl_config = {"hccl_algo": 5}
    group = dist.distributed_c10d._get_default_group()._get_backend(torch.device("npu"))
    assert group.options.hccl_config == {"hccl_buffer_size": 300, "group_name": "mine"}
    assert group.options.global_ranks_in_group in ([], [0, 1])
    dist.all_reduce(npu(1))
    assert group.get_coll_stream_id(torch.device("npu", rank)) == group._get_stream_id() >= 0
    other = dist.new_group([0, 1], pg_options=options)
    try:
        dist.all_reduce(npu(1), group=other)
    except RuntimeError as error:
        print(str(error).splitlines()[0])


def loops():
    """Gradients in buckets, accumulated without traffic, and ranks with fewer batches than others."""
    from torch.distributed.algorithms.join import Join
    from torch.utils.data import DataLoader, TensorDataset
    from torch.utils.data.distributed import DistributedSampler

    rank, size = start()
    torch.manual_seed(0)
    net = nn.Linear(4, 2)
    alone = copy.deepcopy(net)
    model = DistributedDataParallel(net.npu(), device_ids=[rank], gradient_as_bucket_view=True)
    data = TensorDataset(torch.arange(48.0).view(12, 4) / 16)
    sampler = DistributedSampler(data, shuffle=False)
    batches = [x for (x,) in DataLoader(data, batch_size=3, sampler=sampler)]
    assert [x[0, 0].item() for x in batches] == [rank / 4, (rank + 6) / 4]
    sums = sum(1 for r in npusim.node().records if r.name == "hcom_allReduce")
    with model.no_sync():
        model(batches[0].npu()).square().mean().backward()
    assert sum(1 for r in npusim.node().records if r.name == "hcom_allReduce") == sums
    model(batches[1].npu()).square().mean().backward()
    for x in data.tensors[0].view(2, 3, 2, 4).transpose(1, 2).reshape(4, 3, 4):
        (alone(x).square().mean() / size).backward()
    torch.testing.assert_close(net.weight.grad.cpu(), alone.weight.grad)
    optimizer, steps = torch.optim.SGD(model.parameters(), lr=0.01), 0
    with Join([model]):
        for _ in range(2 + 2 * rank):
            optimizer.zero_grad()
            model(batches[0].npu()).square().mean().backward()
            optimizer.step()
            steps += 1
    assert steps == 2 + 2 * rank
    weights = [torch.zeros_like(net.weight) for _ in range(size)]
    dist.all_gather(weights, net.weight.detach())
    assert torch.equal(*weights)


def objects(rank):
    """Collectives of Python objects."""
    found = [None, None]
    dist.all_gather_object(found, {"rank": rank})
    assert found == [{"rank": 0}, {"rank": 1}]
    values = ["a", 2] if rank == 0 else [None, None]
    dist.broadcast_object_list(values, 0)
    assert values == ["a", 2]


def data_parallel():
    """DistributedDataParallel and ZeroRedundancyOptimizer train as one process does on the whole batch."""
    from torch.distributed.optim import ZeroRedundancyOptimizer

    rank, size = start()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    batch = torch.randn(2 * size, 8)
    alone = copy.deepcopy(net)
    reference = torch.optim.AdamW(alone.parameters(), lr=0.01)
    model = DistributedDataParallel(net.npu(), device_ids=[rank])
    optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.AdamW, lr=0.01)
    for _ in range(4):
        for m, o, x in ((alone, reference, batch), (model, optimizer, batch[2 * rank : 2 * rank + 2].npu())):
            o.zero_grad()
            m(x).square().mean().backward()
            o.step()
    for p, q in zip(alone.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(q.cpu(), p)
    sent = [r for r in npusim.node().records if r.name == "hcom_allReduce" and r.device == rank]
    assert len(sent) >= 4
    assert all(r.stream != 0 for r in sent)


def sharded():
    """Both FullyShardedDataParallel, and SyncBatchNorm, give the numbers of one process."""
    from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

    rank, _ = start()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    batch = torch.randn(2, 4, 8)

    def losses(model, data):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        found = []
        for _ in range(3):
            optimizer.zero_grad()
            parts = [model(x).square().mean() for x in data]
            (sum(parts) / len(parts)).backward()
            optimizer.step()
            found.append(parts[rank if len(parts) > 1 else 0].item())
        return found

    expected = losses(copy.deepcopy(net), batch)
    mine = [batch[rank].npu()]
    first = FullyShardedDataParallel(copy.deepcopy(net).npu(), device_id=torch.device("npu", rank))
    second = copy.deepcopy(net).npu()
    fully_shard(second[0])
    fully_shard(second)
    for model in (first, second):
        torch.testing.assert_close(torch.tensor(losses(model, mine)), torch.tensor(expected))
    plain, data = nn.BatchNorm1d(8), batch.clone().requires_grad_()
    out = plain(data.reshape(8, 8))
    (out * out.detach().sin()).sum().backward()
    normal = nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(8)).npu()
    x = batch[rank].npu().requires_grad_()
    y = normal(x)
    (y * y.detach().sin()).sum().backward()
    torch.testing.assert_close(y.cpu(), out.view(2, 4, 8)[rank])
    torch.testing.assert_close(x.grad.cpu(), data.grad[rank], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(normal.running_var.cpu(), plain.running_var)


def slowest():
    """A collective begins when the slowest rank is ready, on every rank at the same virtual time."""
    rank, _ = start()
    x = torch.ones(64, 64).npu()
    dist.all_reduce(x)
    for _ in range(200 * rank):
        x = x @ x
    work = dist.all_reduce(x, async_op=True)
    record = [r for r in npusim.node().records if r.category == "collective"][-1]
    begins = [None, None]
    dist.all_gather_object(begins, (record.start, record.launched))
    assert abs(begins[0][0] - begins[1][0]) < 100_000
    assert begins[0][0] - begins[0][1] > 400_000  # rank 0 waited
    before = torch.npu.current_stream().sim.tail
    work.wait()
    assert torch.npu.current_stream().sim.tail >= max(before, record.end)


def missing():
    """Rank 1 never calls a collective: rank 0 is told so after HCCL_CONNECT_TIMEOUT."""
    rank, _ = start()
    if rank == 0:
        try:
            dist.all_reduce(npu(1))
        except RuntimeError as error:
            print(error)
        dist.distributed_c10d._get_default_group()._store.set("done", "1")
    else:
        dist.distributed_c10d._get_default_group()._store.get("done")


def late():
    """Rank 1 leaves out the second collective: rank 0 is told so after HCCL_EXEC_TIMEOUT."""
    rank, _ = start()
    dist.all_reduce(npu(1))
    missing_second(rank)


def missing_second(rank):
    """Only rank 0 calls a collective."""
    store = dist.distributed_c10d._get_default_group()._store
    if rank == 0:
        try:
            dist.all_reduce(npu(1))
        except RuntimeError as error:
            print(error)
        store.set("done", "1")
    else:
        store.get("done")


def one_device():
    """Both ranks use device 0."""
    dist.init_process_group("hccl")
    try:
        dist.all_reduce(npu(1))
    except RuntimeError as error:
        print(error)


def spawned(rank, port):
    """One rank of a program that spawns its ranks itself."""
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=port, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2"
    )
    start()
    x = npu(rank)
    dist.all_reduce(x)
    assert x.item() == 1
    print("ok")


def spawn():
    """Spawns both ranks."""
    torch.multiprocessing.spawn(spawned, args=(os.environ["MASTER_PORT"],), nprocs=2)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    if dist.is_initialized():
        dist.destroy_process_group()
