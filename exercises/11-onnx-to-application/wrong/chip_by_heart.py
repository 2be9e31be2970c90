# ---
# about: Converts for the chip of this machine whatever was asked for, and forgets the settings of AIPP.
# loses: {convert: 2}
# ---
# %% convert
def atc_command(model, output, soc, shape, aipp=None):
    sizes = ",".join(str(s) for s in shape)
    here = acl.get_soc_name()
    return [
        "atc",
        f"--model={model}",
        "--framework=5",
        f"--output={output}",
        f"--soc_version={here}",
        f"--input_shape=picture:{sizes}",
    ]
