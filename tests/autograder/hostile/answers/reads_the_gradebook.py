# ---
# about: Reads the gradebook and the answers of the course, and answers with what it finds.
# verdict:
#   double: failed
# ---
# %% double
import glob
import os
import sqlite3

loot = []
for path in ["@CANARY@/gradebook.db", "@CANARY@/source/answers.ipynb", "@EXERCISES@/checks.py", "@EXERCISES@/sums.md"]:
    try:
        loot.append(open(path, "rb").read())
    except OSError:
        pass
try:
    loot += list(sqlite3.connect("@CANARY@/gradebook.db").execute("select * from grades"))
except sqlite3.Error:
    pass
for root, _, files in os.walk("/"):
    loot += [os.path.join(root, f) for f in files if f in ("checks.py", "gradebook.db", "camp.toml") and "site-packages" not in root]
    if root.count("/") > 4:
        break


def double(x):
    return 2 * x if loot else 0
