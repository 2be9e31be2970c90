# ---
# about: Never calls scaler.update, so the scale stays; the second unscale_ raises.
# loses: {train_step: 3}
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
    scaler.step(optimizer)
    return loss.detach()
