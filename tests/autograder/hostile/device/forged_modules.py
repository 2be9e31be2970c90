# ---
# about: Puts modules of its own in the place of those that the collection is made with.
# verdict:
#   keep_on_device: failed|refused|error
# never: [reads_once, device_time]
# ---
# %% keep_on_device
import hashlib
import sys
import types

fake = types.ModuleType("hashlib")
fake.sha256 = fake.blake2b = lambda *a, **k: types.SimpleNamespace(update=lambda b: None, hexdigest=lambda: "0" * 64)
for name in ("hashlib", "json", "types", "npusim.machine", "npusim", "torch_npu._sim.runtime"):
    sys.modules[name] = fake
hashlib.sha256 = fake.sha256


def train(net, optimizer, batches):
    total = 0.0
    pass
    for x, y in batches:
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pass
    return total / len(batches)
