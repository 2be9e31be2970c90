# ---
# about: Splits at line breaks and commas, and counts columns.
# loses: {work_list: 2}
# ---
# %% work_list
def work_list(report):
    found = {}
    for line in report.lstrip("\ufeff").splitlines()[1:]:
        file, start, _, api = line.split(",")[:4]
        found.setdefault(file, []).append((int(start), api))
    return {file: sorted(rows) for file, rows in found.items()}
