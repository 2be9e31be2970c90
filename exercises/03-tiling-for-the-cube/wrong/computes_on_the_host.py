# ---
# about: Brings everything to the host, computes there, and leaves the answers there.
# loses: {serve: 3}
# ---
# %% serve
def serve(questions, books):
    table = books.cpu()
    return [question.cpu() @ table for question in questions]
