"""Executing an offline model through acl, against ONNX Runtime on the same graph; prints figures as JSON."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["NPUSIM_SOC"] = "Ascend310P3"

import acl
import numpy as np
import onnxruntime
import torch
from atc.cli import main as atc
from click.testing import CliRunner
from torch import nn

ROUNDS = 60


def network() -> nn.Module:
    """A convolutional network of the size that an edge application runs."""
    layers: list[nn.Module] = []
    width = 3
    for out in (32, 64, 128, 256):
        layers += [nn.Conv2d(width, out, 3, 2, 1), nn.ReLU(), nn.Conv2d(out, out, 3, 1, 1), nn.ReLU()]
        width = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 1000)).eval()


def main() -> None:
    """Print the ratio of lower quartiles, measured in turns: a busy machine disturbs them least."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        torch.onnx.export(network(), torch.zeros(1, 3, 224, 224), "m.onnx", input_names=["x"], dynamo=False)
        line = "--model=m.onnx --framework=5 --output=m --soc_version=Ascend310P3"
        done = CliRunner().invoke(atc, line.split())
        if done.exit_code:
            sys.exit(done.output)
        acl.init()
        acl.rt.set_device(0)
        model, _ = acl.mdl.load_from_file(str(Path(folder) / "m.om"))
        x = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)
        sets = []
        for size in (x.nbytes, 4000):
            ptr, _ = acl.rt.malloc(size, 0)
            dataset = acl.mdl.create_dataset()
            acl.mdl.add_dataset_buffer(dataset, acl.create_data_buffer(ptr, size))
            sets.append((dataset, ptr))
        acl.rt.memcpy(sets[0][1], x.nbytes, acl.util.numpy_to_ptr(x), x.nbytes, 1)
        session = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
        ours, theirs = [], []
        for number in range(ROUNDS + 5):
            start = time.perf_counter()
            ret = acl.mdl.execute(model, sets[0][0], sets[1][0])
            middle = time.perf_counter()
            session.run(None, {"x": x})
            end = time.perf_counter()
            if ret:
                sys.exit(acl.get_recent_err_msg())
            if number >= 5:  # warm
                ours.append(middle - start)
                theirs.append(end - middle)
        os.chdir("/")
    ratio = statistics.quantiles(ours, n=4)[0] / statistics.quantiles(theirs, n=4)[0]
    figure = {
        "name": "acl_execute_vs_onnxruntime",
        "value": round(ratio, 2),
        "unit": "times",
        "against": "at most 1.15",
    }
    print(json.dumps([figure]))


if __name__ == "__main__":
    main()
