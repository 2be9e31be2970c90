# ---
# about: Returns the matrix of all answers instead of a list.
# loses: {serve: 1}
# ---
# %% serve
def serve(questions, books):
    return torch.stack(questions) @ books
