"""Tells healthy leaves from sick ones: mixed precision, and a process for each GPU."""

import argparse
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
from torch.cuda.amp import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler


def photos():
    """Noise in three colours; sick leaves have a brown spot in one corner."""
    generator = torch.Generator().manual_seed(3)
    x = 0.2 * torch.randn(64, 3, 16, 16, generator=generator)
    y = torch.arange(64) % 2
    x[y == 1, 0, :5, :5] += 1.0
    return TensorDataset(x, y)


class Leaves(nn.Module):
    """Two convolutions, two classes."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.out = nn.Linear(16 * 64, 2)

    def forward(self, x):
        """(batch, 3, 16, 16) to (batch, 2)."""
        return self.out(torch.relu(self.second(torch.relu(self.first(x)))).flatten(1))


def worker(rank, args):
    """One process: its share of the photos, on its GPU where there is one."""
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", args.port
    gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if gpu else "gloo", rank=rank, world_size=args.gpus)
    device = torch.device(f"cuda:{rank}" if gpu else "cpu")
    if gpu:
        torch.cuda.set_device(device)
    torch.manual_seed(0)
    net = DistributedDataParallel(Leaves().to(device), device_ids=[rank] if gpu else None)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02 * args.gpus, momentum=0.9)
    scaler = GradScaler(enabled=gpu)
    data = photos()
    sampler = DistributedSampler(data, shuffle=False)
    for epoch in range(3):
        total = torch.zeros((), device=device)
        for x, y in DataLoader(data, batch_size=8, sampler=sampler):
            with torch.autocast("cuda", enabled=gpu):
                loss = nn.functional.cross_entropy(net(x.to(device)), y.to(device))
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            total += loss.detach().float()
        dist.all_reduce(total)
        if rank == 0:
            print(f"epoch {epoch} loss {total.item() * 8 / len(data):.6f}", flush=True)
    if rank == 0:
        print("device", total.device, flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpus", type=int, default=2)
    parser.add_argument("--port", default="29573")
    given = parser.parse_args()
    mp.spawn(worker, nprocs=given.gpus, args=(given,))
