# ---
# about: Stacks eight questions at a time, and leaves half of each block empty.
# loses: {serve: 1}
# ---
# %% serve
def serve(questions, books):
    answers = []
    for first in range(0, len(questions), 8):
        answers += (torch.stack(questions[first : first + 8]) @ books).unbind()
    return answers
