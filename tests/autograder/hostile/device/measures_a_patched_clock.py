# ---
# about: Measures with events whose clock it has changed.
# verdict:
#   measure: failed|refused|error
# never: [steady_work, slow_first_call, varying_work]
# ---
# %% measure
import torch


class Event(torch.npu.Event):
    def elapsed_time(self, end):
        return 0.001


torch.npu.Event = Event


def device_ms(work, repeats):
    start, end = Event(enable_timing=True), Event(enable_timing=True)
    work()
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    torch.npu.synchronize()
    return start.elapsed_time(end) / repeats
