"""The system calls that a learner's code is refused, as a seccomp filter.

A filter, not an allow-list: PyTorch and NumPy must work with versions and processors that nobody has tried.
What is refused is what reaches around the other walls (mounts, other processes, new namespaces), what takes
memory that no limit counts, and large parts of Linux that a notebook has no use for.

Sources: seccomp(2), linux/filter.h; numbers from the kernel's asm/unistd_64.h and asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from dataclasses import dataclass

from camp.warm import linux

# name: (x86_64, aarch64); None where that machine has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # mounts and root folders
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # namespaces
    "unshare": (272, 97),
    "setns": (308, 268),
    # memory that no limit counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # large doors into the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "modify_ldt": (154, None),
    # the machine itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    "nfsservctl": (180, 42),
    "lookup_dcookie": (212, 18),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_SOCKET, _SOCKETPAIR, _CONNECT = (41, 198), (53, 199), (42, 203)
_IOCTL = (16, 29)
_SIGNALS = {"kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "pidfd": (424, 424)}
_TGKILL, _RT_TGSIGQUEUEINFO = (234, 131), (297, 240)

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_TYPE_MASK, _SOCK_STREAM, _SOCK_SEQPACKET = 0xF, 1, 5
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_SECCOMP_MODE_FILTER, _PR_SET_SECCOMP = 2, 22


@dataclass(frozen=True)
class Rules:
    """Which doors are shut besides those that always are.

    Attributes:
        local_only: refuse the network and new connections to sockets of other programs. Needed where the
            network is the machine's own.
        own_signals: refuse signals to any other process than this one. Needed where the other processes
            of the same user can be reached.
    """

    local_only: bool = False
    own_signals: bool = False


def install(rules: Rules, pid: int) -> None:
    """Put the filter on this process, for good; its children inherit it. Needs no_new_privs.

    Args:
        rules: what to shut besides.
        pid: this process's id, the only one that signals may go to under `own_signals`.

    Raises:
        OSError: this Linux has no seccomp filters, or the processor is not known.
    """
    code = program(rules, pid, linux.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer)), struct.calcsize("HxxxxxxP")
    )
    linux.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def program(rules: Rules, pid: int, machine: str) -> bytes:
    """The filter as BPF instructions of eight bytes each."""
    which = 0 if machine == "x86_64" else 1
    code = [_op(_LOAD, 4), _op(_IF_EQUAL, _AUDIT_ARCH[machine], 1, 0), _op(_RETURN, _KILL), _op(_LOAD, 0)]
    if machine == "x86_64":  # the 32-bit numbering of the same calls would pass by the list
        code += [_op(_IF_AT_LEAST, _X32_BIT, 0, 1), _op(_RETURN, _KILL)]
    for numbers in _REFUSED.values():
        code += _when(numbers[which], [_refuse(errno.EPERM)])
    code += _when(
        _CLONE3[which], [_refuse(errno.ENOSYS)]
    )  # its flags lie in memory: libc falls back to clone
    code += _when(_CLONE[which], _if_bits(0, linux.ALL_NAMESPACES & ~linux.CLONE_NEWTIME, errno.EPERM))
    code += _when(_IOCTL[which], _unless(1, (_TIOCSTI, _TIOCLINUX), errno.EPERM, inside=False))
    code += _sockets(rules, which)
    if rules.own_signals:
        code += _signals(pid, which)
    return b"".join([*code, _op(_RETURN, _ALLOW)])


def _sockets(rules: Rules, which: int) -> list[bytes]:
    if not rules.local_only:
        families = (_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK)
        return _when(_SOCKET[which], _unless(0, families, errno.EAFNOSUPPORT))
    # A datagram socket can send to any path without connecting, so only streams are left.
    kinds = _unless(1, (_SOCK_STREAM, _SOCK_SEQPACKET), errno.EPERM, mask=_SOCK_TYPE_MASK)
    family = _unless(0, (_AF_UNIX,), errno.EAFNOSUPPORT, final=False)
    return [
        *_when(_SOCKET[which], family + kinds),
        *_when(_SOCKETPAIR[which], kinds),
        *_when(_CONNECT[which], [_refuse(errno.EPERM)]),
    ]


def _signals(pid: int, which: int) -> list[bytes]:
    """Refuse signals, but those of a process to itself or, for tgkill, to one of its threads."""
    code: list[bytes] = []
    for numbers in _SIGNALS.values():
        code += _when(numbers[which], _unless(0, (pid, 0), errno.EPERM))
    for numbers in (_TGKILL, _RT_TGSIGQUEUEINFO):
        code += _when(numbers[which], _unless(0, (pid,), errno.EPERM))
    return code


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value & 0xFFFFFFFF)


def _refuse(code: int) -> bytes:
    return _op(_RETURN, _ERRNO | code)


def _when(number: int | None, body: list[bytes]) -> list[bytes]:
    """Run `body`, which ends in a return, when this is the system call."""
    return [] if number is None else [_op(_IF_EQUAL, number, 0, len(body)), *body]


def _argument(index: int) -> int:
    """Where the low half of an argument lies in the filter's data (little-endian machines)."""
    return 16 + 8 * index


def _if_bits(index: int, bits: int, code: int) -> list[bytes]:
    """Refuse if any of `bits` is set in an argument."""
    return [_op(_LOAD, _argument(index)), _op(_IF_ANY_BIT, bits, 0, 1), _refuse(code), _op(_RETURN, _ALLOW)]


def _unless(  # noqa: PLR0913 - each is one fact of the same test
    index: int, values: tuple[int, ...], code: int, *, mask: int = 0, inside: bool = True, final: bool = True
) -> list[bytes]:
    """Allow if an argument is one of `values`, else refuse; the other way round with inside=False."""
    hit = [_op(_RETURN, _ALLOW)] if final else []
    miss = [_refuse(code)]
    if not inside:
        hit, miss = [_refuse(code)], [_op(_RETURN, _ALLOW)]
    tests = [_op(_IF_EQUAL, value, len(values) - 1 - n + len(miss), 0) for n, value in enumerate(values)]
    masked = [_op(_AND, mask)] if mask else []
    return [_op(_LOAD, _argument(index)), *masked, *tests, *miss, *hit]
