# ---
# about: Takes the prefix off if all names have it, without a look at the model.
# loses: {load_weights: 2}
# ---
# %% load_weights
def load_weights(model, state):
    if all(name.startswith("module.") for name in state):
        state = {name[7:]: tensor for name, tensor in state.items()}
    model.load_state_dict(state)
