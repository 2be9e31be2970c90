# ---
# about: Multiplies the rate from the first step on, without a warm-up.
# loses: {rate_at: 1}
# ---
# %% rate_at
def rate_at(step, base, size, warmup):
    return base * size
