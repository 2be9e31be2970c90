# ---
# about: Adds the waiting time of each kernel to its duration.
# loses: {time_by_core: 3}
# ---
# %% time_by_core
import csv


def time_by_core(table):
    total = {}
    for row in csv.DictReader(table.splitlines()):
        core = row["Accelerator Core"]
        total[core] = total.get(core, 0.0) + float(row["Duration(us)"]) + float(row["Wait Time(us)"])
    return total
