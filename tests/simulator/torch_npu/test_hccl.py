"""The backend "hccl": collectives between the NPUs of one machine."""

import os
import re
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch_npu

RANKS = Path(__file__).with_name("hccl_ranks.py")


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def torchrun(name, **environment):
    """Runs one function of hccl_ranks.py on two ranks; returns what they printed."""
    command = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={free_port()}"]
    done = subprocess.run(
        [sys.executable, *command, str(RANKS), name],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def alone(machine):
    """A group of one rank, in this process."""
    dist.init_process_group(
        "hccl", store=dist.HashStore(), rank=0, world_size=1, timeout=timedelta(seconds=5)
    )
    yield machine
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["collectives", "data_parallel", "sharded", "slowest"])
def test_two_ranks(name):
    """Two ranks started by torchrun do what hccl_ranks.py asserts."""
    torchrun(name)


@pytest.mark.slow
def test_a_program_that_spawns_its_ranks():
    """torch.multiprocessing.spawn works as torchrun does."""
    done = subprocess.run(
        [sys.executable, str(RANKS), "spawn"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | {"MASTER_PORT": free_port()},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok") == 2


@pytest.mark.slow
def test_a_rank_that_never_arrives():
    """After HCCL_CONNECT_TIMEOUT the others are told, with the real code and the way out."""
    said = torchrun("missing", HCCL_CONNECT_TIMEOUT="2")
    assert re.search(r"ERR02200 DIST call hccl api failed", said)
    assert "EI0006: Getting socket times out" in said
    assert "Remote Rank did not send the data in time (2 s)" in said


@pytest.mark.slow
def test_a_rank_that_leaves_out_a_collective():
    """After HCCL_EXEC_TIMEOUT the others are told, with the real code."""
    said = torchrun("late", HCCL_EXEC_TIMEOUT="2")
    assert "EI0002: The wait execution of the Notify register times out" in said
    assert "ERR02200 DIST call hccl api failed" in said


@pytest.mark.slow
def test_two_ranks_on_one_device():
    """A program that forgot set_device is told what to call."""
    said = torchrun("one_device")
    assert "ranks 0 and 1 both use device 0" in said
    assert "torch.npu.set_device" in said


@pytest.mark.usefixtures("alone")
def test_a_tensor_that_is_not_contiguous():
    """It is refused in the real words; contiguous() helps."""
    x = torch.ones(3, 4).npu().t()
    with pytest.raises(RuntimeError, match=r"Tensors must be contiguous\n.*ERR02002 DIST invalid type"):
        dist.all_reduce(x)
    dist.all_reduce(x.contiguous())


@pytest.mark.usefixtures("alone")
def test_a_tensor_of_the_host():
    """With the backend hccl alone, a CPU tensor has no backend."""
    with pytest.raises(RuntimeError, match="No backend type associated with device type cpu"):
        dist.all_reduce(torch.ones(2))


def test_backends_for_host_and_device():
    """With cpu:gloo,npu:hccl both kinds of tensor are carried."""
    dist.init_process_group("cpu:gloo,npu:hccl", store=dist.HashStore(), rank=0, world_size=1)
    try:
        for x in (torch.ones(2), torch.ones(2).npu()):
            dist.all_reduce(x)
            assert x.tolist() == [1, 1]
    finally:
        dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_what_hccl_cannot_reduce():
    """Bitwise operators and types that HCCL lacks are refused in the real words."""
    with pytest.raises(RuntimeError, match=r"Cannot use ReduceOp.BAND with HCCL\n.*ERR02007"):
        dist.all_reduce(torch.ones(2, dtype=torch.int32).npu(), dist.ReduceOp.BAND)
    with pytest.raises(RuntimeError, match=r"HCCL allReduce: Unsupported data type at::kDouble"):
        dist.all_reduce(torch.ones(2, dtype=torch.float64).npu())
    with pytest.raises(RuntimeError, match="does not support recv"):
        dist.recv(torch.ones(2).npu())
    with pytest.raises(RuntimeError, match="does not divide equally across group size"):
        torch_npu.distributed._process_group._check_split([], torch.ones(3), 2)


def test_the_group_knows_its_name(alone):
    """The backend's name, rank and size, and the availability of HCCL."""
    assert dist.get_backend() == "hccl"
    assert (dist.get_rank(), dist.get_world_size()) == (0, 1)
    assert torch_npu.distributed.is_available()
    assert dist.is_hccl_available()
    whole = torch.zeros(3).npu()
    torch_npu.distributed.all_gather_into_tensor_uneven(whole, torch.ones(3).npu())
    part = torch.zeros(3).npu()
    torch_npu.distributed.reduce_scatter_tensor_uneven(part, whole)
    assert part.tolist() == [1, 1, 1]
    assert torch_npu.distributed.reinit_process_group() is not None
    dist.all_reduce(part)
    names = [r.name for r in alone.records if r.category == "collective"]
    assert names == ["hcom_broadcast", "hcom_reduceScatter", "hcom_allReduce"]


def test_a_port_in_use():
    """A port that another program holds is named in PyTorch's own words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"(?s)failed to .*{port}.*[Aa]ddress already in use"):
            dist.init_process_group("hccl", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)


def test_a_backend_that_does_not_exist():
    """Nccl is not there without transfer_to_npu, and PyTorch says so."""
    with pytest.raises((RuntimeError, ValueError), match=r"(?i)nccl|invalid backend"):
        dist.init_process_group("nccl", store=dist.HashStore(), rank=0, world_size=1)


def test_wrong_time_outs(monkeypatch):
    """A time-out that is no number is refused with its value."""
    monkeypatch.setenv("HCCL_CONNECT_TIMEOUT", "soon")
    dist.init_process_group("hccl", store=dist.HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(RuntimeError, match="HCCL_CONNECT_TIMEOUT='soon' is invalid"):
            dist.all_reduce(torch.ones(1).npu())
    finally:
        dist.destroy_process_group()
