# ---
# about: Tries to reach people by a browser, mail or terminal.
# verdict:
#   double: failed
# ---
# %% double
import os
import webbrowser

for way in (
    lambda: webbrowser.open("file://@CANARY@/gradebook.db"),
    lambda: open("/dev/tty", "w").write("x"),
    lambda: open("/dev/console", "w").write("x"),
    lambda: os.write(2, b"\x1b[2J"),
    lambda: os.system("wall x; mail root < /etc/passwd"),
):
    try:
        way()
    except OSError:
        pass


def double(x):
    return 0
