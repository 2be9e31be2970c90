# ---
# about: Has names, comments and texts in other alphabets.
# ---
# %% double
# 两倍 двойной ×2 😀
def удвоить(число):
    """两倍。"""
    return 2 * число


double = удвоить
print("昇腾 😀")
