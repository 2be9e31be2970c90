"""A U-Net with cross entropy and dice loss."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F

os.environ["CUDA_VISIBLE_DEVICES"] = "0"
torch.backends.cudnn.deterministic = True


def double_conv(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1), nn.InstanceNorm2d(cout, affine=True), nn.ReLU(inplace=True)
    )


class UNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.down1, self.down2 = double_conv(1, 8), double_conv(8, 16)
        self.bottom = double_conv(16, 32)
        self.up2, self.up1 = nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.dec2, self.dec1 = double_conv(32, 16), double_conv(16, 8)
        self.out = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.bottom(F.max_pool2d(b, 2))
        d = self.dec2(torch.cat([self.up2(c), b], dim=1))
        return self.out(self.dec1(torch.cat([self.up1(d), a], dim=1)))


def dice_loss(logits, target, eps=1.0):
    probs = F.softmax(logits, dim=1)
    onehot = F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2).float()
    inter = (probs * onehot).sum((0, 2, 3))
    return 1 - ((2 * inter + eps) / (probs.sum((0, 2, 3)) + onehot.sum((0, 2, 3)) + eps)).mean()


def make_batch(generator, count=4, size=32):
    """Discs and bars on a dark ground."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    middle = torch.randint(8, size - 8, (count, 2), generator=generator)[:, :, None, None]
    disc = (y - middle[:, 0]) ** 2 + (x - middle[:, 1]) ** 2 < 36
    bar = (x - middle[:, 0]).abs() < 2
    target = bar.long().masked_fill(disc, 2)
    return target[:, None].float() + 0.2 * torch.randn(count, 1, size, size, generator=generator), target


def mean_iou(prediction, target, classes=3):
    hist = torch.bincount(target.flatten() * classes + prediction.flatten(), minlength=classes**2)
    hist = hist.reshape(classes, classes).float()
    return (hist.diag() / (hist.sum(0) + hist.sum(1) - hist.diag() + 1e-6)).mean().item()


def main():
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator().manual_seed(3)
    model = UNet().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(8):
        image, target = make_batch(generator)
        image, target = image.to(device), target.to(device)
        logits = model(image)
        loss = F.cross_entropy(logits, target) + dice_loss(logits, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % 2:
            print("step %d loss %.6f" % (step, loss.item()))
    model.eval()
    with torch.no_grad():
        print("mIoU %.3f" % mean_iou(model(image).argmax(1), target))
    print("device", image.device)


if __name__ == "__main__":
    main()
