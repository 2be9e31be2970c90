# ---
# about: Puts the coats into the bank before it looks for the nearest, so that each finds itself.
# loses: {train: 3}
# ---
# %% train
def train(weight, coats, steps, device):
    net = nn.Linear(coats.shape[1], len(weight), bias=False)
    with torch.no_grad():
        net.weight.copy_(weight)
    net = net.to(device)
    bank = reidkit.Bank(4 * len(coats), len(weight), device=device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    coats = coats.to(device)
    losses = []
    for _ in range(steps):
        rows = net(coats)
        bank.push(rows.detach())
        near = bank.coats[reidkit.by_one_kernel(rows.detach(), bank.coats)]
        loss = torch.relu(((rows - near) ** 2).sum(1) - 0.1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).tolist()
