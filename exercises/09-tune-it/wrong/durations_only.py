# ---
# about: Ranks by duration, as op_statistic.csv does, and calls a kernel launch-bound when it is short.
# loses: {rank: 2, limit: 1}
# ---
# %% rank
def rank(kernels, count):
    costs = {}
    for row in kernels:
        costs[row["Type"]] = costs.get(row["Type"], 0.0) + float(row["Duration(us)"])
    return sorted(costs.items(), key=lambda pair: (-pair[1], pair[0]))[:count]


# %% limit
def limit(kernel):
    if float(kernel["Duration(us)"]) < 10:
        return "launch"

    def share(column):
        return 0.0 if kernel[column] in {"N/A", ""} else float(kernel[column])

    busy = {
        "cube": share("aic_mac_ratio"),
        "vector": share("aiv_vec_ratio"),
        "memory": max(share("aic_mte2_ratio"), share("aiv_mte2_ratio")),
    }
    return max(busy, key=busy.get)
