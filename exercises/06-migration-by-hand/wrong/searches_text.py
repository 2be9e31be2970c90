# ---
# about: Searches lines for words, in strings and comments as well.
# loses: {find_silent: 3}
# ---
# %% find_silent
def find_silent(source):
    found = []
    for number, line in enumerate(source.split("\n"), 1):
        text = line.split("#")[0]
        found += [(number, "is_cuda")] * text.count(".is_cuda")
        found += [(number, "torch.cuda." + name) for name in SILENT if f"torch.cuda.{name}" in text]
        if "== 'cuda'" in text or '== "cuda"' in text or "'cuda' !=" in text or '"cuda" ==' in text:
            found.append((number, "cuda"))
    return sorted(found)
