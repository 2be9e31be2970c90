# ---
# about: Takes the first six digits of the line for the code, any level for an error, and 0 for none.
# loses: {first_line: 4}
# ---
# %% first_line
def first_error(text, pid):
    lines = sorted((ln for ln in text.splitlines() if f"({pid}," in ln), key=lambda ln: ln.split("):")[1])
    if not lines:
        return 0
    module = lines[0].split()[1].split("(")[0]
    position = lines[0].split("[")[2].split("]")[0]
    code = re.search(r"\d{6}", lines[0].split("):")[1].split("]")[1])
    return module, position, int(code[0]) if code else 0
