# ---
# about: Puts the import before everything, docstring and __future__ included.
# loses: {add_import: 2}
# ---
# %% add_import
def add_import(script):
    second = "from torch_npu.contrib import transfer_to_npu\n"
    if second in script:
        return script
    return "import torch_npu\n" + second + script
