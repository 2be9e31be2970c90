# ---
# about: Gives the old function the new one's code, so that nobody can call the old one any more.
# loses: {replace_everywhere: 2}
# ---
# %% replace_everywhere
def replace_everywhere(old, new):
    known = sum(
        value is old
        for module in list(sys.modules.values())
        if module
        for value in list(vars(module).values())
    )
    old.__code__ = new.__code__
    return known
