# ---
# about: Splits a line of text at blanks, so that a folder with a blank becomes two words.
# loses: {tool_command: 2}
# ---
# %% tool_command
from pathlib import Path


def tool_command(project, output, version, main=None, model="model"):
    if Path(project).resolve() in [Path(output).resolve(), *Path(output).resolve().parents]:
        raise ValueError(output)
    line = f"pytorch_gpu2npu.sh -i {project} -o {output} -v {version}"
    if main:
        line += f" distributed -m {main} -t {model}"
    return line.split()
