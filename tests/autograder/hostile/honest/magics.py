# ---
# about: Uses magics and shell commands.
# ---
# %% double
%matplotlib inline
%precision 3
%timeit -n1 -r1 sum(range(100))
!echo hello
%pwd
files = !ls
%time x = 3

def double(x):
    return 2 * x
