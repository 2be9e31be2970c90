# ---
# about: Measures from the very first call on.
# loses: {measure: 1}
# ---
# %% measure
def device_ms(work, repeats):
    start = torch.npu.Event(enable_timing=True)
    end = torch.npu.Event(enable_timing=True)
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    torch.npu.synchronize()
    return start.elapsed_time(end) / repeats
