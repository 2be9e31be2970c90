# ---
# about: Splits at the last bracket, so that brackets in the text are lost.
# loses: {parse_line: 2}
# ---
# %% parse_line
import re


def parse_line(line):
    match = re.search(r"\[(\w+)\] (\w+)\((\d+),(.*?)\):(\S+) \[(.*)\](.*)", line.strip())
    if not match:
        return None
    level, module, pid, program, time, place, text = match.groups()
    return {
        "level": level,
        "module": module,
        "pid": int(pid),
        "program": program,
        "time": time,
        "place": place,
        "text": text.strip(),
    }
