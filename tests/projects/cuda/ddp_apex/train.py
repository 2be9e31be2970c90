"""Data-parallel training in two processes, with apex where it is there."""

import argparse
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

parser = argparse.ArgumentParser()
parser.add_argument("--world-size", type=int, default=2)
parser.add_argument("--opt-level", default="O1")
parser.add_argument("--loss-scale", type=float, default=128.0)
parser.add_argument("--port", default="29571")


def worker(rank, args):
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", args.port
    use_cuda = torch.cuda.is_available()
    backend = "nccl" if use_cuda else "gloo"
    dist.init_process_group(backend, rank=rank, world_size=args.world_size)
    if use_cuda:
        torch.cuda.set_device(rank)
    device = torch.device("cuda:%d" % rank if use_cuda else "cpu")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02 * args.world_size, momentum=0.5)
    amp = None
    if use_cuda:
        from apex import amp

        model, optimizer = amp.initialize(
            model, optimizer, opt_level=args.opt_level, loss_scale=args.loss_scale
        )
    model = DDP(model, device_ids=[rank]) if use_cuda else DDP(model)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 8, generator=generator)
    dataset = TensorDataset(x, x.sum(1, keepdim=True).tanh())
    sampler = DistributedSampler(dataset, shuffle=False)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for x, y in DataLoader(dataset, batch_size=8, sampler=sampler):
            loss = nn.functional.mse_loss(model(x.to(device)), y.to(device))
            optimizer.zero_grad()
            if amp is not None:
                with amp.scale_loss(loss, optimizer) as scaled_loss:
                    scaled_loss.backward()
            else:
                loss.backward()
            optimizer.step()
        mean = loss.detach().float().clone()
        dist.all_reduce(mean)
        if rank == 0:
            print(f"epoch {epoch} loss {mean.item() / args.world_size:.6f}", flush=True)
    if rank == 0:
        print("device", loss.device, flush=True)
    dist.destroy_process_group()


def main():
    args = parser.parse_args()
    mp.spawn(worker, nprocs=args.world_size, args=(args,))


if __name__ == "__main__":
    main()
