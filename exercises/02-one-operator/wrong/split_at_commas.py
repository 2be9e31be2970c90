# ---
# about: Splits rows at every comma, and knows the columns by heart.
# loses: {time_by_core: 2}
# ---
# %% time_by_core
def time_by_core(table):
    total = {}
    for row in table.splitlines()[1:]:
        cells = row.split(",")
        total[cells[3]] = total.get(cells[3], 0.0) + float(cells[5])
    return total
