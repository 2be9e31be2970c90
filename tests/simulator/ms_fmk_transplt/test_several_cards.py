"""Converted projects on two cards, run for real: the launcher, a log for each rank, one model on all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from ms_fmk_transplt import gpu2npu

ONE_CARD = """\
import argparse
import json

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.05)
    args = parser.parse_args()
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    data = TensorDataset(x, x.sum(1, keepdim=True))
    model = nn.Linear(8, 1)
    model = model.cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    loader = DataLoader(data, batch_size=16, shuffle=True, drop_last=True)
    for epoch in range(4):
        for step, (inputs, targets) in enumerate(loader):
            loss = nn.functional.mse_loss(model(inputs.cuda()), targets.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    weights = [p.detach().cpu().flatten().tolist() for p in model.parameters()]
    print(json.dumps({"steps": step + 1, "device": torch.cuda.current_device(), "lr": args.lr,
                      "loss": loss.item(), "weights": weights}))


if __name__ == "__main__":
    main()
"""

DDP = """\
import json
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel as DDP


def main():
    rank = int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl")
    torch.manual_seed(rank)  # the ranks begin unlike each other
    device = torch.device(f"cuda:{rank}")
    model = DDP(nn.Linear(8, 1).to(device), device_ids=[rank])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05 * dist.get_world_size())
    for _ in range(5):
        inputs = torch.randn(16, 8, device=device)
        loss = (model(inputs) - inputs.sum(1, keepdim=True)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = [p.detach().cpu().flatten().tolist() for p in model.parameters()]
    print(json.dumps({"device": str(device), "backend": dist.get_backend(), "weights": weights}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
"""


@pytest.fixture
def port():
    """A port of localhost that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def converted(tmp_path, text, *more):
    """The folder of the converted project."""
    source, out = tmp_path / "net", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    (source / "main.py").write_text(text, encoding="utf-8")
    options = ["-i", str(source), "-o", str(out), "-v", "2.1.0", *more]
    result = CliRunner().invoke(gpu2npu.main, options)
    assert result.exit_code == 0, result.output
    return next(out.iterdir())


def run(command, folder):
    """Run it there with this Python first on the path; a run that fails shows all logs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    logs = {p.name: p.read_text(encoding="utf-8") for p in sorted(folder.rglob("*.log"))}
    assert done.returncode == 0, (done.stdout, done.stderr, logs)
    return done.stdout, logs


def said(log):
    """The line of results in a log."""
    return json.loads(next(line for line in log.splitlines() if line.startswith("{")))


@pytest.mark.slow
def test_the_launcher_trains_a_project_for_one_card_on_two(tmp_path, port):
    """`distributed` and run_distributed_npu.sh, lightly edited, train one model on two cards, a log each."""
    folder = converted(tmp_path, ONE_CARD, "distributed", "-m", "main.py")
    launcher = folder / "run_distributed_npu.sh"
    text = launcher.read_text(encoding="utf-8")
    for old, new in (
        ("seq 0 7", "seq 0 1"),
        ("29688", port),
        ("please input your shell script here", "python main.py --lr 0.1"),  # twice the batch, twice the rate
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    launcher.write_text(text, encoding="utf-8")
    output, logs = run(["bash", str(launcher)], folder)
    assert output.splitlines() == ["run process 0", "run process 1"]
    assert set(logs) >= {"output_npu_0.log", "output_npu_1.log"}
    first, second = (said(logs[f"output_npu_{rank}.log"]) for rank in (0, 1))
    assert (first["device"], second["device"]) == (0, 1)
    assert first["steps"] == second["steps"] == 256 // 16 // 2  # each sees half of the data
    assert first["loss"] != second["loss"]  # another half
    assert first["weights"] == second["weights"]  # and yet one model
    assert max(first["loss"], second["loss"]) < 0.1
    assert first["lr"] == 0.1


@pytest.mark.slow
def test_a_ddp_project_of_cuda_trains_on_two_cards(tmp_path, port):
    """What was DDP over NCCL is DDP over HCCL after the tool; torchrun starts it, each rank has its log."""
    folder = converted(tmp_path, DDP)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={port}"]
    run([*command, "--redirects=3", "--log-dir=ranks", "main.py"], folder)
    logs = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("ranks/**/stdout.log"))]
    first, second = map(said, logs)
    assert (first["device"], second["device"]) == ("npu:0", "npu:1")
    assert first["backend"] == "hccl"
    assert first["weights"] == second["weights"]
