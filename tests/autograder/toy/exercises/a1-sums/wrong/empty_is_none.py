# ---
# about: Returns nothing for the empty list.
# loses: {total: 1}
# ---
# %% total
def total(numbers):
    if numbers:
        return sum(numbers)
