# ---
# about: A loop with another name for the product.
# loses: {serve: 2}
# ---
# %% serve
def serve(questions, books):
    return [torch.matmul(question, books) for question in questions]
