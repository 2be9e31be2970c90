"""A DCGAN on blobs; two networks, two optimizers, checkpoints."""

import os
import tempfile

import torch
import torch.nn as nn

cuda = torch.cuda.is_available()
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor


def weights_init(m):
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight.data, 0.0, 0.05)


class Generator(nn.Module):
    def __init__(self, nz=8):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, 16, 4), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.ReLU(True),
            nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh(),
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(16, 1, 4),
        )

    def forward(self, x):
        return self.main(x).view(-1)


def real_batch(rng, count):
    y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    middle = torch.rand(count, 2, 1, 1, generator=rng) - 0.5
    return (2 * torch.exp(-8 * ((y - middle[:, :1]) ** 2 + (x - middle[:, 1:]) ** 2)) - 1)


def main():
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(5)
    G, D = Generator(), Discriminator()
    G.apply(weights_init)
    D.apply(weights_init)
    criterion = nn.BCEWithLogitsLoss()
    if cuda:
        G.cuda()
        D.cuda()
        criterion.cuda()
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.999))
    for step in range(8):
        real = real_batch(rng, 8).type(Tensor)
        valid, fake = Tensor(8).fill_(1.0), Tensor(8).fill_(0.0)
        z = torch.randn(8, 8, 1, 1, generator=rng).type(Tensor)
        opt_d.zero_grad()
        made = G(z)
        loss_d = criterion(D(real), valid) + criterion(D(made.detach()), fake)
        loss_d.backward()
        opt_d.step()
        opt_g.zero_grad()
        loss_g = criterion(D(made), valid)
        loss_g.backward()
        opt_g.step()
        if step % 2:
            print("[%d] loss %.6f loss_g %.6f" % (step, loss_d.item(), loss_g.item()))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "netG.pth")
        torch.save({"G": G.state_dict(), "step": step}, path)
        G.load_state_dict(torch.load(path, map_location="cuda:0" if cuda else "cpu")["G"])
    print("device", next(G.parameters()).device)


if __name__ == "__main__":
    main()
