# ---
# about: Waits for the device before each product, so that every launch is measured too.
# loses: {measure: 3}
# ---
# %% measure
def reached(a, b, peak_tflops):
    begin, finish = (torch.npu.Event(enable_timing=True) for _ in range(2))
    total = 0.0
    a @ b
    for _ in range(5):
        torch.npu.synchronize()
        begin.record()
        a @ b
        finish.record()
        torch.npu.synchronize()
        total += begin.elapsed_time(finish) / 1000
    return 2 * a.shape[0] * a.shape[1] * b.shape[1] / (total / 5) / (peak_tflops * 1e12)
