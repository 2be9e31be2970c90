# ---
# about: Divides by the number of steps of the warm-up, also where there is none.
# loses: {rate_at: 1}
# ---
# %% rate_at
def rate_at(step, base, size, warmup):
    return base + (size - 1) * base * min(1.0, step / warmup)
