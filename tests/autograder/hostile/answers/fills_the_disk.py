# ---
# about: Fills every folder that it may write, with few large and with many small files.
# verdict:
#   double: failed|error|timed out|killed
# ---
# %% double
import os

for folder in (".", "/tmp", "/dev/shm", "/home", "/var/tmp", "/run"):
    for size, count in ((1 << 26, 20), (0, 30_000)):
        try:
            for n in range(count):
                with open(os.path.join(folder, f"f{size}-{n}"), "wb") as file:
                    file.write(bytes(size))
        except OSError:
            pass


def double(x):
    return 0
