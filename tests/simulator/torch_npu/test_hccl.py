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
@pytest.mark.parametrize(
    "name", ["collectives", "data_parallel", "directly", "loops", "sharded", "slowest", "uneven"]
)
def test_two_ranks(name):
    """Two ranks started by torchrun do what hccl_ranks.py asserts."""
    torchrun(name)


@pytest.mark.slow
def test_settings_of_a_group():
    """What a group is given at the start stays; a value of the wrong type is told at the first collective."""
    assert torchrun("settings").count("Value type of hccl_algo should be string.") == 2


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"hccl_buffer_size": "200"}, "Value type of hccl_buffer_size should be int."),
        ({"hccl_buffer_size": -1}, "Value type of hccl_buffer_size should be int."),
        ({"group_name": 3}, "Value type of group_name should be string."),
        ({"hccl_exec_timeout": True}, "Value type of hccl_exec_timeout should be int."),
        ({"hccl_exec_timeout": 1 << 31}, r"Value type of hccl_exec_timeout exceeds INT32_MAX\(2147483647\)."),
    ],
)
def test_settings_of_the_wrong_type(config, words):
    """hccl_config is checked when the ranks connect, in the real words."""
    options = torch_npu._C._distributed_c10d.ProcessGroupHCCL.Options()
    options.hccl_config = config
    group = torch_npu._C._distributed_c10d.ProcessGroupHCCL(dist.HashStore(), 0, 1, options)
    with pytest.raises(RuntimeError, match=words + r"\n.*ERR02002 DIST invalid type"):
        group.allreduce([torch.ones(1).npu()])


def test_a_setting_that_is_too_long():
    """It is cut, with a warning."""
    options = torch_npu._C._distributed_c10d.ProcessGroupHCCL.Options()
    options.hccl_config = {"hccl_retry_enable": "x" * 50}
    group = torch_npu._C._distributed_c10d.ProcessGroupHCCL(dist.HashStore(), 0, 1, timedelta(seconds=5))
    group._options = options
    with pytest.warns(UserWarning, match="truncated to 49"):
        group.allreduce([torch.ones(1).npu()])


def test_a_group_takes_its_time_out_by_name_or_in_place():
    """A ProcessGroupHCCL keeps the time-out that it is given after the size, or by name."""
    make = torch_npu._C._distributed_c10d.ProcessGroupHCCL
    given = timedelta(seconds=5)
    groups = make(dist.HashStore(), 0, 1, given), make(dist.HashStore(), 0, 1, timeout=given)
    assert [group._options.op_timeout for group in groups] == [given, given]


@pytest.mark.usefixtures("alone", "own_options")
def test_a_part_of_a_tensor_in_an_internal_format():
    """Such a tensor must begin where its memory begins."""
    torch.npu.config.allow_internal_format = True
    whole = torch_npu.npu_format_cast(torch.ones(4, 16).npu(), torch_npu.Format.FRACTAL_NZ)
    dist.all_reduce(whole)
    with pytest.raises(
        RuntimeError, match=r"storage_offset must be 0\n.*ERR02007 DIST feature not supported"
    ):
        dist.all_reduce(whole[2:])


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
    group = dist.distributed_c10d._get_default_group()
    with pytest.raises(RuntimeError, match=r"Cannot use ReduceOp.BAND with HCCL\n.*ERR02007"):
        dist.all_reduce(torch.ones(2, dtype=torch.int32).npu(), dist.ReduceOp.BAND)
    with pytest.raises(RuntimeError, match=r"HCCL allreduce: Unsupported data type at::kDouble"):
        dist.all_reduce(torch.ones(2, dtype=torch.float64).npu())
    with pytest.raises(RuntimeError, match=r"HCCL reduce_scatter: Unsupported data type at::kByte/at::kBool"):
        dist.reduce_scatter(torch.ones(1).bool().npu(), [torch.ones(1).bool().npu()])
    with pytest.raises(RuntimeError, match="Unsupported data type for HCCL process group"):
        group.broadcast([torch.ones(1, dtype=torch.complex64).npu()], dist.BroadcastOptions())
    with pytest.raises(RuntimeError, match="PreMulSum Data type must be half, float, bfloat16 or double"):
        dist.all_reduce(torch.ones(1).int().npu(), torch_npu.distributed._make_hccl_premul_sum(2.0))
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


def test_the_name_of_a_communicator():
    """A program names it once, before the first collective; wrong names are refused."""
    make = torch_npu._C._distributed_c10d.ProcessGroupHCCL
    group = make(dist.HashStore(), 0, 1)
    for wrong in ("", "x" * 128):
        with pytest.raises(RuntimeError, match="The length of the name must be between 1 and 127"):
            group._set_hccl_comm_name(wrong)
    group._set_hccl_comm_name("mine")
    group._set_hccl_comm_name("mine")
    with pytest.raises(
        RuntimeError, match="cannot be duplicated, Invalid hcclCommName:other, current hcclCommName:mine"
    ):
        group._set_hccl_comm_name("other")
    assert group.get_hccl_comm_name(0) == "mine"
    late = make(dist.HashStore(), 0, 1)
    assert late.get_hccl_comm_name(0) == late.get_hccl_comm_name(0)
    with pytest.raises(RuntimeError, match="cannot be duplicated, Invalid hcclCommName:mine"):
        late._set_hccl_comm_name("mine")
    with pytest.raises(RuntimeError, match="Invalid rank -1"):
        late.get_hccl_comm_name(-1)


@pytest.mark.usefixtures("alone")
def test_lists_that_do_not_fit():
    """A list on another device, or of another length than the group, is refused in the real words."""
    x, far = torch.ones(2).npu(), torch.ones(2).npu(1)
    with pytest.raises(
        RuntimeError, match=r"to reduce_scatter must all reside on the same device\n.*ERR02001"
    ):
        dist.reduce_scatter(x, [far])
    with pytest.raises(RuntimeError, match=r"must match number of collective participants\n.*ERR02001"):
        dist.all_gather([x.clone(), x.clone()], x)


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
