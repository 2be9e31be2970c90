# ---
# about: Begins the warm-up at zero instead of at the rate for one card.
# loses: {rate_at: 2}
# ---
# %% rate_at
def rate_at(step, base, size, warmup):
    return base * size * min(1.0, step / warmup) if warmup else base * size
