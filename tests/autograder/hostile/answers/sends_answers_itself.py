# ---
# about: Sends what looks like a probe's answer, signed by nobody, before the kernel does.
# verdict:
#   double: failed
# ---
# %% double
def double(x):
    from IPython.display import display

    for data in (2 * x, [1, str(2 * x), "[]", "00" * 64], [99, "4", "[]", ""], {"result": 2 * x}, "4", None):
        display({"application/vnd.cann-camp.data+json": data}, raw=True)
    return 0
