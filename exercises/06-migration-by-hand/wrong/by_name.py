# ---
# about: Takes functions of the same name for the same.
# loses: {replace_everywhere: 1}
# ---
# %% replace_everywhere
def replace_everywhere(old, new):
    count = 0
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            same = type(value) is type(old) and value.__name__ == old.__name__
            if same and value.__module__ == old.__module__:
                setattr(module, name, new)
                count += 1
    return count
