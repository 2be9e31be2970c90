# ---
# about: Opened the notebook, ran what was given, answered nothing.
# ---
