"""Super-resolution by sub-pixel convolution; pictures of several sizes."""

import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

parser = argparse.ArgumentParser()
parser.add_argument("--upscale", type=int, default=2)
parser.add_argument("--gpu-id", type=int, default=0)
opt = parser.parse_args()


class Waves(Dataset):
    """Pictures of waves, the sizes of which change."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        h, w = 24 + 4 * (index % 3), 28 + 4 * (index % 2)
        y, x = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing="ij")
        hr = 0.5 + 0.5 * torch.sin(0.2 * (index + 1) * (x + 0.5 * y) / 4)[None]
        lr = F.avg_pool2d(hr[None], opt.upscale)[0]
        return lr, hr


class ESPCN(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2), nn.PReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.PReLU(),
            nn.Conv2d(16, scale**2, 3, padding=1),
        )
        self.shuffle = nn.PixelShuffle(scale)
        self.scale = scale

    def forward(self, x):
        base = F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return base + self.shuffle(self.body(x))


class Charbonnier(nn.Module):
    def forward(self, a, b):
        return torch.sqrt((a - b) ** 2 + 1e-6).mean()


def psnr(a, b):
    return 10 * math.log10(1 / max(F.mse_loss(a, b).item(), 1e-10))


def main():
    torch.manual_seed(0)
    if torch.cuda.is_available():
        torch.cuda.set_device(opt.gpu_id)
    device = torch.device("cuda", opt.gpu_id) if torch.cuda.is_available() else torch.device("cpu")
    net = ESPCN(opt.upscale).to(device)
    criterion = Charbonnier().to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(2):
        total, score = 0.0, 0.0
        for lr, hr in DataLoader(Waves(), batch_size=1):
            lr, hr = lr.to(device), hr.to(device)
            out = net(lr)
            loss = criterion(out, hr)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 12
            score += psnr(out.detach().clamp(0, 1), hr) / 12
        print(f"epoch {epoch} loss {total:.6f} psnr {score:.2f}")
    print("device", out.device)


if __name__ == "__main__":
    main()
