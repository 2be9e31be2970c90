# ---
# about: Takes a frame ahead of the one asked for; a gap as long as the kernel counts as longer.
# loses: {feed: 1, limit: 1}
# ---
# %% feed
def feed(batches):
    ahead = None
    for pair in batches:
        now = tuple(t.pin_memory().to("npu:0", non_blocking=True) for t in pair)
        if ahead is not None:
            yield ahead
        ahead = now
    if ahead is not None:
        yield ahead


# %% limit
def limit(kernel):
    def number(name):
        return 0.0 if kernel[name] in {"N/A", ""} else float(kernel[name])

    if number("Wait Time(us)") >= number("Duration(us)"):
        return "launch"
    memory = max(number("aic_mte2_ratio"), number("aiv_mte2_ratio"))
    shares = {"cube": number("aic_mac_ratio"), "vector": number("aiv_vec_ratio"), "memory": memory}
    return max(shares, key=shares.get)
