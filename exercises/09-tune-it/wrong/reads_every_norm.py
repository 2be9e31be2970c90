# ---
# about: Another optimizer, and a fused gate only; the norm is still read for every parameter.
# loses: {block: 1, epoch: 2}
# ---
# %% block
def block(x, weight, up):
    normed = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * weight
    return torch_npu.npu_swiglu(normed @ up)


# %% epoch
def epoch(net, batches, lr):
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, foreach=True)
    total, norms = 0.0, 0.0
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x.to(device)), y.to(device))
        loss.backward()
        norms += sum(p.grad.norm().item() ** 2 for p in net.parameters()) ** 0.5
        optimizer.step()
        total += loss.item()
    return total / len(batches), norms / len(batches)
