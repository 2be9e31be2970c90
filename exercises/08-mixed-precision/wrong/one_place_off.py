# ---
# about: The mean over the second dimension, backward in autocast's region, and masters kept in a global dict.
# loses: {rms_norm: 1, train_step: 1, master_sgd: 1}
# ---
# %% rms_norm
class RMSNorm(nn.Module):
    """Divide by the root mean square over the second dimension, times a weight."""

    def __init__(self, width, eps=1e-8):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        wide = x.float()
        return (wide / torch.sqrt((wide * wide).mean(1, keepdim=True) + self.eps) * self.weight).to(x.dtype)


# %% train_step
def train_step(net, optimizer, scaler, batch, max_norm):
    x, y = batch
    optimizer.zero_grad()
    with torch.autocast("npu", dtype=torch.float16):
        loss = nn.functional.mse_loss(net(x), y)
        scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(net.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


# %% master_sgd
COPIES = {}


def master_step(params, state, lr, scale=1.0):
    with torch.no_grad():
        for p in params:
            if p not in COPIES:
                COPIES[p] = p.detach().float()
            if p.grad is not None:
                COPIES[p] -= lr * p.grad.float() / scale
                p.copy_(COPIES[p])
