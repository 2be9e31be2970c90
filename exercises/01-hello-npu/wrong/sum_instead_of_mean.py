# ---
# about: Forgets to divide by the number of repeats.
# loses: {measure: 3}
# ---
# %% measure
def device_ms(work, repeats):
    work()
    start = torch.npu.Event(enable_timing=True)
    end = torch.npu.Event(enable_timing=True)
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    torch.npu.synchronize()
    return start.elapsed_time(end)
