# ---
# about: Looks for the largest gradient in float16, where small ones are 0.
# loses: {static_scale: 2}
# ---
# %% static_scale
def static_scale(gradients, room):
    peak = max(g.half().abs().max().item() for g in gradients)
    if peak == 0:
        return 1.0
    return 2.0 ** round(math.log2(65504 / (peak * room)))
