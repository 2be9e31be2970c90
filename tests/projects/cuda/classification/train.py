"""Image classification with mixed precision.   python train.py --epochs 3 --amp"""

import argparse

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

from model import SmallResNet

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--no-cuda", action="store_true")
args = parser.parse_args()
use_cuda = torch.cuda.is_available() and not args.no_cuda
torch.backends.cudnn.benchmark = True


def make_data(count=64):
    """Stripes in four directions."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 4
    grid = torch.stack(torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij"))
    ways = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7], [0.7, -0.7]])
    stripes = torch.sin((ways[labels][:, :, None, None] * grid).sum(1))
    return stripes[:, None] + 0.1 * torch.randn(count, 3, 16, 16, generator=generator), labels


def accuracy(output, target):
    return (output.argmax(1) == target).float().mean().item()


def main():
    torch.manual_seed(0)
    if use_cuda:
        torch.cuda.manual_seed_all(0)
    model = SmallResNet()
    criterion = nn.CrossEntropyLoss()
    if use_cuda:
        model = model.cuda()
        criterion = criterion.cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)
    scaler = torch.cuda.amp.GradScaler(enabled=use_cuda)
    loader = DataLoader(TensorDataset(*make_data()), batch_size=args.batch_size, pin_memory=use_cuda)
    for epoch in range(args.epochs):
        total, right = 0.0, 0.0
        for images, target in loader:
            if use_cuda:
                images = images.cuda(non_blocking=True)
                target = target.cuda(non_blocking=True)
            with torch.cuda.amp.autocast(enabled=use_cuda):
                output = model(images)
                loss = criterion(output, target)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            total += loss.item() / len(loader)
            right += accuracy(output, target) / len(loader)
        scheduler.step()
        print(f"epoch {epoch} loss {total:.6f} accuracy {right:.3f}")
    print("device", next(model.parameters()).device)


if __name__ == "__main__":
    main()
