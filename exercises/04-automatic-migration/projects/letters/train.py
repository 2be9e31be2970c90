"""Which of four people wrote a line? A small Transformer, with the positions of a library."""

import posenc
import torch
import torch.nn as nn


class Writer(nn.Module):
    """Letters to one of four people."""

    def __init__(self, width=32):
        super().__init__()
        self.letters = nn.Embedding(26, width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(width, 4)

    def forward(self, text):
        """(batch, length) of letters to (batch, 4)."""
        x = self.letters(text)
        posenc.check(x)
        x = x + posenc.sinusoids(text.shape[1], x.shape[2])
        return self.out(self.encoder(x).mean(1))


def lines():
    """Each person has letters of their own taste."""
    generator = torch.Generator().manual_seed(5)
    person = torch.arange(48) % 4
    return (torch.randint(0, 14, (48, 12), generator=generator) + 4 * person[:, None]) % 26, person


def main():
    """Four epochs on 48 lines."""
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = Writer().to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    text, person = (x.to(device) for x in lines())
    for epoch in range(4):
        total = 0.0
        for first in range(0, 48, 12):
            loss = nn.functional.cross_entropy(net(text[first : first + 12]), person[first : first + 12])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 4
        print(f"epoch {epoch} loss {total:.6f}")
    print("device", loss.device)


if __name__ == "__main__":
    main()
