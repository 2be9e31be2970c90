# ---
# about: Writes the paths into the call as it resolved them, which is not what the user typed.
# loses: {tool_command: 2}
# ---
# %% tool_command
from pathlib import Path


def tool_command(project, output, version, main=None, model="model"):
    home, result = Path(project).resolve(), Path(output).resolve()
    if result.is_relative_to(home):
        raise ValueError(f"{output} is in {project}")
    call = ["pytorch_gpu2npu.sh", "-i", str(home), "-o", str(result), "-v", version]
    return [*call, "distributed", "-m", main, "-t", model] if main else call
