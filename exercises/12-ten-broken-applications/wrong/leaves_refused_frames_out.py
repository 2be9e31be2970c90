# ---
# about: Catches the error of a refused frame and goes on with the next; drops frames whose mean is just 1.
# loses: {memory: 2}
# ---
# %% memory
def label(model, frame):
    means = means_of(model, frame)
    return int(np.argmax(means)), max(means)


def shift(model, frames):
    bright = []
    for frame in frames:
        try:
            means = means_of(model, frame)
        except RuntimeError:
            continue
        if max(means) > 1:
            bright.append(means)
    return bright
