# ---
# about: Puts a queue of its own, which copies nothing, in the place of the device's.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
from torch_npu._sim import runtime


class Queue:
    def __init__(self, real):
        self.real = real

    def launch(self, op):
        return self.real.launch(op)

    def copy(self, *a, **k):
        return None


runtime.initialize()


def train(net, optimizer, batches):
    total = 0.0
    runtime.queues[0] = Queue(runtime.queues[0])
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pass
    return total / len(batches)
