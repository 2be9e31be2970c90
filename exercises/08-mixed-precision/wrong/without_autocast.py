# ---
# about: Scales and clips, and computes in float32 all the time.
# loses: {train_step: 2}
# ---
# %% train_step
def train_step(net, optimizer, scaler, batch, max_norm):
    x, y = batch
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(net.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
