# ---
# about: Sends every code that begins with E to the execution layer, as the log's modules are known.
# loses: {layer: 2}
# ---
# %% layer
import re


def layer(line):
    log = re.match(r"\[[A-Z]+\] (\w+)\(\d+,", line)
    if log:
        homes = {
            "language": ["ASCENDCL"],
            "service": ["OP"],
            "compilation": ["GE", "FE", "TBE", "TEFUSION", "ATC"],
            "execution": ["RUNTIME", "HCCL", "DVPP"],
            "base": ["DRV", "HDC", "DEVMM"],
        }
        return next((name for name, modules in homes.items() if log[1] in modules), "unknown")
    return "execution" if re.search(r"E[A-Z]*\d+", line) else "unknown"
