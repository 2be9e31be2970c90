# ---
# about: Takes every product for a square one, and knows the peak by heart.
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
    return 2 * a.shape[0] ** 3 / (begin.elapsed_time(finish) / 5000) / 73.7e12
