# ---
# about: Opened the notebook, answered nothing.
# ---
