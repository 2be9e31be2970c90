# ---
# about: Casts the input of every layer, although the layer before gave float16.
# loses: {forward_us: 2}
# ---
# %% forward_us
def forward_us(batch, widths, autocast, launch_us, tflops):
    rate = tflops["float16" if autocast else "float32"] * 1e6
    host = device = 0.0
    for k, n in ((widths[i], widths[i + 1]) for i in range(len(widths) - 1)):
        host += launch_us * (4 if autocast else 1)
        device = max(device, host) + 2 * batch * k * n / rate
    return device
