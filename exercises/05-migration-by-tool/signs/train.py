"""Train the reader of traffic signs on the cards of one server. CUDA is assumed throughout."""

import os

import torch
import torch.distributed as dist
from apex.optimizers import FusedAdam
from torch.cuda.amp import GradScaler, autocast
from torch.nn.parallel import DistributedDataParallel

from model import Reader
from pictures import loader


def main():
    rank = int(os.environ["LOCAL_RANK"])
    dist.init_process_group(backend="nccl")
    torch.cuda.set_device(rank)
    device = torch.device(f"cuda:{rank}")

    model = DistributedDataParallel(Reader().to(device), device_ids=[rank])
    optimizer = FusedAdam(model.parameters(), lr=3e-4, weight_decay=0.05)
    scaler = GradScaler()
    for pictures, texts in loader(rank, dist.get_world_size()):
        pictures, texts = pictures.cuda(non_blocking=True), texts.cuda(non_blocking=True)
        with autocast():
            loss = model(pictures, texts)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    if rank == 0:
        print(f"loss {loss.item():.3f}, {torch.cuda.max_memory_allocated() >> 20} MiB of CUDA memory")


if __name__ == "__main__":
    main()
