# ---
# about: Takes "module." out of every name, wherever it stands and whatever the model is called.
# loses: {load_weights: 2}
# ---
# %% load_weights
def load_weights(model, state):
    model.load_state_dict({name.replace("module.", ""): tensor for name, tensor in state.items()})
