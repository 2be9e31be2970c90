# ---
# about: Copies cap's frame and still looks at no code; runs crate with the largest gear, always.
# loses: {runs: 2}
# ---
# %% runs
def cap(model, frame):
    inside, outside = put(frame), room(12)
    datasets = [bound((inside, frame.nbytes)), bound((outside, 12))]
    acl.mdl.execute(model, *datasets)
    means = fetch(outside, 3)
    unbound(*datasets)
    for place in (inside, outside):
        acl.rt.free(place)
    return means.tolist()


def crate(model, frames):
    batch = np.zeros((8, 3, 8, 8), np.float32)
    batch[: len(frames)] = frames
    places = [put(batch), room(4), room(96)]
    datasets = [bound((places[0], batch.nbytes), (places[1], 4)), bound((places[2], 96))]
    try:
        check(acl.mdl.set_dynamic_batch_size(model, datasets[0], 1, 8), "gear")
        check(acl.mdl.execute(model, *datasets), "execute")
        return fetch(places[2], 24).reshape(8, 3)[: len(frames)].tolist()
    finally:
        unbound(*datasets)
        for place in places:
            acl.rt.free(place)
