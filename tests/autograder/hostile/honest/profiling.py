# ---
# about: Profiles and times its answer.
# ---
# %% double
import cProfile
import timeit

print(timeit.timeit("1 + 1", number=10))
with cProfile.Profile() as profile:
    sum(range(10))
profile.print_stats()
%prun sum(range(10))

def double(x):
    return 2 * x
