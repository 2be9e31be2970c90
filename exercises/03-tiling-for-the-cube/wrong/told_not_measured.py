# ---
# about: Knows what the notebook's product reached, and measures nothing.
# loses: {measure: 3}
# ---
# %% measure
def reached(a, b, peak_tflops):
    return 0.81 * 73.7 / peak_tflops
