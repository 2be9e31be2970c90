# ---
# about: Forgets the byte order mark, and fails on every report that the tool writes.
# loses: {work_list: 1}
# ---
# %% work_list
def work_list(report):
    import csv
    import io

    found = {}
    for row in csv.DictReader(io.StringIO(report)):
        found.setdefault(row["File"], set()).add((int(row["Start Line"]), row["OP"]))
    return {file: sorted(rows) for file, rows in found.items()}
