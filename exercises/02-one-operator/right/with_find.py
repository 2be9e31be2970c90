# ---
# about: Takes lines apart with partition and no regular expressions, and sweeps over begins and ends.
# ---
# %% parse_line
def parse_line(line):
    line = line.strip()
    head, bracket, text = line.partition("]")
    if not head.startswith("[") or not bracket or not text.startswith(" "):
        return None
    level = head[1:]
    module, opened, rest = text[1:].partition("(")
    who, closed, rest = rest.partition("):")
    pid, comma, program = who.partition(",")
    time, _, rest = rest.partition(" ")
    if not (opened and closed and comma and pid.isdigit() and module.isidentifier() and rest.startswith("[")):
        return None
    place, ended, text = rest[1:].partition("]")
    if not ended:
        return None
    return {
        "level": level,
        "module": module,
        "pid": int(pid),
        "program": program,
        "time": time,
        "place": place,
        "text": text.strip(),
    }


# %% layer
def layer(line):
    import re

    table = """language ASCENDCL
    service OP
    compilation GE FE TBE TEFUSION ATC
    execution RUNTIME HCCL DVPP
    base DRV HDC DEVMM"""
    home = {module: row.split()[0] for row in table.splitlines() for module in row.split()[1:]}
    words = line.split(" ")
    if line.startswith("[") and len(words) > 1 and re.match(r"\w+\(\d+,", words[1]):
        return home.get(words[1].split("(")[0], "unknown")
    for word in re.findall(r"\w+", line):
        for start, digits, name in (
            ("ERR", 5, "service"),
            ("E1", 4, "compilation"),
            ("EE", 4, "execution"),
            ("EI", 4, "execution"),
            ("EJ", 4, "execution"),
            ("EL", 4, "base"),
        ):
            rest = word[len(start) :]
            if word.startswith(start) and rest.isdigit() and len(rest) == digits:
                return name
    return "unknown"


# %% first_error
def first_error(lines):
    best = None
    for line in lines:
        if not line.startswith("[ERROR] ") or "):" not in line:
            continue
        time = line.split("):", 1)[1].split(" ")[0]
        if time[:4].isdigit() and (best is None or time < best[0]):
            best = time, line
    return best and best[1]


# %% time_by_core
def time_by_core(table):
    import csv
    import io
    from collections import Counter

    reader = csv.reader(io.StringIO(table))
    columns = next(reader)
    core, took = columns.index("Accelerator Core"), columns.index("Duration(us)")
    total = Counter()
    for row in reader:
        total[row[core]] += float(row[took])
    return dict(total)


# %% follow
def follow(events, operator):
    timed = sorted((float(e["ts"]), i, e) for i, e in enumerate(events) if "ts" in e)
    ends = {e["id"]: e["ts"] for _, _, e in timed if e["name"] == "torch_to_npu" and e["ph"] == "f"}
    kernels = {e["ts"]: e for _, _, e in timed if "Task Type" in e.get("args", {})}
    launches = {e["args"]["connection_id"]: e for _, _, e in timed if e["name"] == "Node@launch"}
    for begin, _, call in timed:
        if call["name"] != operator or call.get("cat") != "cpu_op":
            continue
        for at, _, arrow in timed:
            during = 0 <= at - begin < float(call["dur"])
            if during and arrow["name"] == "torch_to_npu" and arrow["ph"] == "s":
                kernel = kernels[ends[arrow["id"]]]
                launch = launches[kernel["args"]["connection_id"]]
                return {
                    "kernel": kernel["name"],
                    "launch_us": 1.0 * launch["dur"],
                    "wait_us": float(kernel["ts"]) - (float(launch["ts"]) + launch["dur"]),
                    "run_us": 1.0 * kernel["dur"],
                }
        return None
    return None


# %% busy
def who_is_slow(kernels):
    marks = sorted([(b, 1) for b, _ in kernels] + [(b + d, -1) for b, d in kernels])
    running, busy, before = 0, 0.0, marks[0][0]
    for at, step in marks:
        if running:
            busy += at - before
        running, before = running + step, at
    whole = marks[-1][0] - marks[0][0]
    share = busy / whole if whole else 1.0
    return share, "host" if share < 0.5 else "device"
