# ---
# about: Clips the gradients before anybody has divided them by the scale.
# loses: {train_step: 2}
# ---
# %% train_step
def train_step(net, optimizer, scaler, batch, max_norm):
    x, y = batch
    optimizer.zero_grad()
    with torch.autocast("npu", dtype=torch.float16):
        loss = nn.functional.mse_loss(net(x), y)
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(net.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
