"""Compares the losses of two trainings, step by step, and gives a verdict: the command `loss-compare`.

What the first look at a migrated model's accuracy is: the curve of the reference (a GPU, or the CPU) and that
of the NPU, from the same seed, data and initial weights.
"""
