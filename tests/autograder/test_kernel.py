"""The kernel: a cell that hangs or dies costs itself, a probe leaves no trace, and only data comes back."""

import contextlib
import math
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from camp.checks import (
    KernelDiedError,
    NoMemoryError,
    OutOfMemoryError,
    ProbeFailedError,
    ProbeTimeoutError,
)
from camp.errors import KernelStartError
from camp.kernel import CellTimedOutError, Kernel
from camp.running import DATA_TYPE, MAX_OUTPUT_BYTES
from camp.warm import Backend, Isolation, WarmKernelError, isolation
from camp.warm.nursery import Brood

LOOP = "while True:\n    pass"


@pytest.fixture(scope="module")
def shared():
    """One kernel for the tests that leave it alive and do not mind what others put into it."""
    with Kernel(30) as kernel:
        yield kernel


def _text(outputs, name="stdout"):
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == name)


def test_outputs_and_errors_come_back(shared):
    """What a cell prints comes back, and its error is one of the outputs."""
    outputs = shared.run("print('hello')\n1 / 0")
    assert _text(outputs) == "hello\n"
    assert [o.ename for o in outputs if o.output_type == "error"] == ["ZeroDivisionError"]


def test_probe_sees_names_and_inputs(shared):
    """A probe sees what the cells defined and what it was given, also text that needs quoting."""
    shared.run("def join(a, b):\n    return a + b")
    text = "\"'\\\n{}你好\u2028"
    assert shared.probe("result = join(a, b)", {"a": text, "b": "'''"}) == text + "'''"


def test_probe_leaves_the_namespace_as_it_was(shared):
    """A probe's names, inputs and imports are gone afterwards, and so is the probe itself."""
    names = "sorted(n for n in globals() if not n.startswith('_i'))"
    before = _text(shared.run(f"print({names})"))
    assert shared.probe("import os as module\nvalue = x\nresult = value", {"x": 1}) == 1
    with pytest.raises(ProbeFailedError):
        shared.probe("value = x\n1 / 0", {"x": 1})
    assert _text(shared.run(f"print({names})")) == before


def test_probe_is_not_in_the_history(shared):
    """The text of a probe is not found in IPython's history."""
    shared.probe("result = 'needle in the hay'", {})
    outputs = shared.run("print([v for v in globals().values() if 'needle in ' + 'the hay' in str(v)])")
    assert _text(outputs) == "[]\n"


@pytest.mark.parametrize("value", [None, True, -1, 2.5, "é\u0000", [], {"a": [1, {"b": None}]}, 10**30])
def test_plain_data_comes_back_as_it_is(shared, value):
    """Plain data comes back the same, type and all."""
    came = shared.probe("result = x", {"x": value})
    assert came == value
    assert type(came) is type(value)


def test_nan_and_infinity_are_data(shared):
    """NaN and infinity come back as such, and are no reason to end."""
    came = shared.probe("result = [float('nan'), float('inf'), -float('inf')]", {})
    assert math.isnan(came[0])
    assert came[1:] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("1 / 0", "your code raised ZeroDivisionError: division by zero"),
        ("pass", "NameError: the hidden check got no result"),
        ("result = object()", "TypeError: Object of type object is not JSON serializable"),
        ("result = {1, 2}", "TypeError"),
        ("result = b'bytes'", "TypeError"),
        ("result = {(1, 2): 3}", "TypeError"),
        ("result = []\nresult.append(result)", "ValueError: Circular"),
        ("result = 'x' * 2_000_000", "it gave back 2000002 bytes; at most 1000000 are read"),
        ("result = 10 ** 10_000", "your code raised ValueError"),
        ("result = []\nfor _ in range(100_000): result = [result]", "RecursionError"),
        ("raise ValueError('line 1\\nline 2')", "your code raised ValueError: line 1"),
        ("raise ValueError", "your code raised ValueError: no message"),
        ("raise ValueError('x' * 10_000)", "..."),
        ("import sys\nsys.exit(3)", "your code raised SystemExit"),
        ("def f(): f()\nf()", "your code raised RecursionError"),
        ("input('?')", "your code raised StdinNotImplementedError"),
    ],
)
def test_what_is_no_data_is_said(shared, code, told):
    """A probe that raises, or leaves what is no plain data, ends in one short line."""
    with pytest.raises(ProbeFailedError) as caught:
        shared.probe(code, {})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "forged",
    ["3", "{'a': 1}", "'not JSON'", "'[' * 100_000", "'1' * 10_000", "None", "'[' + '1,' * 600_000 + '1]'"],
)
def test_forged_data_is_not_heard(shared, forged):
    """Data that the learner's code sends in the probe's name may be anything, and the true answer counts."""
    code = f"""
import IPython.display
for _ in range(30):
    IPython.display.display({{"{DATA_TYPE}": {forged}}}, raw=True)
result = 1
"""
    assert shared.probe(code, {}) == 1


def test_probe_that_prints_much_keeps_its_data(shared):
    """Prints of a learner's function, however many, do not push the answer out."""
    assert shared.probe("print('x' * 1_000_000)\nresult = 5", {}) == 5


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_is_capped(shared, stream):
    """Of each stream the first so many characters are kept, however it is cut into messages."""
    code = "import sys\nfor i in range(400):\n    print('x' * 999, file=sys.STREAM)".replace("STREAM", stream)
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    outputs = shared.run(f"{code}\nprint('y', file=sys.{other})")
    assert len(_text(outputs, stream)) == MAX_OUTPUT_BYTES
    assert _text(outputs, other) == "y\n"


def test_displays_are_capped(shared):
    """Displays are kept up to a bound as well."""
    outputs = shared.run("for _ in range(100):\n    display('x' * 10_000)")
    assert sum(len(str(o)) for o in outputs) < 2 * MAX_OUTPUT_BYTES


def test_environment_is_bare(monkeypatch):
    """Nothing of the grader's environment reaches the kernel but what a process needs."""
    monkeypatch.setenv("CAMP_SECRET", "token")
    with Kernel(30, environment={"EXTRA": "1"}) as kernel:
        seen = kernel.probe("import os\nresult = dict(os.environ)", {})
        home = kernel.probe("import os\nresult = [os.getcwd(), os.listdir()]", {})
    assert "CAMP_SECRET" not in seen
    assert seen["EXTRA"] == "1"
    assert seen["HOME"] == home[0]
    assert home[1] == []


def test_no_port_is_opened(shared):
    """The kernel listens on sockets in its own folder, not on the network."""
    came = shared.probe(
        "from ipykernel import connect\nresult = connect.get_connection_info(unpack=True)['transport']",
        {},
    )
    assert came == "ipc"


def test_files_lie_beside_the_notebook(tmp_path):
    """Files of the exercise are where the notebook expects them, and are copies."""
    (tmp_path / "x.txt").write_text("hello", encoding="utf-8")
    with Kernel(30, {"data/x.txt": tmp_path / "x.txt"}) as kernel:
        assert kernel.probe("result = open('data/x.txt').read()", {}) == "hello"
        kernel.run("open('data/x.txt', 'w').write('spoilt')")
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "hello"


def test_leaving_does_not_end_the_kernel(shared):
    """`exit()` and `quit()` are an error of their cell, as in a script, and what was defined stays."""
    shared.run("stays = 7")
    for name in ("exit", "quit"):
        outputs = shared.run(f"{name}()")
        assert [o.ename for o in outputs if o.output_type == "error"] == ["SystemExit"]
    assert shared.probe("result = stays", {}) == 7


@pytest.mark.slow
def test_unseeded_numbers_are_the_same_in_every_kernel():
    """Random numbers of an answer that sets no seed are the same in every run, and so are hashes."""

    def numbers():
        with Kernel(30) as kernel:
            return kernel.probe("import random\nresult = [random.random(), hash('x')]", {})

    assert numbers() == numbers()


@pytest.mark.slow
def test_cell_that_hangs_costs_itself():
    """After a cell that hung, a new kernel has what the earlier cells defined, and the later ones run."""
    with Kernel(2) as kernel:
        kernel.run("x = 1")
        with pytest.raises(CellTimedOutError):
            kernel.run(LOOP)
        kernel.run("y = x + 1")
        with pytest.raises(ProbeTimeoutError, match="still running after 2 s"):
            kernel.probe(LOOP, {})
        assert kernel.probe("result = [x, y]", {}) == [1, 2]


@pytest.mark.slow
def test_cell_may_have_more_time_than_others():
    """A cell with a bound of its own may take longer."""
    with Kernel(1) as kernel:
        kernel.run("import time\ntime.sleep(1.5)\nx = 1", timeout=60)
        assert kernel.probe("result = x", {}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "death",
    [
        "import os\nos._exit(0)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "import ctypes\nctypes.string_at(0)",
    ],
    ids=["exit", "kill", "segmentation fault"],
)
def test_cell_that_ends_the_kernel_costs_itself(death):
    """After a death, a new kernel has what the earlier cells defined."""
    with Kernel(30) as kernel:
        kernel.run("x = 1")
        with pytest.raises(KernelDiedError, match="ended the kernel's process"):
            kernel.run(death)
        assert kernel.probe("result = x", {}) == 1


@pytest.mark.slow
def test_cell_that_does_not_run_twice_is_left_out():
    """A cell that went well once and hangs or dies when it is run again costs no later cell."""
    with Kernel(2) as kernel:
        kernel.run("x = 1")
        for flag, trouble in (("/tmp/camp-test-a", LOOP), ("/tmp/camp-test-b", "import os; os._exit(1)")):  # noqa: S108
            own = f"{flag}-{uuid.uuid4().hex}"
            body = trouble.replace("\n", "\n    ")
            kernel.run(f"from pathlib import Path\np = Path({own!r})\nif p.exists():\n    {body}\np.touch()")
        with pytest.raises(KernelDiedError):
            kernel.run("import os\nos._exit(1)")
        assert kernel.probe("result = x", {}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "forgery",
    [
        "s.send(sock, 'stream', {'name': 'stdout'}, parent=p)",
        "s.send(sock, 'stream', {'text': 5, 'name': []}, parent=p)",
        "s.send(sock, 'error', {}, parent=p)",
        "s.send(sock, 'display_data', {'data': 7, 'metadata': {}}, parent=p)",
        "s.send(sock, 'comm_open', {'data': {'state': 5}, 'comm_id': [], 'target_name': 'x'}, parent=p)",
        "s.send(sock, 'status', {}, parent=p)",
        "s.send(sock, 'no such type', {}, parent=p)",
        "sock.send_multipart([b'rubbish'])",
        "s.key = b'other'; s.send(sock, 'stream', {'name': 'stdout', 'text': 'x'}, parent=p)",
        "s.send(sock, 'status', {'execution_state': 'idle'}, parent=p)",
    ],
)
def test_forged_messages(forgery):
    """Messages that no kernel would send never raise anything but our own errors, and the next cell runs."""
    code = f"""
k = get_ipython().kernel
s, sock, p = k.session, k.iopub_socket, k.get_parent()
{forgery}
"""
    with Kernel(5) as kernel:
        kernel.run("x = 1")
        for source in (code, "pass"):
            with contextlib.suppress(KernelDiedError, CellTimedOutError):
                kernel.run(source)
        try:
            assert kernel.probe("result = x", {}) == 1
        except (ProbeTimeoutError, KernelDiedError, ProbeFailedError):
            assert "s.key" in forgery


DRAW = (
    "import random, numpy, torch, torch_npu\n"
    "result = [random.random(), numpy.random.rand(), torch.rand(1).item()]\n"
    "result += [torch.rand(1, device='npu').item()]"
)


def _cell_draws(kernel):
    return _text(kernel.run(f"{DRAW}\nprint(result)"))


FORKS = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        taken = b"y" * (600 << 20)
        time.sleep(20)
        os._exit(0)
time.sleep(20)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "x = bytearray(10**12)",
        "import numpy\nx = numpy.ones(10**12)",
        "import torch\nx = torch.ones(10**12)",
        "x = []\nwhile True:\n    x.append(bytearray(10**7))",
        FORKS,
    ],
    ids=["python", "numpy", "torch", "bit by bit", "children"],
)
def test_memory_of_the_machine_has_a_status_of_its_own(shared, code):
    """Whoever notices that the memory is used up, the answer has the status for that; the next one runs."""
    with pytest.raises((NoMemoryError, OutOfMemoryError)) as caught:
        shared.probe(f"{code}\nresult = 1", {})
    assert caught.value.status == "out of memory"
    assert shared.probe("result = 1", {}) == 1


@pytest.mark.slow
def test_memory_of_the_device_is_an_ordinary_error(shared):
    """A device that is full raises, as on a card; the machine's own memory has nothing to do with it."""
    with pytest.raises(ProbeFailedError, match="NPU out of memory") as caught:
        shared.probe("import torch, torch_npu\nresult = torch.empty(10**12, device='npu')", {})
    assert caught.value.status == "error"


@pytest.mark.slow
def test_draws_are_those_of_the_seed():
    """What cells and probes draw unseeded depends on submission, check and seed: not on the run."""

    def draws(seed, check):
        with Kernel(60, seed=seed) as kernel:
            first = _cell_draws(kernel)
            kernel.begin(check)
            return first, kernel.probe(DRAW, {}), kernel.probe(DRAW, {})

    once = draws(1, "a")
    assert draws(1, "a") == once
    assert once[1] != once[2]
    other_seed, other_check = draws(2, "a"), draws(1, "b")
    assert [one == other for one, other in zip(once, other_seed, strict=True)] == [False, True, True]
    assert [one == other for one, other in zip(once, other_check, strict=True)] == [True, False, False]


@pytest.mark.slow
def test_draws_survive_a_death():
    """A cell draws the same whatever probes came before it, and whether a kernel died meanwhile."""
    seen = []
    for between in ("", "import os\nos._exit(0)", LOOP):
        with Kernel(5, seed=3) as kernel:
            kernel.run(DRAW)
            kernel.begin("a")
            kernel.probe(DRAW, {})
            if between:
                with pytest.raises((KernelDiedError, ProbeTimeoutError)):
                    kernel.probe(between, {})
            kernel.begin("b")
            seen.append((kernel.probe(DRAW, {}), _cell_draws(kernel)))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.slow
def test_no_process_is_left(processes_with):
    """No kernel, and nothing that one started, outlives a timeout, a death or the end."""
    mark = f"CAMP_TEST_MARK={uuid.uuid4().hex}"
    spawn = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    name, value = mark.split("=")

    def soon_gone():
        """A kernel is dropped, and ended beside what is graded next."""
        deadline = time.monotonic() + 20
        while processes_with(mark) and time.monotonic() < deadline:
            time.sleep(0.02)
        return not processes_with(mark)

    with Kernel(3, environment={name: value}) as kernel:
        kernel.run(spawn)
        assert processes_with(mark), "the test must be able to fail"
        with pytest.raises(CellTimedOutError):
            kernel.run(LOOP)
        assert soon_gone()
        with pytest.raises(KernelDiedError):
            kernel.run(f"{spawn}\nimport os\nos._exit(0)")
        assert soon_gone()
        kernel.run("pass")
        assert processes_with(mark)
    assert soon_gone()


@pytest.fixture
def place(monkeypatch):
    """A folder for temporary files; its path is short, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="camp-test-") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


@pytest.mark.slow
def test_second_best_sandbox(monkeypatch, place, tmp_path):
    """A machine without namespaces grades behind Landlock: files are there, others not, nothing is left."""
    found = isolation(Backend.LANDLOCK)
    if found.backend is not Backend.LANDLOCK:
        pytest.skip(str(found))
    monkeypatch.setattr("camp.warm.direct.Brood", lambda: Brood(backend=Backend.LANDLOCK))
    (tmp_path / "data.csv").write_text("1,2", encoding="utf-8")
    with Kernel(20, files={"in/data.csv": tmp_path / "data.csv"}) as kernel:
        assert kernel.probe("result = open('in/data.csv').read()", {}) == "1,2"
        assert kernel.probe("open('mine', 'w').write('x')\nresult = open('mine').read()", {}) == "x"
        with pytest.raises(ProbeFailedError, match="PermissionError"):
            kernel.probe("result = open('/etc/shadow').read()", {})
    assert list(place.iterdir()) == []


KILLED = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from camp.kernel import Kernel
with Kernel(30) as kernel:
    kernel.run("x = 1")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_what_a_killed_grader_leaves_is_removed(place):
    """The next kernel removes the folder of a grader that was killed, and leaves that of a living one."""
    command = [sys.executable, "-c", KILLED, str(place)]
    with Kernel(30) as kernel:
        kernel.run("x = 1")
        (living,) = place.iterdir()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as grader:
            assert grader.stdout.readline() == "ready\n"
            assert len(list(place.iterdir())) == 2
            grader.kill()
        assert len(list(place.iterdir())) == 2, "the test must be able to fail"
        with Kernel(30) as another:
            another.run("x = 1")
            assert living in place.iterdir()
            assert len(list(place.iterdir())) == 2
        assert kernel.probe("result = x", {}) == 1
    assert list(place.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        "import os, shutil\nshutil.rmtree(os.getcwd())",
        "import os\nos.chdir('/')",
        "import os\nhere = os.getcwd()\nos.rename(here, here + '2')\nos.symlink('/etc', here)",
        "import os\nos.chmod('.', 0)",
        "import sys\nsys.stdout.close()\nsys.stderr.close()",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
        "import sys\nsys.setrecursionlimit(10)",
        "import signal\nfor n in (2, 15):\n    signal.signal(n, signal.SIG_IGN)",
        "import atexit, time\natexit.register(time.sleep, 600)",
        "import asyncio\nasyncio.get_event_loop().stop()",
    ],
)
def test_what_a_cell_breaks_ends_with_the_kernel(damage):
    """Whatever a cell does to its folder or its process, leaving the kernel ends in order."""
    with Kernel(5) as kernel:
        try:
            kernel.run(damage)
            kernel.probe("result = 1", {})
        except (KernelDiedError, CellTimedOutError, ProbeFailedError, ProbeTimeoutError):
            pass
    assert any(Path("/etc").iterdir())


@pytest.fixture
def no_sandbox(monkeypatch):
    """None, asked for by name: kernels are processes as Jupyter starts them."""
    monkeypatch.setattr("camp.running.usable", lambda: Isolation(Backend.NONE))


@pytest.mark.slow
@pytest.mark.usefixtures("no_sandbox")
def test_machine_that_starts_no_kernel(monkeypatch):
    """Where no kernel starts, that is our error with the way out, and no learner's."""
    monkeypatch.setattr("ipykernel.kernelspec.get_kernel_dict", lambda *_, **__: {"argv": ["/nonexistent"]})
    with (
        pytest.raises(KernelStartError, match=r"could not be started .*; see camp doctor"),
        Kernel(5) as kernel,
    ):
        kernel.run("pass")


@pytest.mark.slow
def test_zygote_that_forks_no_kernel(monkeypatch):
    """Where the zygote takes no orders, that is our error with its reason and the way out."""

    def refuse(*_):
        raise WarmKernelError("the zygote of warm kernels takes no orders: it is gone")

    monkeypatch.setattr("camp.warm.nursery.Nursery.fork", refuse)
    with pytest.raises(KernelStartError, match=r"it is gone.*; see camp doctor"), Kernel(5) as kernel:
        kernel.run("pass")


@pytest.mark.slow
@pytest.mark.usefixtures("no_sandbox")
def test_kernel_without_a_sandbox(processes_with):
    """Where none is asked for by name a kernel runs, answers, times out, dies and comes back all the same."""
    name = f"CAMP_TEST_{uuid.uuid4().hex}"
    with Kernel(3, environment={name: "1"}) as kernel:
        assert _text(kernel.run("x = 1\nprint('hello')")) == "hello\n"
        assert kernel.probe("result = x + y", {"y": 2}) == 3
        with pytest.raises(CellTimedOutError):
            kernel.run(LOOP)
        with pytest.raises(KernelDiedError):
            kernel.run("import os\nos._exit(0)")
        assert kernel.probe("result = x", {}) == 1
        assert processes_with(name)
    assert processes_with(name) == []


def test_kernel_is_this_very_python(tmp_path, monkeypatch):
    """A kernel that the user has installed as python3 is not the one that grades."""
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with Kernel(30) as kernel:
        import sys

        assert kernel.probe("import sys\nresult = sys.prefix", {}) == sys.prefix


def test_long_temporary_folder(tmp_path, monkeypatch):
    """A temporary folder whose path is too long for sockets is no obstacle."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with Kernel(30) as kernel:
        assert kernel.probe("result = 1", {}) == 1


@pytest.mark.slow
def test_the_automatic_migration_lasts_in_probes():
    """What a cell migrated by transfer_to_npu is the NPU's in probes too: methods, properties, imports."""
    with Kernel(60) as kernel:
        kernel.run("import torch, torch_npu\nfrom torch_npu.contrib import transfer_to_npu")
        probe = (
            "import torch\nfrom torch.cuda import amp, is_available\nx = torch.ones(1).cuda()\n"
            "result = [x.is_cuda, x.device.type, is_available(), amp is torch.npu.amp]"
        )
        assert [kernel.probe(probe, {}) for _ in range(2)] == [[True, "npu", True, True]] * 2
        kernel.run("torch.Tensor.cuda = lambda self: self")
        assert kernel.probe("import torch\nresult = str(torch.Tensor.cuda)", {}).find("lambda") < 0


def test_commands_of_the_device_are_found(shared):
    """A notebook calls `atc` by its name, as in an activated environment, and the command may read itself."""
    outputs = shared.run(
        "import subprocess\nprint(subprocess.run(['atc', '--help'], capture_output=True, text=True).stdout)"
    )
    assert "Convert a model into an offline model" in _text(outputs)
