"""Makes pictures of any size three times as large."""

import torch
import torch.nn as nn
import torch.nn.functional as nf

SIZES = [(24, 30), (27, 33), (30, 24), (33, 27), (36, 36)]
TIMES = 3


def picture(number):
    """Rings around a point, in the size that is next, large and small."""
    height, width = SIZES[number % len(SIZES)]
    down, right = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    large = torch.sin(0.4 * torch.hypot(down - number, right)).mul(0.5).add(0.5)[None, None]
    return nf.avg_pool2d(large, TIMES), large


class Zoom(nn.Module):
    """Bilinear, plus what a residual network of convolutions adds."""

    def __init__(self, channels=12):
        super().__init__()
        self.head = nn.Conv2d(1, channels, 5, padding=2)
        self.body = nn.Conv2d(channels, channels, 3, padding=1)
        self.tail = nn.Sequential(nn.Conv2d(channels, TIMES**2, 3, padding=1), nn.PixelShuffle(TIMES))

    def forward(self, x):
        """(batch, 1, height, width) to the same, `TIMES` as high and wide."""
        features = torch.relu(self.head(x))
        features = features + torch.relu(self.body(features))
        return nf.interpolate(x, scale_factor=TIMES, mode="bilinear") + self.tail(features)


def main():
    """Three epochs of ten pictures, one at a time, as their sizes differ."""
    torch.manual_seed(0)
    net = Zoom()
    if torch.cuda.is_available():
        net.cuda()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(3):
        total = 0.0
        for number in range(10):
            small, large = picture(number)
            if torch.cuda.is_available():
                small, large = small.cuda(non_blocking=True), large.cuda(non_blocking=True)
            loss = nf.l1_loss(net(small), large)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 10
        print(f"epoch {epoch} loss {total:.6f}")
    print("device", loss.device)


if __name__ == "__main__":
    main()
