# ---
# about: Copies the whole film before the first batch, and pins without saying that the copy need not wait.
# loses: {feed: 3}
# ---
# %% feed
def feed(batches):
    return iter([(x.pin_memory().to(device), y.pin_memory().to(device)) for x, y in batches])
