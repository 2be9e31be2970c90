# ---
# about: Is indented with tabs, and ends in blanks.
# ---
# %% double
def double(x):
	if x:
		return 2 * x   
	return 0   


   
