# ---
# about: Ranks single kernels and not types, and looks at the Cube cores' memory path only.
# loses: {rank: 2, limit: 1}
# ---
# %% rank
def rank(kernels, count):
    costs = [(row["Type"], float(row["Duration(us)"]) + float(row["Wait Time(us)"])) for row in kernels]
    return sorted(costs, key=lambda pair: (-pair[1], pair[0]))[:count]


# %% limit
def limit(kernel):
    if float(kernel["Wait Time(us)"]) > float(kernel["Duration(us)"]):
        return "launch"

    def share(column):
        return 0.0 if kernel[column] in {"N/A", ""} else float(kernel[column])

    busy = {
        "cube": share("aic_mac_ratio"),
        "vector": share("aiv_vec_ratio"),
        "memory": share("aic_mte2_ratio"),
    }
    return max(busy, key=busy.get)
