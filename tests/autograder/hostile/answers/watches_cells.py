# ---
# about: Has every later cell told to it, and answers the grader's signed question with its own.
# verdict:
#   double: failed
# ---
# %% double
import sys

orders = []


def before(info):
    orders.append(info.raw_cell)
    if "camp.ask" in info.raw_cell:
        text = info.raw_cell.replace("double(x)", "2 * x")
        try:
            exec(text)
        except BaseException:
            pass


get_ipython().events.register("pre_run_cell", before)
sys.addaudithook(lambda event, args: orders.append(args) if event == "camp.ask" else None)


def double(x):
    return 0
