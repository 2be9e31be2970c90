# ---
# about: Adds the import at the end of the imports, where people add imports.
# loses: {add_import: 1}
# ---
# %% add_import
def add_import(script):
    import ast

    if "\nfrom torch_npu.contrib import transfer_to_npu\n" in script:
        return script
    last = [n for n in ast.parse(script).body if isinstance(n, (ast.Import, ast.ImportFrom))][-1].end_lineno
    lines = script.splitlines(keepends=True)
    lines.insert(last, "import torch_npu\nfrom torch_npu.contrib import transfer_to_npu\n")
    return "".join(lines)
