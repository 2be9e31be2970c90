# ---
# about: Takes the kernel that begins next after the call, instead of following the arrow.
# loses: {follow: 1}
# ---
# %% follow
def follow(events, operator):
    calls = [e for e in events if e.get("cat") == "cpu_op" and e["name"] == operator]
    if not calls:
        return None
    begin = min(float(e["ts"]) for e in calls)
    timed = sorted((e for e in events if "ts" in e), key=lambda e: float(e["ts"]))
    after = [e for e in timed if float(e["ts"]) >= begin]
    kernel = next((e for e in after if "Task Type" in e.get("args", {})), None)
    launch = next((e for e in after if e["name"] == "Node@launch"), None)
    if kernel is None or launch is None:
        return None
    return {
        "kernel": kernel["name"],
        "launch_us": float(launch["dur"]),
        "wait_us": float(kernel["ts"]) - float(launch["ts"]) - float(launch["dur"]),
        "run_us": float(kernel["dur"]),
    }
