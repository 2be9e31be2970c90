# ---
# about: Writes the name of the plant's network where the wrong one stood.
# loses: {conversion: 3}
# ---
# %% conversion
def press(path, output, sizes):
    shape = ",".join(map(str, sizes))
    soc = acl.get_soc_name()
    return [
        "atc",
        f"--model={path}",
        "--framework=5",
        f"--output={output}",
        f"--soc_version={soc}",
        f"--input_shape=frame:{shape}",
    ]
