# ---
# about: Replaces the function in its own module only, and the notebook's name.
# loses: {replace_everywhere: 2}
# ---
# %% replace_everywhere
def replace_everywhere(old, new):
    home = sys.modules[old.__module__]
    count = 0
    for name, value in list(vars(home).items()):
        if value is old:
            setattr(home, name, new)
            count += 1
    return count
