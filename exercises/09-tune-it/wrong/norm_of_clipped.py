# ---
# about: Takes the norm by clipping at one, which changes the gradient; halves of the gate exchanged.
# loses: {block: 3, epoch: 5}
# ---
# %% block
def block(x, weight, up):
    normed, _ = torch_npu.npu_rms_norm(x, weight, 1e-6)
    left, right = (normed @ up).chunk(2, -1)
    return torch_npu.npu_swiglu(torch.cat([right, left], -1))


# %% epoch
def epoch(net, batches, lr):
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, foreach=True)
    losses, norms = [], []
    for x, y in batches:
        frame = x.pin_memory().to(device, non_blocking=True)
        target = y.pin_memory().to(device, non_blocking=True)
        loss = nn.functional.mse_loss(net(frame), target)
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(net.parameters(), 1.0))
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean().item(), torch.stack(norms).mean().item()
