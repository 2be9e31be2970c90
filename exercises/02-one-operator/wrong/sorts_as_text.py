# ---
# about: Compares the times of a trace as text, where 990 comes after 1000.
# loses: {follow: 1}
# ---
# %% follow
def follow(events, operator):
    calls = [e for e in events if e.get("cat") == "cpu_op" and e["name"] == operator]
    if not calls:
        return None
    call = min(calls, key=lambda e: e["ts"])
    begin, end = float(call["ts"]), float(call["ts"]) + float(call["dur"])
    arrows = [e for e in events if e.get("name") == "torch_to_npu"]
    starts = [e for e in arrows if e["ph"] == "s" and begin <= float(e["ts"]) < end]
    if not starts:
        return None
    start = min(starts, key=lambda e: e["ts"])
    finish = next(e for e in arrows if e["ph"] == "f" and e["id"] == start["id"])
    kernel = next(e for e in events if "Task Type" in e.get("args", {}) and e["ts"] == finish["ts"])
    number = kernel["args"]["connection_id"]
    launches = [e for e in events if e.get("name") == "Node@launch"]
    launch = next(e for e in launches if e["args"]["connection_id"] == number)
    return {
        "kernel": kernel["name"],
        "launch_us": float(launch["dur"]),
        "wait_us": float(kernel["ts"]) - float(launch["ts"]) - float(launch["dur"]),
        "run_us": float(kernel["dur"]),
    }
