# ---
# about: Leaves tensors on the host, in a subclass that says they are on the device.
# verdict:
#   move_data: failed|refused|error
# never: [values_survive]
# ---
# %% move_data
import torch


class Liar(torch.Tensor):
    @property
    def device(self):
        return torch.device("npu:0")

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def to_device(batch, device):
    return {name: t.as_subclass(Liar) for name, t in batch.items()}
