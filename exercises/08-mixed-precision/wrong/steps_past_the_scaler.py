# ---
# about: Unscales and clips well, and then calls the optimizer itself, inf or not.
# loses: {train_step: 1}
# ---
# %% train_step
def train_step(net, optimizer, scaler, batch, max_norm):
    x, y = batch
    optimizer.zero_grad()
    with torch.autocast("npu", dtype=torch.float16):
        loss = nn.functional.mse_loss(net(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(net.parameters(), max_norm)
    optimizer.step()
    scaler.update()
    return loss.detach()
