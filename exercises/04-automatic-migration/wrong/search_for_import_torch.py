# ---
# about: Looks for the text "import torch", also inside the docstring, and never whether it was done.
# loses: {add_import: 3}
# ---
# %% add_import
def add_import(script):
    at = script.index("import torch")
    return script[:at] + "import torch_npu\nfrom torch_npu.contrib import transfer_to_npu\n" + script[at:]
