# ---
# about: Adds launch and work of each operator, as if the host waited for each.
# loses: {forward_us: 2}
# ---
# %% forward_us
def forward_us(batch, widths, autocast, launch_us, tflops):
    rate = tflops["float16" if autocast else "float32"] * 1e6
    total = 0.0
    for layer, k in enumerate(widths[:-1]):
        n = widths[layer + 1]
        launches = 1 + (2 + (layer == 0) if autocast else 0)
        total += launches * launch_us + 2 * batch * k * n / rate
    return total
