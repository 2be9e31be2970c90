# ---
# about: Adds up durations, so that kernels of two streams count twice.
# loses: {busy: 2}
# ---
# %% busy
def who_is_slow(kernels):
    first = min(begin for begin, _ in kernels)
    last = max(begin + duration for begin, duration in kernels)
    share = sum(duration for _, duration in kernels) / (last - first)
    return share, "device" if share >= 0.5 else "host"
