# ---
# about: Divides by the Cube's rate and knows neither launches nor casts.
# loses: {forward_us: 3}
# ---
# %% forward_us
def forward_us(batch, widths, autocast, launch_us, tflops):
    rate = tflops["float16" if autocast else "float32"] * 1e6
    return launch_us + sum(
        2 * batch * k * n / rate for k, n in ((widths[i], widths[i + 1]) for i in range(len(widths) - 1))
    )
