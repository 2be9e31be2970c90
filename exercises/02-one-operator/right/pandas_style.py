# ---
# about: One pattern for the log, tables as lists of dicts, intervals merged one after the other.
# ---
# %% parse_line
import re

PLOG = re.compile(
    r"^\[(DEBUG|INFO|WARNING|ERROR|EVENT)\] ([A-Z0-9_]+)\((\d+),([^)]+)\):([\d.:-]+) \[([^\]]+)\]\s*(.*?)\s*$"
)


def parse_line(line):
    match = PLOG.match(line)
    if not match:
        return None
    keys = ("level", "module", "pid", "program", "time", "place", "text")
    parts = dict(zip(keys, match.groups(), strict=True))
    parts["pid"] = int(parts["pid"])
    return parts


# %% layer
import re


def layer(line):
    log = re.match(r"\[\w+\] ([A-Z0-9_]+)\(\d+,", line)
    if log:
        if log[1] in ("GE", "FE", "TBE", "TEFUSION", "ATC"):
            return "compilation"
        if log[1] in ("RUNTIME", "HCCL", "DVPP"):
            return "execution"
        if log[1] in ("DRV", "HDC", "DEVMM"):
            return "base"
        return {"ASCENDCL": "language", "OP": "service"}.get(log[1], "unknown")
    code = re.search(r"(?<!\w)(?:ERR\d{5}|E1\d{4}|E[EIJL]\d{4})(?!\w)", line)
    if not code:
        return "unknown"
    letters = {"R": "service", "1": "compilation", "L": "base"}
    return letters.get(code[0][1], "execution")


# %% first_error
import re


def first_error(lines):
    plog = [line for line in lines if re.match(r"\[ERROR\] [A-Z]+\(\d+,", line)]
    plog.sort(key=lambda line: re.search(r"\):([\d:.-]+)", line)[1])
    return plog[0] if plog else None


# %% time_by_core
import csv


def time_by_core(table):
    rows = list(csv.DictReader(table.split("\n")))
    cores = {row["Accelerator Core"] for row in rows}
    return {c: sum(float(r["Duration(us)"]) for r in rows if r["Accelerator Core"] == c) for c in cores}


# %% follow
def follow(events, operator):
    def when(event):
        return float(event["ts"])

    def having(event, key, value):
        return (event.get("args") or {}).get(key) == value

    calls = sorted((e for e in events if e.get("name") == operator and e.get("cat") == "cpu_op"), key=when)
    if not calls:
        return None
    until = when(calls[0]) + float(calls[0]["dur"])
    arrows = [e for e in events if e.get("cat") == "async_npu"]
    leaving = sorted((e for e in arrows if e["ph"] == "s"), key=when)
    leaving = [e for e in leaving if when(calls[0]) <= when(e) < until]
    if not leaving:
        return None
    [landing] = [when(e) for e in arrows if e["ph"] == "f" and e["id"] == leaving[0]["id"]]
    tasks = [e for e in events if "Task Type" in (e.get("args") or {})]
    kernel = min(tasks, key=lambda e: abs(when(e) - landing))
    number = kernel["args"]["connection_id"]
    [launch] = [e for e in events if e.get("name") == "Node@launch" and having(e, "connection_id", number)]
    return {
        "kernel": kernel["name"],
        "launch_us": float(launch["dur"]),
        "wait_us": when(kernel) - when(launch) - float(launch["dur"]),
        "run_us": float(kernel["dur"]),
    }


# %% busy
def who_is_slow(kernels):
    merged = []
    for begin, duration in sorted(kernels):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], begin + duration)
        else:
            merged.append([begin, begin + duration])
    busy = sum(end - begin for begin, end in merged)
    share = busy / (merged[-1][1] - merged[0][0])
    return share, ("host", "device")[share >= 0.5]
