# ---
# about: Migrates everything but the question is_cuda inside the library.
# loses: {train: 1}
# ---
# %% train
def train(weight, coats, steps, device):
    class Margin(nn.Module):
        def __init__(self, margin):
            super().__init__()
            self.margin = margin

        def forward(self, rows, near):
            return torch.relu(((rows - near) ** 2).sum(1) - self.margin).mean()

    net = nn.Linear(coats.shape[1], len(weight), bias=False)
    with torch.no_grad():
        net.weight.copy_(weight)
    net = net.to(device)
    bank = reidkit.Bank(4 * len(coats), len(weight), device=device)
    criterion = Margin(0.1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    coats = coats.to(device)
    losses = []
    for _ in range(steps):
        rows = net(coats)
        loss = criterion(rows, bank.coats[reidkit.nearest(rows.detach(), bank.coats)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bank.push(rows.detach())
        losses.append(float(loss))
    return losses
