# ---
# about: Writes down what the screen shows, where cap met no code; takes 507008 for one of the model runner.
# loses: {findings: 6}
# ---
# %% findings
def findings():
    return {
        "gate": (107002, "rt", "thread"),
        "belt": (107003, "rt", "stream"),
        "label": (107000, "rt", "released"),
        "shift": (0, "nobody", "full"),
        "press": ("E10016", "atc", "name"),
        "spare": (507008, "ge", "chip"),
        "cap": (0, "nobody", "early"),
        "crate": (145013, "ge", "gear"),
        "rinse": (0, "nobody", "early"),
        "camera": (0, "nobody", "apart"),
    }
