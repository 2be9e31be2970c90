"""Warm kernels as Jupyter's tools meet them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat.v4
import pytest
from camp.warm import Backend, Isolation, Limits, SandboxError, WarmKernelError, isolation, usable
from camp.warm.client import WarmKernelManager, WarmNotebookClient, client_options
from camp.warm.nursery import Brood, Nursery, nursery
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("any_backend")]


@pytest.fixture
def kernel():
    """A warm kernel in the best sandbox there is."""
    from camp.warm.client import WarmNotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
    client = WarmNotebookClient(notebook, timeout=60, allow_errors=True, **client_options())
    with client.setup_kernel(env={}):
        yield client


def run(client, source):
    """The outputs of a cell."""
    cell = nbformat.v4.new_code_cell(source)
    client.execute_cell(cell, 0, store_history=False)
    return cell.outputs


def printed(client, source):
    """What a cell writes to standard output."""
    return "".join(
        o.text for o in run(client, source) if o.output_type == "stream" and o.name == "stdout"
    ).strip()


def test_the_zygote_has_one_thread(kernel):
    """A process that kernels are forked from owns a single thread, with PyTorch and the kernel imported."""
    home = nursery(Brood())
    assert [t.name for t in Path(f"/proc/{home.pid}/task").iterdir()] == [str(home.pid)]
    assert printed(kernel, "import sys; print({'torch', 'numpy', 'ipykernel'} <= set(sys.modules))") == "True"


THREADS = "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
PRELOAD = (
    "import sys; from camp.warm import zygote; sys.path.append({path!r}); print(zygote._preload([{name!r}]))"
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (THREADS, "importing preloaded started 1 threads, which forked kernels would hang on"),
        ("raise RuntimeError('broken')", ""),
        ("import no_such_module", ""),
        ("x = 1", ""),
    ],
)
def test_what_cannot_be_preloaded(tmp_path, text, answer):
    """A module that starts a thread is an error that names it; one that cannot be imported is left out."""
    (tmp_path / "preloaded.py").write_text(text, encoding="utf-8")
    code = PRELOAD.format(path=str(tmp_path), name="preloaded")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == answer


def test_pytorch_works_in_a_fork(kernel):
    """Training on the CPU, with the parallel parts of PyTorch, neither hangs nor differs."""
    code = (
        "import torch\n"
        "torch.manual_seed(0)\n"
        "net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(),"
        " torch.nn.Linear(8 * 36, 4))\n"
        "loss = net(torch.randn(16, 3, 8, 8)).square().mean(); loss.backward()\n"
        "print(round(loss.item(), 6), torch.get_num_threads())"
    )
    here = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert printed(kernel, code) == here.stdout.strip()


def test_each_kernel_has_a_device_of_its_own():
    """The device is first used in the kernel, not before it was forked, and starts out empty."""
    for _ in range(2):
        with WarmNotebookClient(
            nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options()
        ).setup_kernel():
            pass
    client = WarmNotebookClient(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options()
    )
    with client.setup_kernel(env={}):
        assert printed(client, "import torch, torch_npu; print(torch.npu.is_initialized())") == "False"
        assert printed(client, "print(torch.ones(3, device='npu:0').sum().item())") == "3.0"
        assert printed(client, "print(torch.npu.memory_allocated() <= 1024)") == "True"


def test_workers_of_a_data_loader_work(kernel):
    """Honest code may start processes: a DataLoader with workers gives its batches."""
    code = (
        "import torch\n"
        "data = torch.utils.data.TensorDataset(torch.arange(8))\n"
        "loader = torch.utils.data.DataLoader(data, batch_size=4, num_workers=2)\n"
        "print([b[0].tolist() for b in loader])"
    )
    assert printed(kernel, code) == "[[0, 1, 2, 3], [4, 5, 6, 7]]"


def test_plots_and_errors_arrive(kernel):
    """What an honest notebook shows comes as from a usual kernel: plots, values, errors, warnings."""
    plot = run(kernel, "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
    assert any("image/png" in o.get("data", {}) for o in plot)
    assert run(kernel, "1 + 1")[0].data["text/plain"] == "2"
    assert run(kernel, "1 / 0")[0].ename == "ZeroDivisionError"
    assert "careful" in run(kernel, "import warnings; warnings.warn('careful')")[0].text


def test_a_long_traceback_is_cut_in_the_middle(kernel):
    """An infinite recursion is reported as such, by its first and last steps; short ones stay whole."""
    deep = run(kernel, "def f(x):\n    return f(x)\nf(1)")[0]
    assert (deep.ename, deep.evalue) == ("RecursionError", "maximum recursion depth exceeded")
    assert 5 < len(deep.traceback) < 100
    short = run(kernel, "def g(n):\n    return g(n - 1) if n else 1 / 0\ng(5)")[0]
    assert len(short.traceback) == 10
    assert run(kernel, "1 +")[0].ename == "SyntaxError"


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_gives_the_same_numbers(seed):
    """Unseeded draws are those of the seed that was asked for, in every kernel."""
    draws = []
    for _ in range(2):
        client = WarmNotebookClient(
            nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options(seed=seed)
        )
        with client.setup_kernel(env={}):
            draws.append(
                printed(
                    client,
                    "import random, numpy, torch\n"
                    "print(random.random(), numpy.random.rand(), torch.rand(2), torch.rand(2, device='npu'))",
                )
            )
    assert draws[0] == draws[1]


def test_different_seeds_give_different_numbers():
    """Two kernels with different seeds do not share their generators."""
    draws = set()
    for seed in (1, 2):
        client = WarmNotebookClient(
            nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options(seed=seed)
        )
        with client.setup_kernel(env={}):
            draws.add(printed(client, "import random; print(random.random())"))
    assert len(draws) == 2


def test_files_of_the_folder_are_there(tmp_path):
    """The kernel starts in a private home with copies of the folder's files, not of what links lead to."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1,2", encoding="utf-8")
    (tmp_path / "leak").symlink_to("/etc/shadow")
    client = WarmNotebookClient(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]),
        allow_errors=True,
        **client_options(tmp_path),
    )
    with client.setup_kernel(env={}):
        assert printed(client, "print(open('data/a.csv').read())") == "1,2"
        assert printed(client, "open('data/a.csv', 'w').write('9'); print(open('data/a.csv').read())") == "9"
        assert printed(client, "import os; print(os.path.lexists('leak'))") == "False"
    assert (tmp_path / "data" / "a.csv").read_text(encoding="utf-8") == "1,2"


def test_variables_that_were_chosen_arrive():
    """Variables given for the kernel are set in it, and matter to what it starts."""
    client = WarmNotebookClient(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options()
    )
    with client.setup_kernel(env={**os.environ, "CAMP_TEST": "yes"}):
        assert printed(client, "import os; print(os.environ['CAMP_TEST'])") == "yes"


def test_an_interrupt_stops_the_cell_and_not_the_kernel(kernel):
    """A cell that takes too long is interrupted, and the kernel keeps what it knows."""
    kernel.interrupt_on_timeout, kernel.timeout = True, 1
    assert printed(kernel, "x = 1") == ""
    outputs = run(kernel, "import time; time.sleep(600)")
    assert [o.ename for o in outputs if o.output_type == "error"] == ["KeyboardInterrupt"]
    kernel.timeout = 60
    assert printed(kernel, "print(x)") == "1"


def test_processor_time_is_bounded():
    """A kernel that computes for longer than it may is ended, and says why."""
    client = WarmNotebookClient(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]),
        timeout=60,
        **client_options(limits=Limits(cpu_seconds=1)),
    )
    from nbclient.exceptions import DeadKernelError

    with client.setup_kernel(env={}):
        with pytest.raises(DeadKernelError):
            run(client, "while True: pass")
        assert client.km.ended_by == "cpu"


def test_the_kernel_goes_with_the_provisioner():
    """After shutdown no process is left, and no file."""
    client = WarmNotebookClient(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options()
    )
    with client.setup_kernel(env={}):
        pid, folder = client.km.provisioner.pid, Path(client.km.ip).parent
        assert Path(f"/proc/{pid}").exists()
        assert folder.exists()
    assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()


ORPHANS = """
import sys, time, nbformat.v4
from camp.warm.nursery import Brood, nursery
from camp.warm.client import WarmNotebookClient, client_options
client = WarmNotebookClient(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options())
with client.setup_kernel(env={}):
    print(client.km.provisioner.pid, nursery(Brood()).pid, flush=True)
    {then}
"""


@pytest.mark.parametrize("then", ["time.sleep(600)", "pass", "raise SystemExit(3)", "import os; os.abort()"])
def test_nothing_outlives_the_grader(then):
    """However the grader ends, killed or not, its zygote and kernels end with it."""
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANS.replace("{then}", then)], stdout=subprocess.PIPE, text=True
    ) as grader:
        pids = [int(p) for p in grader.stdout.readline().split()]
        assert len(pids) == 2
        if "sleep" in then:
            assert all(Path(f"/proc/{pid}").exists() for pid in pids)
            grader.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_any_client_can_use_it_by_name(tmp_path, monkeypatch):
    """A kernelspec that names the provisioner is enough, for the usual manager, client and TCP transport."""
    spec = {
        "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "warm",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": "camp-warm"}},
    }
    (tmp_path / "kernels" / "warm").mkdir(parents=True)
    (tmp_path / "kernels" / "warm" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import os; print(os.getuid())")])
    NotebookClient(notebook, kernel_name="warm").execute()
    inside = int(notebook.cells[0].outputs[0].text)
    assert inside != 0


def test_a_kernel_can_be_restarted_and_asked_to_stop(monkeypatch):
    """Restart gives an empty kernel on the same connection; a polite shutdown ends it too."""
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "camp-warm")
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": "camp-warm"}
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    assert client.execute_interactive("x = 1", timeout=60)["content"]["status"] == "ok"
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    assert client.execute_interactive("x", timeout=60)["content"]["ename"] == "NameError"
    client.stop_channels()
    manager.shutdown_kernel()
    assert not manager.is_alive()


def test_an_unknown_back_end_is_refused():
    """A back end that does not exist is an error of the settings."""
    with pytest.raises(ValueError, match="gvisor"):
        Backend("gvisor")


def test_no_sandbox_must_be_asked_for_by_name(caplog):
    """The best back end is never none; asked for by name it works, and says so loudly."""
    assert isolation().backend in {Backend.NAMESPACES, Backend.BUBBLEWRAP, Backend.LANDLOCK}
    assert isolation(Backend.NONE) == Isolation(Backend.NONE)
    assert not isolation(Backend.NONE).safe
    client = WarmNotebookClient(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), **client_options(backend=Backend.NONE)
    )
    with client.setup_kernel(env={}):
        assert printed(client, "print(1)") == "1"
    assert "WITHOUT A SANDBOX" in caplog.text


def test_a_machine_without_a_sandbox_gets_no_kernel(monkeypatch):
    """Where every back end is refused, the answer is an error that gives the reasons, not a kernel."""
    refused = Isolation(None, ((Backend.NAMESPACES, "switched off"), (Backend.LANDLOCK, "too old")))
    home = nursery(Brood())
    monkeypatch.setattr(home, "isolation", refused)
    with pytest.raises(SandboxError, match=r"no namespaces: switched off; no landlock: too old"):
        nursery(Brood())


def test_bubblewrap_where_namespaces_are_refused(monkeypatch):
    """Where namespaces are forbidden to us, bubblewrap is tried, and preferred to Landlock alone."""
    forbidden = {"backend": None, "refused": [["namespaces", "not permitted"], ["landlock", "switched off"]]}
    monkeypatch.setattr("camp.warm.nursery._nurseries", {})
    answer = Nursery._answer
    monkeypatch.setattr(
        Nursery,
        "_answer",
        lambda self, seconds: answer(self, seconds) and forbidden if self.plain else answer(self, seconds),
    )
    made = Nursery.__init__

    def make(self, brood):
        self.plain = brood.backend is None
        made(self, brood)

    monkeypatch.setattr(Nursery, "__init__", make)
    found = isolation()
    if isolation(Backend.BUBBLEWRAP).backend is None:
        assert found.backend is None
        assert [name for name, _ in found.refused] == ["namespaces", "landlock", "bubblewrap"]
    else:
        assert found == Isolation(Backend.BUBBLEWRAP, ((Backend.NAMESPACES, "not permitted"),))


def test_bubblewrap_that_is_not_installed(monkeypatch):
    """Without the program the answer says so, and nothing is started."""
    monkeypatch.setattr("camp.warm.nursery._nurseries", {})
    monkeypatch.setattr("camp.warm.bubblewrap.shutil.which", lambda _: None)
    assert isolation(Backend.BUBBLEWRAP) == Isolation(None, ((Backend.BUBBLEWRAP, "bwrap is not installed"),))


def test_a_zygote_that_fails_is_no_leave_to_do_without(monkeypatch):
    """Only a machine that refuses every back end is said to have none; a failed start is an error."""

    def fail(_):
        raise WarmKernelError("the zygote ended")

    usable.cache_clear()
    monkeypatch.setattr("camp.warm.nursery.Nursery", fail)
    monkeypatch.setattr("camp.warm.nursery._nurseries", {})
    with pytest.raises(WarmKernelError):
        usable()
    monkeypatch.undo()
    assert usable().safe


def test_the_manager_is_of_jupyters_own_kind():
    """Tools that look for a kernel manager's class or a client's find the usual ones."""
    assert issubclass(WarmKernelManager, KernelManager)
    assert issubclass(WarmNotebookClient, NotebookClient)
    assert start_new_kernel is not None
