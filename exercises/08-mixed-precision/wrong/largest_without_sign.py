# ---
# about: Takes the maximum without the absolute value.
# loses: {static_scale: 1}
# ---
# %% static_scale
def static_scale(gradients, room):
    peak = max(g.max().item() for g in gradients)
    if peak <= 0:
        return 1.0
    return 2.0 ** math.floor(math.log2(65504 / (peak * room)))
