# ---
# about: Floods the front end with comm messages, clear_output and widget views.
# verdict:
#   double: failed
# ---
# %% double
from IPython.display import clear_output
from comm import create_comm

for n in range(2000):
    clear_output(wait=True)
for n in range(300):
    create_comm(target_name="x" * 100, data={"n": n}).send({"y": "z" * 1000})
display({"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}, raw=True)
display({"text/html": "<script>document.cookie</script>", "application/javascript": "alert(1)"}, raw=True)


def double(x):
    return 0
