"""Trainings with a fault, recorded and timed on a machine of their own."""

import npusim
import pytest
import torch
from torch import nn
from torch_npu import profiler
from torch_npu._sim import runtime

STEPS = 3


@pytest.fixture(autouse=True)
def machine():
    """A machine of its own for every test."""
    npusim.reset()
    torch.npu.init()
    runtime.rebuild()
    torch.npu.set_device(0)
    return npusim.node()


class Loop:
    """A training step over and over: recorded, or timed on the virtual clock.

    Args:
        make: gives a function that trains one step and returns its loss, as a tensor or a number.
    """

    def __init__(self, make):
        self.make = make

    def record(self, folder, **options):
        """Profiles STEPS steps; the folder that the profiler made."""
        step = self.make()
        kinds = [profiler.ProfilerActivity.CPU, profiler.ProfilerActivity.NPU]
        with profiler.profile(
            activities=options.pop("activities", kinds),
            schedule=profiler.schedule(wait=0, warmup=1, active=STEPS, repeat=1),
            experimental_config=profiler._ExperimentalConfig(profiler_level=profiler.ProfilerLevel.Level1),
            on_trace_ready=profiler.tensorboard_trace_handler(str(folder)),
            record_shapes=True,
            with_stack=True,
            **options,
        ) as prof:
            for _ in range(1 + STEPS):
                step()
                prof.step()
        return next(folder.glob("*_ascend_pt"))

    def time(self):
        """Nanoseconds of a step on the virtual clock, and the losses."""
        step = self.make()
        losses = [step()]
        torch.npu.synchronize()
        begin = npusim.node().host.now
        losses += [step() for _ in range(STEPS)]
        torch.npu.synchronize()
        spent = npusim.node().host.now - begin
        return spent // STEPS, torch.tensor([float(loss) for loss in losses])


def make_network(width=64, layers=3):
    """Linear layers with activations between."""
    torch.manual_seed(3)
    inner = [part for _ in range(layers) for part in (nn.Linear(width, width), nn.GELU())]
    return nn.Sequential(*inner, nn.Linear(width, 4)).to("npu:0")


def make_data(rows=32, width=64):
    """A batch on the host."""
    torch.manual_seed(4)
    return torch.randn(rows, width), torch.randint(0, 4, (rows,))
