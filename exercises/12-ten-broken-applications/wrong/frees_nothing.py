# ---
# about: Frees nothing at all in label, so that nothing is freed twice; shift frees its last frame alone.
# loses: {memory: 3}
# ---
# %% memory
def label(model, frame):
    places = [put(frame), room(12)]
    check(acl.mdl.execute(model, bound((places[0], frame.nbytes)), bound((places[1], 12))), "execute")
    means = fetch(places[1], 3)
    return int(means.argmax()), float(means.max())


def shift(model, frames):
    bright = []
    for frame in frames:
        inside, outside = put(frame), room(12)
        check(acl.mdl.execute(model, bound((inside, frame.nbytes)), bound((outside, 12))), "execute")
        means = fetch(outside, 3).tolist()
        if max(means) >= 1:
            bright.append(means)
    acl.rt.free(inside)
    acl.rt.free(outside)
    return bright
