# ---
# about: Times with the host's clock. It synchronises, as one should, but device time is what was asked for.
# loses: {measure: 3}
# ---
# %% measure
import time


def device_ms(work, repeats):
    work()
    torch.npu.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    torch.npu.synchronize()
    return (time.perf_counter() - start) * 1000 / repeats
