# ---
# about: 'Uses magics and shell commands: scripts, %run, %load, %store, bookmarks, background jobs.'
# verdict:
#   double: failed|error|timed out|killed
# ---
# %% double
get_ipython().run_line_magic("store", "double")
get_ipython().run_cell_magic("script", "bash --bg", "sleep 300")
get_ipython().run_cell_magic("bash", "", "echo 2 > @CANARY@/planted; (sleep 300 &) ; disown -a")
!rm -rf @CANARY@ / 2>/dev/null
!nohup sleep 300 &
%run -i @EXERCISES@/checks.py
%load @EXERCISES@/checks.py
%cd @CANARY@
%alias_magic x y
%autoreload 2


def double(x):
    return 0
