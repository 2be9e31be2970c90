# ---
# about: Warms up, then measures a single call.
# loses: {measure: 1}
# ---
# %% measure
def device_ms(work, repeats):
    work()
    start = torch.npu.Event(enable_timing=True)
    end = torch.npu.Event(enable_timing=True)
    start.record()
    work()
    end.record()
    torch.npu.synchronize()
    return start.elapsed_time(end)
