# ---
# about: Takes whichever arrow of the call stands first in the list, though a call may start two kernels.
# loses: {follow: 1}
# ---
# %% follow
def follow(events, operator):
    timed = [e for e in events if "ts" in e]
    calls = [e for e in timed if e.get("cat") == "cpu_op" and e["name"] == operator]
    if not calls:
        return None
    call = min(calls, key=lambda e: float(e["ts"]))
    begin, end = float(call["ts"]), float(call["ts"]) + call["dur"]
    arrows = [e for e in timed if e["name"] == "torch_to_npu"]
    for arrow in arrows:
        if arrow["ph"] != "s" or not begin <= float(arrow["ts"]) < end:
            continue
        [at] = [e["ts"] for e in arrows if e["ph"] == "f" and e["id"] == arrow["id"]]
        [kernel] = [e for e in timed if e["ts"] == at and "Task Type" in e.get("args", {})]
        number = kernel["args"]["connection_id"]
        [launch] = [e for e in timed if e["name"] == "Node@launch" and e["args"]["connection_id"] == number]
        return {
            "kernel": kernel["name"],
            "launch_us": float(launch["dur"]),
            "wait_us": float(kernel["ts"]) - float(launch["ts"]) - launch["dur"],
            "run_us": float(kernel["dur"]),
        }
    return None
