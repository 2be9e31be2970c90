# ---
# about: Answers with HTML, a script, ANSI codes and template braces, for those who read it.
# verdict:
#   double: failed
# ---
# %% double
def double(x):
    return '<script>alert(1)</script>\x1b[2J\x1b]0;x\x07{{ 7 * 7 }}{% raw %}\u202e' + '=cmd|calc'
