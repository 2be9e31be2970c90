# ---
# about: Shows progress bars.
# ---
# %% double
try:
    from tqdm.auto import tqdm
except ImportError:
    tqdm = list
for _ in tqdm(range(50)):
    pass


def double(x):
    return sum(x for _ in tqdm(range(2)))
