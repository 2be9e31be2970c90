# ---
# about: Has the codes right, and guesses the causes (a damaged file, a buffer that is too small).
# loses: {findings: 2}
# ---
# %% findings
def findings():
    return {
        "gate": (107002, "rt", "begun"),
        "belt": (107003, "rt", "thread"),
        "label": (107000, "rt", "released"),
        "shift": (0, "nobody", "kept"),
        "press": ("E10016", "atc", "name"),
        "spare": (507008, "rt", "damaged"),
        "cap": (107000, "rt", "host"),
        "crate": (145013, "ge", "short"),
        "rinse": (0, "nobody", "early"),
        "camera": (0, "nobody", "apart"),
    }
