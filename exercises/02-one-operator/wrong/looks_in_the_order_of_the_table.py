# ---
# about: Asks for one layer's codes after the other's, so that not the first code of the line decides.
# loses: {layer: 1}
# ---
# %% layer
import re

HOMES = {
    "language": "ASCENDCL",
    "service": "OP",
    "compilation": "GE FE TBE TEFUSION ATC",
    "execution": "RUNTIME HCCL DVPP",
    "base": "DRV HDC DEVMM",
}
CODES = {"service": r"ERR\d{5}", "compilation": r"E1\d{4}", "execution": r"E[EIJ]\d{4}", "base": r"EL\d{4}"}


def layer(line):
    log = re.match(r"\[\w+\] (\w+)\(\d+,", line)
    if log:
        return next((name for name, modules in HOMES.items() if log[1] in modules.split()), "unknown")
    return next((name for name, code in CODES.items() if re.search(rf"\b{code}\b", line)), "unknown")
