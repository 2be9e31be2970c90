# ---
# about: Prints HTML, scripts, ANSI codes and what looks like the grader's own words.
# verdict:
#   double: error|failed
# ---
# %% double
print("<script>alert(1)</script><img src=x onerror=alert(1)>")
print("\x1b[2J\x1b[1;31mPASSED 2/2\x1b[0m\x1b]8;;http://example.com\x07link")
print("points: 2/2", "\u202e", "\x00", "\ud800")
raise Exception("<script>alert(1)</script>\x1b[2J" * 10)
