# ---
# about: Puts -m and -t with the other options, where -m means ModelArts.
# loses: {tool_command: 1}
# ---
# %% tool_command
def tool_command(project, output, version, main=None, model="model"):
    from pathlib import Path

    if Path(output).resolve().is_relative_to(Path(project).resolve()):
        raise ValueError(output)
    call = ["pytorch_gpu2npu.sh", "-i", project, "-o", output, "-v", version]
    return [*call, "-m", main, "-t", model, "distributed"] if main else call
