# ---
# about: Leaves the process number as text, and expects python3 as the program.
# loses: {parse_line: 2}
# ---
# %% parse_line
import re


def parse_line(line):
    match = re.match(
        r"\[(?P<level>\w+)\] (?P<module>\w+)\((?P<pid>\d+),(?P<program>python3)\):(?P<time>\S+)"
        r" \[(?P<place>[^\]]*)\] ?(?P<text>.*)",
        line,
    )
    return match.groupdict() if match else None
