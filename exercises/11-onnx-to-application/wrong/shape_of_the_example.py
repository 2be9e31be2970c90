# ---
# about: Writes the example's sizes, and turns the file of AIPP into two words.
# loses: {convert: 2}
# ---
# %% convert
def atc_command(model, output, soc, shape, aipp=None):
    command = [
        "atc",
        f"--model={model}",
        "--framework=5",
        f"--output={output}",
        f"--soc_version={soc}",
        f"--input_shape=picture:{shape[0]},3,64,64",
    ]
    if aipp:
        command += ["--insert_op_conf", aipp]
    return command
