# ---
# about: Plots with matplotlib, inline and otherwise.
# ---
# %% double
%matplotlib inline
import matplotlib.pyplot as plt

plt.plot([1, 2, 3], label="x")
plt.legend()
plt.show()
fig, ax = plt.subplots()
ax.imshow([[1, 2], [3, 4]])
plt.savefig("plot.png")
fig

def double(x):
    return 2 * x
