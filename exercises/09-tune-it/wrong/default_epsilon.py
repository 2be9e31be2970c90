# ---
# about: Another epsilon in the norm, and the norm of the gradient as a tensor on the device.
# loses: {block: 1, epoch: 5}
# ---
# %% block
def block(x, weight, up):
    normed, _ = torch_npu.npu_rms_norm(x, weight, 1e-5)
    return torch_npu.npu_swiglu(normed @ up)


# %% epoch
def epoch(net, batches, lr):
    parameters = list(net.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=lr, foreach=True)
    losses, norms = [], []
    for x, y in batches:
        frame = x.pin_memory().to(device, non_blocking=True)
        target = y.pin_memory().to(device, non_blocking=True)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(frame), target)
        loss.backward()
        norms.append(nn.utils.get_total_norm([p.grad for p in parameters]))
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean(), torch.stack(norms).mean()
