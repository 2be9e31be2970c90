# ---
# about: Looks for a launch that begins during the call, although another thread launches later.
# loses: {follow: 2}
# ---
# %% follow
def follow(events, operator):
    calls = [e for e in events if e.get("cat") == "cpu_op" and e["name"] == operator]
    if not calls:
        return None
    call = min(calls, key=lambda e: float(e["ts"]))
    begin, end = float(call["ts"]), float(call["ts"]) + float(call["dur"])
    launches = [e for e in events if e.get("name") == "Node@launch" and begin <= float(e["ts"]) < end]
    if not launches:
        return None
    launch = min(launches, key=lambda e: float(e["ts"]))
    number = launch["args"]["connection_id"]
    kernels = [e for e in events if "Task Type" in e.get("args", {})]
    kernel = next(e for e in kernels if e["args"]["connection_id"] == number)
    return {
        "kernel": kernel["name"],
        "launch_us": float(launch["dur"]),
        "wait_us": float(kernel["ts"]) - float(launch["ts"]) - float(launch["dur"]),
        "run_us": float(kernel["dur"]),
    }
