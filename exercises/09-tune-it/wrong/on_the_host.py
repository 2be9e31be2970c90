# ---
# about: Trains on the CPU, where no launch costs device time, and copies the parameters back.
# loses: {make_optimizer: 2, epoch: 5}
# ---
# %% make_optimizer
class OnHost(torch.optim.AdamW):
    def step(self, closure=None):
        parameters = [p for group in self.param_groups for p in group["params"]]
        held = [(p.data, p.grad) for p in parameters]
        for p, (data, grad) in zip(parameters, held, strict=True):
            p.grad = None
            p.data = data.cpu()
            p.grad = grad.cpu()
        super().step(closure)
        for p, (data, grad) in zip(parameters, held, strict=True):
            data.copy_(p.data)
            p.grad = None
            p.data = data
            p.grad = grad


def make_optimizer(parameters, lr, decay):
    return OnHost(parameters, lr=lr, weight_decay=decay)


# %% epoch
import copy


def epoch(net, batches, lr):
    host = copy.deepcopy(net).to("cpu")
    optimizer = torch.optim.AdamW(host.parameters(), lr=lr)
    losses, norms = [], []
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(host(x), y)
        loss.backward()
        norms.append(nn.utils.get_total_norm([p.grad for p in host.parameters()]))
        optimizer.step()
        losses.append(loss.detach())
    net.load_state_dict(host.state_dict())
    return torch.stack(losses).mean().item(), torch.stack(norms).mean().item()
