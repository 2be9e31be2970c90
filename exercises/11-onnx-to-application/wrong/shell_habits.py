# ---
# about: Quotes the shape as in a terminal, and knows the chip by heart.
# loses: {convert: 3}
# ---
# %% convert
def atc_command(model, output, soc, shape, aipp=None):
    sizes = ",".join(str(s) for s in shape)
    command = ["atc", f"--model={model}", "--framework=5", f"--output={output}", "--soc_version=Ascend910B3"]
    command.append(f'--input_shape="picture:{sizes}"')
    if aipp:
        command.append(f"--insert_op_conf={aipp}")
    return command
