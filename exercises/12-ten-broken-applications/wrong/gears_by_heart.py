# ---
# about: Knows the gears of one model, and takes them for those of all.
# loses: {runs: 3}
# ---
# %% runs
def cap(model, frame):
    return means_of(model, frame)


def crate(model, frames):
    batch = np.zeros((8, 3, 8, 8), np.float32)
    batch[: len(frames)] = frames
    places = [put(batch), room(4), room(96)]
    datasets = [bound((places[0], batch.nbytes), (places[1], 4)), bound((places[2], 96))]
    try:
        gear = next(g for g in (1, 2, 4, 8) if g >= len(frames))
        check(acl.mdl.set_dynamic_batch_size(model, datasets[0], 1, gear), "gear")
        check(acl.mdl.execute(model, *datasets), "execute")
        return fetch(places[2], 24).reshape(8, 3)[: len(frames)].tolist()
    finally:
        unbound(*datasets)
        for place in places:
            acl.rt.free(place)
