"""Spoken digits as tones: a convolution, a bidirectional GRU and CTC."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
args = parser.parse_args()
BANDS, DIGITS = 16, 5


def make_batch(generator, count=4, letters=3, length=5):
    """Each digit sounds in a band of its own; lengths differ."""
    said = torch.randint(1, DIGITS + 1, (count, letters), generator=generator)
    frames = torch.zeros(count, letters * length, BANDS)
    for i in range(count):
        for j in range(letters):
            frames[i, j * length : (j + 1) * length - 1, 3 * (said[i, j] - 1)] = 2.0
    frames += 0.1 * torch.randn(frames.shape, generator=generator)
    return frames, torch.full((count,), frames.shape[1]), said, torch.full((count,), letters)


class Recogniser(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.conv = nn.Conv1d(BANDS, hidden, 3, padding=1)
        self.norm = nn.BatchNorm1d(hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, DIGITS + 1)

    def forward(self, x):
        x = F.hardtanh(self.norm(self.conv(x.transpose(1, 2))), 0, 20)
        x, _ = self.gru(x.transpose(1, 2))
        return self.fc(x).log_softmax(dim=-1)


def greedy(log_probs):
    """The digits of the best path, repeats and blanks taken out."""
    best = log_probs.argmax(-1).unique_consecutive().tolist()
    return [digit for digit in best if digit]


def main():
    torch.manual_seed(0)
    device = torch.device(args.device)
    generator = torch.Generator().manual_seed(2)
    model = Recogniser().to(device)
    ctc = nn.CTCLoss(blank=0, zero_infinity=True).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(8):
        frames, frame_lengths, said, said_lengths = make_batch(generator)
        out = model(frames.to(device))
        loss = ctc(out.transpose(0, 1), said.to(device), frame_lengths, said_lengths)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10)
        optimizer.step()
        if step % 2:
            print(f"step {step} loss {loss.item():.6f}")
    print("heard", greedy(out[0].detach()))
    print("device", out.device)


if __name__ == "__main__":
    main()
