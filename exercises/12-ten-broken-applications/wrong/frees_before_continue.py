# ---
# about: Frees in label behind the copy and again at the end; frees dark frames in shift, not refused ones.
# loses: {memory: 2}
# ---
# %% memory
def label(model, frame):
    places = [put(frame), room(12)]
    datasets = [bound((places[0], frame.nbytes)), bound((places[1], 12))]
    try:
        check(acl.mdl.execute(model, *datasets), "execute")
        means = fetch(places[1], 3)
        check(acl.rt.free(places[1]), "free")
        return int(means.argmax()), float(means.max())
    finally:
        unbound(*datasets)
        for place in places:
            acl.rt.free(place)


def shift(model, frames):
    bright = []
    for frame in frames:
        inside, outside = put(frame), room(12)
        datasets = [bound((inside, frame.nbytes)), bound((outside, 12))]
        check(acl.mdl.execute(model, *datasets), "execute")
        means = fetch(outside, 3).tolist()
        unbound(*datasets)
        acl.rt.free(inside)
        acl.rt.free(outside)
        if max(means) >= 1:
            bright.append(means)
    return bright
