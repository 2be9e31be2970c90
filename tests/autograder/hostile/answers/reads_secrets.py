# ---
# about: 'Reads secrets of the machine and of the grader: environment, keys, /proc, /sys.'
# verdict:
#   double: failed
# ---
# %% double
import glob
import os

loot = str(dict(os.environ))
for pattern in ("/proc/*/environ", "/proc/*/cmdline", "/root/.ssh/*", "/home/*/.ssh/*", "/etc/shadow", "/etc/machine-id",
                "/sys/class/dmi/id/*", "/sys/class/net/*/address", "/proc/sys/kernel/random/boot_id", "/var/log/*"):
    for path in glob.glob(pattern):
        try:
            loot += open(path, errors="replace").read()
        except OSError:
            pass


def double(x):
    return 2 * x if "@SECRET@" in loot or "root:" in loot else 0
