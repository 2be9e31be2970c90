# ---
# about: Takes the first and the last row for the first begin and the last end.
# loses: {busy: 1}
# ---
# %% busy
def who_is_slow(kernels):
    first, last = kernels[0][0], kernels[-1][0] + kernels[-1][1]
    busy, until = 0.0, first
    for begin, duration in kernels:
        busy += max(0.0, begin + duration - max(begin, until))
        until = max(until, begin + duration)
    share = busy / (last - first)
    return share, "device" if share >= 0.5 else "host"
