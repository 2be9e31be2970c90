# ---
# about: Takes a script that only mentions the import, in a remark, for one that is migrated.
# loses: {add_import: 1}
# ---
# %% add_import
import ast


def add_import(script):
    if "transfer_to_npu" in script:
        return script
    for node in ast.parse(script).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] == "torch" for name in names):
            lines = script.splitlines(keepends=True)
            lines[node.lineno - 1 : node.lineno - 1] = [
                "import torch_npu\n",
                "from torch_npu.contrib import transfer_to_npu\n",
            ]
            return "".join(lines)
    return script
