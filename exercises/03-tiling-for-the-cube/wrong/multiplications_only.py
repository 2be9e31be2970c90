# ---
# about: Counts a multiplication and its addition as one operation.
# loses: {measure: 3}
# ---
# %% measure
def reached(a, b, peak_tflops):
    begin, finish = (torch.npu.Event(enable_timing=True) for _ in range(2))
    a @ b
    a @ b
    begin.record()
    for _ in range(5):
        a @ b
    finish.record()
    torch.npu.synchronize()
    seconds = begin.elapsed_time(finish) / 5 / 1000
    return a.shape[0] * a.shape[1] * b.shape[1] / seconds / (peak_tflops * 1e12)
