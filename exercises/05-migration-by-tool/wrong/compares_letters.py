# ---
# about: Compares paths letter by letter, so that a folder beside the project is refused and a detour is not.
# loses: {tool_command: 1}
# ---
# %% tool_command
def tool_command(project, output, version, main=None, model="model"):
    import os

    if os.path.normpath(output).startswith(os.path.normpath(project)) and not output.endswith("_out"):
        raise ValueError(output)
    call = ["pytorch_gpu2npu.sh", "-i", project, "-o", output, "-v", version]
    if main:
        call += ["distributed", "-m", main, "-t", model]
    return call
