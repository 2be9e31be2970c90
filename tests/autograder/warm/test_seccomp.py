"""The filter of system calls, interpreted here as Linux would."""

from __future__ import annotations

import errno
import struct

import pytest
from camp.warm import linux, seccomp
from hypothesis import given
from hypothesis import strategies as st

ALLOW, KILL = 0x7FFF0000, 0x80000000
WHICH = {"x86_64": 0, "aarch64": 1}
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def verdict(code: bytes, arch: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What a BPF program returns for a system call (the instructions of linux/filter.h that seccomp has)."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<iIQ6Q", number, arch, 0, *padded)
    program = [struct.unpack_from("HBBI", code, at) for at in range(0, len(code), 8)]
    at, value = 0, 0
    while True:
        op, yes, no, k = program[at]
        at += 1
        if op == 0x20:
            value = struct.unpack_from("<I", data, k)[0]
        elif op == 0x54:
            value &= k
        elif op == 0x06:
            return k
        else:
            hit = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[op]
            at += yes if hit else no


def refused(code: int) -> int:
    """The verdict that makes a call fail with an error code."""
    return 0x00050000 | code


machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
rules = pytest.mark.parametrize(
    "rules", [seccomp.Rules(), seccomp.Rules(local_only=True, own_signals=True)], ids=["apart", "shared"]
)


@machines
@rules
def test_each_call_of_the_list_is_refused(machine, rules):
    """Every listed call returns EPERM, whatever its arguments."""
    code = seccomp.program(rules, 7, machine)
    for numbers in seccomp._REFUSED.values():
        number = numbers[WHICH[machine]]
        if number is not None:
            assert verdict(code, ARCH[machine], number) == refused(errno.EPERM)
            assert verdict(code, ARCH[machine], number, (2**64 - 1,) * 6) == refused(errno.EPERM)


@machines
@given(number=st.integers(0, 600), arguments=st.tuples(*[st.integers(0, 2**64 - 1)] * 6))
def test_each_call_that_is_not_listed_is_allowed(machine, number, arguments):
    """What is on no list passes, so that libraries work."""
    which = WHICH[machine]
    listed = {numbers[which] for numbers in seccomp._REFUSED.values()}
    special = {seccomp._CLONE, seccomp._CLONE3, seccomp._SOCKET, seccomp._IOCTL}
    code = seccomp.program(seccomp.Rules(), 7, machine)
    if number not in listed | {numbers[which] for numbers in special}:
        assert verdict(code, ARCH[machine], number, arguments) == ALLOW


@machines
def test_another_numbering_of_calls_is_fatal(machine):
    """A 32-bit call, or one in the x32 numbering, would pass by the list, so it ends the process."""
    code = seccomp.program(seccomp.Rules(), 7, machine)
    assert verdict(code, 0x40000003, 20) == KILL
    if machine == "x86_64":
        assert verdict(code, ARCH[machine], 0x40000000 | 101) == KILL


@machines
def test_threads_and_processes_but_no_namespaces(machine):
    """Threads and processes can be made, namespaces cannot; clone3 is absent, so libc takes clone."""
    code, which = seccomp.program(seccomp.Rules(), 7, machine), WHICH[machine]
    for flags in (17, 0x3D0F00, 0x1200011):
        assert verdict(code, ARCH[machine], seccomp._CLONE[which], (flags,)) == ALLOW
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(code, ARCH[machine], seccomp._CLONE[which], (bit | 17,)) == refused(errno.EPERM)
    assert verdict(code, ARCH[machine], seccomp._CLONE3[which]) == refused(errno.ENOSYS)


@machines
def test_sockets_where_the_network_is_shared(machine):
    """Only local streams can be made, and none connected; pairs of datagram sockets are refused too."""
    code, which = seccomp.program(seccomp.Rules(local_only=True), 7, machine), WHICH[machine]
    arch, make, pair = ARCH[machine], seccomp._SOCKET[which], seccomp._SOCKETPAIR[which]
    assert verdict(code, arch, make, (1, 1 | 0o2000000, 0)) == ALLOW
    assert verdict(code, arch, make, (1, 2, 0)) == refused(errno.EPERM)
    assert verdict(code, arch, make, (1, 3, 0)) == refused(errno.EPERM)
    assert verdict(code, arch, make, (2, 1, 0)) == refused(errno.EAFNOSUPPORT)
    assert verdict(code, arch, pair, (1, 1, 0)) == ALLOW
    assert verdict(code, arch, pair, (1, 2, 0)) == refused(errno.EPERM)
    assert verdict(code, arch, seccomp._CONNECT[which]) == refused(errno.EPERM)


@machines
def test_signals_where_the_process_table_is_shared(machine):
    """A process may signal itself and its group, nobody else, and not everybody."""
    code, which = seccomp.program(seccomp.Rules(own_signals=True), 7, machine), WHICH[machine]
    kill = seccomp._SIGNALS["kill"][which]
    assert verdict(code, ARCH[machine], kill, (7, 9)) == ALLOW
    assert verdict(code, ARCH[machine], kill, (0, 9)) == ALLOW
    for pid in (-1 & 2**64 - 1, 1, 8, -7 & 2**64 - 1):
        assert verdict(code, ARCH[machine], kill, (pid, 9)) == refused(errno.EPERM)
    assert verdict(code, ARCH[machine], seccomp._TGKILL[which], (7, 9, 6)) == ALLOW
    assert verdict(code, ARCH[machine], seccomp._TGKILL[which], (8, 8, 6)) == refused(errno.EPERM)


def test_this_machine_is_known():
    """The filter can be made for the machine that the tests run on."""
    assert seccomp.program(seccomp.Rules(), 1, linux.machine())
