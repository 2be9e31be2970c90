# ---
# about: Looks at all gradients in one flat vector, keeps masters in a dict, and clears gradients at the end.
# ---
# %% train_step
def train_step(net, optimizer, scaler, batch, max_norm):
    x, y = batch
    with torch.autocast(device_type="npu", dtype=torch.float16):
        prediction = net(x)
        loss = nn.functional.mse_loss(prediction, y)
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(
        [p for g in optimizer.param_groups for p in g["params"]], max_norm=max_norm
    )
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
    return loss.detach().clone()


# %% loss_scale
class LossScale:
    """Dynamic loss scaling, with the gradients looked at as one vector."""

    def __init__(self, value=65536.0, growth=2.0, backoff=0.5, interval=2000):
        self.value, self.growth, self.backoff, self.interval = value, growth, backoff, interval
        self.good = 0

    def scale(self, loss):
        return self.value * loss

    def step(self, optimizer):
        grads = []
        for group in optimizer.param_groups:
            grads.extend(p.grad for p in group["params"] if p.grad is not None)
        flat = torch.cat([g.reshape(-1) for g in grads])
        fine = torch.isfinite(flat).all().item()
        if fine:
            torch._foreach_div_(grads, self.value)
            optimizer.step()
            self.good = (self.good + 1) % self.interval
            if self.good == 0:
                self.value = self.value * self.growth
        else:
            self.good = 0
            self.value = self.value * self.backoff
        return fine


# %% master_sgd
def master_step(params, state, lr, scale=1.0):
    if not state:
        state["copies"] = [torch.nn.Parameter(p.detach().clone().float()) for p in params]
        state["inner"] = torch.optim.SGD(state["copies"], lr=lr)
    state["inner"].param_groups[0]["lr"] = lr
    for p, copy in zip(params, state["copies"], strict=True):
        copy.grad = None if p.grad is None else p.grad.to(torch.float32) / scale
    state["inner"].step()
    for p, copy in zip(params, state["copies"], strict=True):
        p.data.copy_(copy.data)
