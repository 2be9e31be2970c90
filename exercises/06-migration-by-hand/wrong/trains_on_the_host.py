# ---
# about: Right losses, on the host, whatever the device.
# loses: {train: 2}
# ---
# %% train
def train(weight, coats, steps, device):
    weight = weight.clone().requires_grad_()
    bank, at, losses = torch.zeros(4 * len(coats), len(weight)), 0, []
    for _ in range(steps):
        rows = coats @ weight.T
        near = torch.cdist(rows.detach(), bank).argmin(1)
        loss = torch.relu(((rows - bank[near]) ** 2).sum(1) - 0.1).mean()
        (gradient,) = torch.autograd.grad(loss, weight)
        weight = (weight - 0.05 * gradient).detach().requires_grad_()
        bank[(torch.arange(len(coats)) + at) % len(bank)] = rows.detach()
        at += len(coats)
        losses.append(loss.item())
    return losses
