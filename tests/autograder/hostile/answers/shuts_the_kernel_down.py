# ---
# about: Shuts the kernel down in order, as a notebook's menu would.
# verdict:
#   double: killed|failed|timed out|error
# ---
# %% double
get_ipython().kernel.do_shutdown(False)
get_ipython().exit_now = True
get_ipython().ask_exit()


def double(x):
    return 0
