# ---
# about: Counts `in` as a comparison.
# loses: {find_silent: 1}
# ---
# %% find_silent
def find_silent(source):
    import ast

    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            if node.attr == "is_cuda":
                found.append((node.lineno, "is_cuda"))
            if text.startswith("torch.cuda.") and text[11:] in SILENT:
                found.append((node.lineno, text))
        if isinstance(node, ast.Compare):
            inside = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            if "cuda" in inside:
                found.append((node.lineno, "cuda"))
    return sorted(found)
