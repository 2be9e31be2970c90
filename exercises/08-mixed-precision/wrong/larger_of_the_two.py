# ---
# about: Takes for each operator the larger of launch and work, and lets no launch hide behind a product.
# loses: {forward_us: 2}
# ---
# %% forward_us
def forward_us(batch, widths, autocast, launch_us, tflops):
    rate = tflops["float16" if autocast else "float32"] * 1e6
    total = 0.0
    for layer, k in enumerate(widths[:-1]):
        n = widths[layer + 1]
        if autocast:
            total += (3 if layer == 0 else 2) * launch_us
        total += max(launch_us, 2 * batch * k * n / rate)
    return total
