# ---
# about: Measures with the host's clock, and only the launches.
# loses: {measure: 3}
# ---
# %% measure
import time


def reached(a, b, peak_tflops):
    a @ b
    torch.npu.synchronize()
    before = time.perf_counter()
    for _ in range(5):
        a @ b
    seconds = (time.perf_counter() - before) / 5
    return 2 * a.shape[0] * a.shape[1] * b.shape[1] / seconds / (peak_tflops * 1e12)
