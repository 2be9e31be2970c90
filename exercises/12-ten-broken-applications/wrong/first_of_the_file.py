# ---
# about: Takes the first line of the file for the first in time.
# loses: {first_line: 2}
# ---
# %% first_line
def first_error(text, pid):
    for line in text.splitlines():
        found = re.match(rf"\[ERROR\] (\w+)\({pid},[^)]*\):\S+ \[([^\]]+)\] ?\d+ (.*)", line)
        if found:
            code = re.search(r"\b\d{6}\b", found[3])
            return found[1], found[2], int(code[0]) if code else 0
    return None
