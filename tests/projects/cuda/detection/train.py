"""A single-shot detector of bright squares: one anchor for each cell of a grid."""

import torch
from torch import nn
import torch.nn.functional as F

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
GRID, SIZE = 4, 32


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        for cin, cout in ((1, 8), (8, 16), (16, 16)):
            layers += [nn.Conv2d(cin, cout, 3, 2, 1), nn.BatchNorm2d(cout), nn.LeakyReLU(0.1)]
        self.backbone = nn.Sequential(*layers)
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x):
        out = self.head(self.backbone(x))  # score, dx, dy, w, h of each cell
        return out[:, 0], out[:, 1:].permute(0, 2, 3, 1)


def make_batch(count, generator):
    """Pictures, which cells hold a square, and the squares relative to their cells."""
    images = 0.1 * torch.randn(count, 1, SIZE, SIZE, generator=generator)
    labels, boxes = torch.zeros(count, GRID, GRID), torch.zeros(count, GRID, GRID, 4)
    corner = torch.randint(0, 20, (count, 2), generator=generator)
    size = torch.randint(6, 12, (count,), generator=generator)
    cell = SIZE // GRID
    for i, ((y, x), s) in enumerate(zip(corner.tolist(), size.tolist())):
        images[i, 0, y : y + s, x : x + s] += 1
        cy, cx = y + s / 2, x + s / 2
        row, column = int(cy // cell), int(cx // cell)
        labels[i, row, column] = 1
        boxes[i, row, column] = torch.tensor([cx / cell - column, cy / cell - row, s / SIZE, s / SIZE])
    return images, labels, boxes


def focal_loss(logits, labels, alpha=0.75, gamma=2.0):
    p = torch.sigmoid(logits)
    ce = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    pt = p * labels + (1 - p) * (1 - labels)
    weight = alpha * labels + (1 - alpha) * (1 - labels)
    return (weight * (1 - pt) ** gamma * ce).sum()


def nms(boxes, scores, threshold=0.5):
    """Indices of the boxes that are kept, the best first."""
    order, keep = scores.argsort(descending=True), []
    while order.numel() > 0:
        i = order[0]
        keep.append(i.item())
        top = torch.max(boxes[i, :2], boxes[order[1:], :2])
        low = torch.min(boxes[i, 2:], boxes[order[1:], 2:])
        inter = (low - top).clamp(min=0).prod(1)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        iou = inter / (area[i] + area[order[1:]] - inter)
        order = order[1:][iou <= threshold]
    return keep


def main():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(7)
    model = Detector().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(12):
        images, labels, boxes = (t.to(device, non_blocking=True) for t in make_batch(8, generator))
        scores, found = model(images)
        mask = labels.bool()
        loss = focal_loss(scores, labels) / mask.sum() + F.smooth_l1_loss(found[mask], boxes[mask])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        if step % 4 == 3:
            print(f"step {step} loss {loss.item():.6f}")
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]], device=device)
    assert nms(boxes, torch.tensor([0.6, 0.9, 0.3], device=device)) == [1, 2]
    print("device", next(model.parameters()).device)


if __name__ == "__main__":
    main()
