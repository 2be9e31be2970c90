# ---
# about: Looks for module names and codes anywhere in the line.
# loses: {layer: 2}
# ---
# %% layer
import re


def layer(line):
    codes = {"ERR": "service", "E1": "compilation", "EE": "execution", "EI": "execution", "EJ": "execution"}
    code = re.search(r"(ERR|E1|EE|EI|EJ|EL)\d{4}", line)
    if code:
        return codes.get(code[1], "base")
    table = {
        "ASCENDCL": "language",
        "OP": "service",
        "compilation": "compilation",
        "GE": "compilation",
        "FE": "compilation",
        "TBE": "compilation",
        "TEFUSION": "compilation",
        "ATC": "compilation",
        "RUNTIME": "execution",
        "HCCL": "execution",
        "DVPP": "execution",
        "DRV": "base",
        "HDC": "base",
        "DEVMM": "base",
    }
    return next((table[word] for word in re.findall(r"[A-Z]+", line) if word in table), "unknown")
