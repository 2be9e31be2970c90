# ---
# about: Sorts the lines as text and turns them into numbers afterwards.
# loses: {work_list: 3}
# ---
# %% work_list
def work_list(report):
    import csv
    import io

    found = {}
    for row in csv.DictReader(io.StringIO(report.removeprefix("\ufeff"))):
        found.setdefault(row["File"], set()).add((row["Start Line"], row["OP"]))
    return {file: [(int(line), api) for line, api in sorted(rows)] for file, rows in found.items()}
