# ---
# about: Gives the names of built-in functions to something else.
# ---
# %% double
list = [1, 2]
sum = 0
input = dict = str = type = id = max = None
dir = "data"
print = lambda *a: None

def double(x):
    return 2 * x

# %% total
def total(numbers):
    result = 0
    for n in numbers:
        result += n
    return result
