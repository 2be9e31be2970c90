# ---
# about: Takes the prefix off and silences what does not fit.
# loses: {load_weights: 3}
# ---
# %% load_weights
def load_weights(model, state):
    names = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    model.load_state_dict(names, strict=False)
