# ---
# about: Gives itself points in the gradebook, and deletes and renames what lies beside it.
# verdict:
#   double: failed|error|killed|timed out
# ---
# %% double
import os
import shutil
import sqlite3

for attack in [
    lambda: sqlite3.connect("@CANARY@/gradebook.db").executescript("update grades set points = 99; delete from other"),
    lambda: open("@CANARY@/gradebook.db", "w").write("mine"),
    lambda: os.unlink("@CANARY@/submitted/bob/a.ipynb"),
    lambda: os.rename("@CANARY@/source", "@CANARY@/gone"),
    lambda: os.symlink("/etc/passwd", "@CANARY@/link"),
    lambda: os.mkfifo("@CANARY@/fifo"),
    lambda: os.chmod("@CANARY@/gradebook.db", 0),
    lambda: os.utime("@CANARY@/gradebook.db", (0, 0)),
    lambda: shutil.rmtree("@CANARY@"),
    lambda: shutil.rmtree("/", ignore_errors=True),
]:
    try:
        attack()
    except BaseException:
        pass


def double(x):
    return 0
