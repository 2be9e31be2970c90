# ---
# about: Finds functions only where they are called.
# loses: {find_silent: 1}
# ---
# %% find_silent
def find_silent(source):
    import ast

    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "is_cuda":
            found.append((node.lineno, "is_cuda"))
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            if text.startswith("torch.cuda.") and text[11:] in SILENT:
                found.append((node.lineno, text))
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            sides = [node.left, node.comparators[0]]
            if any(isinstance(side, ast.Constant) and side.value == "cuda" for side in sides):
                found.append((node.lineno, "cuda"))
    return sorted(found)
