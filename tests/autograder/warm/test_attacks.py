"""What a hostile notebook tries, it tries in vain: nothing happens outside, and the grader lives on.

Everything that the attacks go for is made world-writable on purpose, so that the sandbox alone protects it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest
from camp.warm import Backend, Limits, linux
from camp.warm.limits import MIB

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
REFUSED = ("PermissionError", "FileNotFoundError", "OSError", "NotADirectoryError", "ConnectionRefusedError")


@pytest.fixture
def course(tmp_path):
    """A course folder that everyone may read and write."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith("pytest-"):
            folder.chmod(0o777)
    files = {"gradebook.db": "grades", "source/answers.ipynb": "answers", "submitted/bob/a.ipynb": "work"}
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o666)
        path.parent.chmod(0o777)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """The files below a folder and what is in them."""
    return {str(p): p.read_text(encoding="utf-8") for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("name", ["gradebook.db", "source/answers.ipynb", "submitted/bob/a.ipynb"])
@pytest.mark.parametrize("mode", ["r", "a", "w"])
def test_files_of_the_course_cannot_be_opened(warm, course, name, mode):
    """The gradebook, the answers and others' work can be neither read nor written nor emptied."""
    before = contents(course)
    with warm() as kernel:
        assert kernel.run(f"open({str(course / name)!r}, {mode!r})").startswith(REFUSED)
        assert kernel.run("1 + 1") == ""
    assert contents(course) == before


def test_files_of_the_course_cannot_be_deleted(warm, course):
    """Nothing outside can be removed, renamed or replaced by a link."""
    before = contents(course)
    with warm() as kernel:
        kernel.run(f"import shutil; shutil.rmtree({str(course)!r}, ignore_errors=True)")
        kernel.run(f"import os; os.rename({str(course / 'gradebook.db')!r}, 'mine')")
        kernel.run(f"os.symlink('/etc/passwd', {str(course / 'new')!r})")
    assert contents(course) == before
    assert not (course / "new").exists()


@pytest.mark.parametrize(
    "path",
    [ROOT / "exercises" / "camp.toml", ROOT / "pyproject.toml", Path("/etc/shadow"), Path("/etc/machine-id")],
    ids=str,
)
def test_files_of_the_machine_cannot_be_read(warm, path):
    """The exercises' sources with their answers, and the machine's secrets, are out of reach."""
    with warm() as kernel:
        assert kernel.run(f"print(open({str(path)!r}).read())").startswith(REFUSED)


def test_files_of_the_graders_home_cannot_be_read(warm, tmp_path_factory):
    """Keys and settings in the home folder of whoever grades are out of reach."""
    home = tmp_path_factory.mktemp("home")
    (home / "id_rsa").write_text("key", encoding="utf-8")
    with warm() as kernel:
        assert kernel.run(f"import os; os.listdir({str(home)!r})").startswith(REFUSED)
        assert kernel.run(f"open({str(home / 'id_rsa')!r})").startswith(REFUSED)
        assert str(Path.home()) not in kernel.run("print(os.path.expanduser('~'))")


def test_the_environment_of_the_grader_stays_outside(warm, monkeypatch):
    """A secret in the grader's environment is in neither the kernel's nor its ancestors'."""
    monkeypatch.setenv("CLASS_TOKEN", "s3cret-of-the-class")
    with warm() as kernel:
        seen = kernel.run(
            "import os, glob\n"
            "print(dict(os.environ))\n"
            "for path in glob.glob('/proc/*/environ'):\n"
            "    try: print(open(path, 'rb').read())\n"
            "    except OSError as error: print(error)\n"
        )
        assert "PATH" in seen
        assert "s3cret" not in seen


START_UP = """
import os, pathlib, site, sysconfig
line = "import builtins; builtins.planted = True"
home = pathlib.Path.home()
places = [
    home / ".ipython/profile_default/startup/00-plant.py",
    home / ".pythonrc.py",
    pathlib.Path(sysconfig.get_paths()["purelib"]) / "plant.pth",
    pathlib.Path(sysconfig.get_paths()["purelib"]) / "sitecustomize.py",
    pathlib.Path(site.getusersitepackages()) / "plant.pth",
    pathlib.Path(site.getusersitepackages()) / "usercustomize.py",
    pathlib.Path("/etc/ipython/startup/plant.py"),
    pathlib.Path("/tmp/torch.py"),
]
for place in places:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(line)
        print("wrote", place)
    except OSError as error:
        print(type(error).__name__)
"""


def test_a_planted_start_up_file_never_runs(warm):
    """A start-up file, .pth, sitecustomize or module left behind runs in no later kernel."""
    site_packages = Path(sysconfig.get_paths()["purelib"])
    before = sorted(site_packages.iterdir())
    with warm() as kernel:
        assert "wrote" in kernel.run(START_UP)  # its own home is writable, or this test tests nothing
    with warm() as kernel:
        assert kernel.run("import builtins, torch; print(hasattr(builtins, 'planted'))") == "False"
        assert kernel.run("print(torch.__file__)") == str(site_packages / "torch" / "__init__.py")
        assert kernel.run("import os; print(os.path.exists(os.path.expanduser('~/.pythonrc.py')))") == "False"
    assert sorted(site_packages.iterdir()) == before


@pytest.mark.parametrize("where", ["sys.prefix", "sys.base_prefix", "os.path.dirname(npusim.__file__)"])
def test_the_environment_cannot_be_written(warm, where):
    """Python, its environment and the simulated device can be read but not changed."""
    with warm() as kernel:
        assert kernel.run("import os, sys, npusim") == ""
        assert kernel.run(f"open(os.path.join({where}, 'planted'), 'w')").startswith(REFUSED)
        assert kernel.run(f"os.chmod({where}, 0o777)").startswith(REFUSED)
        assert kernel.run(f"print(len(os.listdir({where})) > 0)") == "True"


SURVIVOR = """
import os, signal, time
def hide(name):
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    libc = __import__("ctypes").CDLL(None)
    libc.prctl(15, name)
    time.sleep(600)
    os._exit(0)
for _ in range(3):
    hide(b"camp-survivor")
time.sleep(0.2)
print("hidden")
"""


def processes_called(name: str) -> list[int]:
    """The processes of the machine that gave themselves a name."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text(encoding="utf-8").strip() == name:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def came_up(name: str, count: int) -> bool:
    """Whether so many processes of a name are there before long."""
    deadline = time.monotonic() + 30
    while len(processes_called(name)) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(processes_called(name)) == count


def test_nothing_survives_the_kernel(warm):
    """Processes that forked twice and ignore signals are gone when the kernel has been shut down."""
    with warm() as kernel:
        assert kernel.run(SURVIVOR) == "hidden"
        assert came_up("camp-survivor", 3)
    assert processes_called("camp-survivor") == []


def test_nothing_survives_a_kernel_that_ends_itself(warm):
    """The same when the kernel kills itself."""
    with warm() as kernel:
        assert kernel.run(SURVIVOR) == "hidden"
        kernel.client.kc.execute("import os; os.kill(os.getpid(), 9)")
        assert waited(kernel) == -9
        assert processes_called("camp-survivor") == []


def waited(kernel) -> int:
    """The exit code of a kernel that is about to end."""
    from jupyter_core.utils import run_sync

    return run_sync(kernel.provisioner.wait)()


def test_the_network_cannot_be_reached(warm):
    """Neither a server on this machine nor any other address answers, by TCP or UDP."""
    with socket.create_server(("127.0.0.1", 0)) as server, warm() as kernel:
        port = server.getsockname()[1]
        assert kernel.run(
            f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
        ).startswith(REFUSED)
        assert kernel.run("socket.create_connection(('192.0.2.1', 80), timeout=5)").startswith(REFUSED)
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, warm() as kernel:
        server.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", server.getsockname()[1])
        kernel.run(f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', {address})")
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.recv(1)


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
@pytest.mark.parametrize("abstract", [False, True])
def test_local_sockets_of_others_cannot_be_reached(warm, course, kind, abstract):
    """A service that listens on a socket file, as Docker or a desktop does, is out of reach."""
    address = f"\0camp-test-{os.getpid()}-{kind}" if abstract else str(course / "s")
    with socket.socket(socket.AF_UNIX, getattr(socket, kind)) as server, warm() as kernel:
        server.bind(address)
        if not abstract:
            Path(address).chmod(0o777)
        if kind == "SOCK_STREAM":
            server.listen()
        server.settimeout(0.1)
        kernel.run(f"import socket; s = socket.socket(socket.AF_UNIX, socket.{kind})")
        kernel.run(f"s.connect({address!r}); s.send(b'x')")
        kernel.run(f"s.sendto(b'x', {address!r})")
        kernel.run(f"a, b = socket.socketpair(type=socket.{kind}); a.sendto(b'x', {address!r})")
        with pytest.raises(TimeoutError):
            server.accept() if kind == "SOCK_STREAM" else server.recv(1)


COUNT_FORKS = """
import os, time
children = []
try:
    for _ in range({tries}):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        children.append(child)
except OSError as error:
    print(type(error).__name__)
print(len(children))
for child in children:
    os.kill(child, 9)
    os.waitpid(child, 0)
"""


def test_the_number_of_processes_is_bounded(warm):
    """A kernel cannot have more processes than its limits say, and works on after trying."""
    with warm(Limits(processes=30)) as kernel:
        error, count = kernel.run(COUNT_FORKS.format(tries=40)).split()
        assert error == "BlockingIOError"
        assert int(count) < 30
        assert kernel.run("print('alive')") == "alive"


def test_a_fork_bomb_goes_with_its_kernel(warm):
    """Processes that multiply as fast as they can reach the bound, harm nobody, and end with the kernel."""
    with warm(Limits(processes=30)) as kernel:
        bounded, _ = kernel.run(COUNT_FORKS.format(tries=40)).split()
        assert bounded == "BlockingIOError"  # or the bomb would not be let loose
        kernel.run(
            "import ctypes, os\n"
            "def bomb():\n"
            "    ctypes.CDLL(None).prctl(15, b'camp-bomb')\n"
            "    while True:\n"
            "        try: os.fork()\n"
            "        except OSError: pass\n"
            "if os.fork() == 0: bomb()"
        )
        assert subprocess.run([sys.executable, "-c", "print(1)"], check=True, capture_output=True).stdout
    assert processes_called("camp-bomb") == []


@pytest.mark.parametrize(
    "attack",
    [
        "b = bytearray({size})",
        "import numpy as np; b = np.ones({size} // 8)",
        "import torch; b = torch.ones({size} // 4)",
        "import mmap; b = mmap.mmap(-1, {size} + (4 << 30)); b.write(bytes(1 << 20))",
        "b = []\nwhile True: b.append(bytearray(1 << 24))",
    ],
)
def test_memory_is_bounded(warm, attack):
    """Four gigabytes are refused with Python's own error, whoever asks, and the kernel lives on."""
    with warm(Limits(memory_bytes=512 * MIB)) as kernel:
        came = kernel.run(attack.format(size=4 << 30))
        assert "memory" in came.lower()
        assert kernel.run("del b") in {"", "NameError: name 'b' is not defined"}
        assert kernel.run("print('alive')") == "alive"


@pytest.mark.parametrize("call", ["memfd_create", "shmget", "shared file"])
def test_memory_that_no_process_owns_is_bounded_too(warm, call):
    """Memory cannot be taken in files without names, segments, or more files than the disk has room for."""
    attacks = {
        "memfd_create": "import os; os.memfd_create('x')",
        "shmget": (
            "import ctypes, os; c = ctypes.CDLL(None, use_errno=True)\n"
            "if c.shmget(0, ctypes.c_size_t(1 << 30), 0o1600) < 0: raise OSError(ctypes.get_errno(), 'x')"
        ),
        "shared file": "open('/dev/shm/x', 'wb').write(bytes(65 << 20))",
    }
    with warm() as kernel:
        assert kernel.run(attacks[call]).startswith(REFUSED)


def test_memory_of_all_processes_together_is_bounded(warm):
    """Children that each stay below the bound are ended together with the kernel when they pass it."""
    with warm(Limits(memory_bytes=300 * MIB)) as kernel:
        kernel.client.kc.execute(
            "import os, time\n"
            "for _ in range(4):\n"
            "    if os.fork() == 0:\n"
            "        b = bytearray(120 << 20); time.sleep(60); os._exit(0)\n"
            "time.sleep(60)"
        )
        assert waited(kernel) == -9
        assert kernel.provisioner.ended_by == "memory"


def test_a_hundred_megabytes_of_output_do_not_reach_the_grader(warm):
    """What is printed past the bound is cut, and the kernel works on."""
    with warm() as kernel:
        came = kernel.run("print('x' * 100_000_000)")
        assert len(came) < 2_000_000
        assert came.endswith("... output cut here ...")
        assert kernel.run("print('alive')") == "alive"


def test_endless_output_takes_no_memory(warm):
    """A loop that prints for ever takes time, not memory: neither the kernel's nor the grader's."""
    with warm(Limits(memory_bytes=256 * MIB)) as kernel:
        loop = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: print('x' * 10_000)"
        assert kernel.run(loop).endswith("... output cut here ...")
        assert kernel.run("print('alive')") == "alive"


def test_output_past_the_kernels_own_bound_does_not_reach_the_grader(warm):
    """A message of a hundred megabytes that goes round the kernel's own cut ends on the way."""
    with warm() as kernel:
        kernel.client.iopub_timeout = 1
        came = kernel.run(
            "k = get_ipython().kernel\n"
            "k.session.send(k.iopub_socket, 'stream', {'name': 'stdout', 'text': 'x' * 100_000_000},"
            " parent=k.get_parent('shell'), ident=b'stream')"
        )
        assert len(came) < 1000
        assert kernel.run("print('alive')") in {"alive", ""}


def test_files_are_bounded(warm):
    """One file has a largest size; what fails is the write, not the kernel."""
    with warm(Limits(file_bytes=8 * MIB)) as kernel:
        assert kernel.run("open('big', 'wb').write(bytes(9 << 20))").startswith("OSError")
        assert kernel.run("import os; print(os.path.getsize('big') <= 8 << 20)") == "True"


def test_all_files_together_are_bounded(warm, backend):
    """A thousand files of the largest size do not fit on the private disk."""
    if backend is not Backend.NAMESPACES:
        pytest.skip("Landlock has no private disk, so files are bounded one by one only")
    with warm(Limits(disk_bytes=16 * MIB, file_bytes=8 * MIB)) as kernel:
        came = kernel.run("for n in range(1000): open(f'{n}', 'wb').write(bytes(8 << 20))")
        assert came.startswith("OSError: [Errno 28]")
        assert kernel.run("open('/tmp/x', 'wb').write(bytes(8 << 20))").startswith("OSError: [Errno 28]")


@pytest.fixture
def victim():
    """A process of the same user, outside."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_signals_reach_nobody_outside(warm, backend, victim):
    """kill(-1), and signals to the grader, the zygote or any process outside, change nothing there."""
    with warm() as kernel:
        targets = [-1, -victim.pid, victim.pid, os.getpid(), kernel.pid, os.getppid()]
        kernel.run(
            "import os, ctypes\n"
            f"for pid in {targets}:\n"
            "    for send in (os.kill, ctypes.CDLL(None).killpg):\n"
            "        try: send(pid, 9)\n"
            "        except OSError: pass\n"
        )
        assert victim.poll() is None
        if backend is not Backend.BUBBLEWRAP:  # which has keepers in a process table of its own
            assert Path(f"/proc/{kernel.pid}").exists()


def test_other_processes_cannot_be_traced(warm, victim):
    """Neither the keeper, nor the zygote, nor any process outside can be traced or its memory read."""
    with warm() as kernel:
        came = kernel.run(
            "import ctypes, os\n"
            "c = ctypes.CDLL(None, use_errno=True)\n"
            f"pids = [1, os.getppid(), {kernel.pid}, {os.getpid()}, {victim.pid}]\n"
            "print({c.ptrace(16, pid, 0, 0) for pid in pids})\n"
            "for pid in pids:\n"
            "    for name in ('mem', 'environ', 'maps', 'root/etc/passwd', 'fd/0'):\n"
            "        try: print(open(f'/proc/{pid}/{name}', 'rb'))\n"
            "        except OSError: pass\n"
        )
        assert came == "{-1}"


def test_other_processes_cannot_be_seen(warm, backend, victim):
    """What /proc tells of processes outside cannot be read; with namespaces, they are not even there."""
    with warm() as kernel:
        for name in ("status", "cmdline", "environ"):
            assert kernel.run(f"open('/proc/{victim.pid}/{name}', 'rb').read()").startswith(REFUSED)
        listed = kernel.run("import os; print(sorted(p for p in os.listdir('/proc') if p.isdigit()))")
        if backend is Backend.NAMESPACES:
            assert listed == "['1', '2']"
        else:
            assert listed.startswith("PermissionError")


CALLS = {
    "ptrace": 101,
    "mount": 165,
    "umount2": 166,
    "pivot_root": 155,
    "unshare": 272,
    "setns": 308,
    "bpf": 321,
    "perf_event_open": 298,
    "keyctl": 250,
    "kexec_load": 246,
    "init_module": 175,
    "finit_module": 313,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "open_by_handle_at": 304,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "chroot": 161,
}


@pytest.mark.skipif(linux.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_dangerous_system_calls_are_refused(warm):
    """Each ends in "not permitted", before Linux looks at what it was asked for."""
    with warm() as kernel:
        came = kernel.run(
            "import ctypes\n"
            "c = ctypes.CDLL(None, use_errno=True)\n"
            f"for name, number in {CALLS}.items():\n"
            "    result = c.syscall(number, 0, 0, 0, 0, 0, 0)\n"
            "    if (result, ctypes.get_errno()) != (-1, 1): print(name, result, ctypes.get_errno())\n"
            "print(c.syscall(435, 0, 0), ctypes.get_errno())\n"  # clone3 does not exist
            "print(c.syscall(56, 0x10000000 | 17, 0, 0, 0, 0), ctypes.get_errno())"  # clone(CLONE_NEWUSER)
        )
        assert came.splitlines() == ["-1 38", "-1 1"]


@pytest.mark.parametrize("family", ["AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_BLUETOOTH"])
def test_other_kinds_of_sockets_are_refused(warm, family):
    """Sockets that reach the hardware, the hypervisor or rarely used parts of Linux cannot be made."""
    if not hasattr(socket, family):
        pytest.skip(f"this Python has no {family}")
    with warm() as kernel:
        assert kernel.run(f"import socket; socket.socket(socket.{family}, socket.SOCK_RAW)").startswith(
            REFUSED
        )


def test_the_kernel_has_no_privileges(warm):
    """It is not root in any sense, has no capability, gains none by a program, and shares no session."""
    with warm() as kernel:
        came = kernel.run(
            "import os\n"
            "status = dict(l.split(':', 1) for l in open('/proc/self/status'))\n"
            "print(0 in os.getresuid() + os.getresgid(), os.getsid(0) == os.getpid())\n"
            "print({status[n].strip() for n in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')})\n"
            "print(status['NoNewPrivs'].strip(), status['Seccomp'].strip())"
        )
        assert came.splitlines() == ["False True", "{'0000000000000000'}", "1 2"]


def test_the_sandbox_cannot_be_left_by_open_files(warm):
    """The kernel holds no file of the grader's or the zygote's but its own sockets and the null device."""
    with warm() as kernel:
        came = kernel.run(
            "import os\n"
            "links = [f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd')]\n"
            "print(sorted({os.readlink(l).split(':')[0] for l in links if os.path.islink(l)}))"
        )
        allowed = {"/dev/null", "socket", "pipe", "anon_inode", "/proc/2/fd"}
        import ast

        assert {name for name in ast.literal_eval(came) if not name.startswith("/proc/")} <= allowed


def test_programs_can_be_started_from_a_cell(warm):
    """An honest `!command` works, and is in the same sandbox."""
    read_first = "sleep 0.5"  # IPython's terminal may lose what a program says just before it ends
    with warm() as kernel:
        assert kernel.run(f"!echo hello; {read_first}") == "hello"
        said = kernel.run(f"!cat {ROOT}/pyproject.toml; {read_first}")
        assert "cann-camp" not in said


def test_the_home_folder_can_be_deleted(warm):
    """A notebook that deletes its own folder, as it may, goes on without it."""
    with warm() as kernel:
        assert kernel.run("import os, shutil; shutil.rmtree(os.getcwd()); os.chdir('/')") == ""
        assert kernel.run("print('alive')") == "alive"
    with warm() as kernel:
        assert kernel.run("import os; print(os.listdir())") == "[]"


@pytest.mark.parametrize("below", ["/tmp", "/home"])  # noqa: S108 - where checkouts of real users lie
def test_a_checkout_below_home_or_tmp_can_be_read_and_not_written(warm, backend, below):
    """What a kernel may read is readable also where the sandbox has writable folders of its own."""
    if backend is Backend.BUBBLEWRAP and below != "/tmp":  # noqa: S108
        pytest.skip("bubblewrap shows what is known when it starts, and the folder for temporary files")
    try:
        outside = Path(tempfile.mkdtemp(prefix="camp-test-", dir=below))
    except OSError:
        pytest.skip(f"{below} cannot be written here")
    try:
        outside.chmod(0o755)
        (outside / "given.txt").write_text("given", encoding="utf-8")
        with warm(limits=Limits(readable=(str(outside),))) as kernel:
            assert kernel.run(f"print(open({str(outside / 'given.txt')!r}).read())") == "given"
            kernel.run(f"open({str(outside / 'new.txt')!r}, 'w').write('x')")
        assert sorted(p.name for p in outside.iterdir()) == ["given.txt"]
    finally:
        shutil.rmtree(outside)
