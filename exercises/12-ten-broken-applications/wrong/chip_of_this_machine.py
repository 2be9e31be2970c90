# ---
# about: Corrects the chip to the one that this machine has today.
# loses: {conversion: 1}
# ---
# %% conversion
def press(path, output, sizes):
    name = onnx.load(path).graph.input[0].name
    shape = f"{name}:{','.join(map(str, sizes))}"
    return [
        "atc",
        f"--model={path}",
        "--framework=5",
        f"--output={output}",
        "--soc_version=Ascend910B3",
        f"--input_shape={shape}",
    ]
