"""The hardware also runs inside a web page: Pyodide, the CPython built for WebAssembly."""

import functools
import http.server
import io
import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import npusim
import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = Path(npusim.__file__).parent

pytestmark = [pytest.mark.slow, pytest.mark.browser]

# what the page runs, and CPython too: a program on two streams, its records, files and memory
PROGRAM = """
import hashlib, json, tempfile
from pathlib import Path
import npusim

node = npusim.Node(npusim.Settings({"NPUSIM_SHARE_STATE": "0", "ASCEND_GLOBAL_LOG_LEVEL": "4"}))
device = node.device(0)
compute, talk = device.default_stream, device.create_stream()
x = npusim.TensorSpec((1000, 512), "float16")
w = npusim.TensorSpec((512, 256), "float16")
y = npusim.TensorSpec((1000, 256), "float16")
image = npusim.TensorSpec((8, 3, 224, 224), "float16", "NCHW")
kernel = npusim.TensorSpec((64, 3, 7, 7), "float16", "NCHW")
out = npusim.TensorSpec((8, 64, 112, 112), "float16", "NCHW")
seen = []
for step in range(5):
    block = device.memory.allocate(1000 * step + 1)
    compute.launch(npusim.Op("MatMulV2", "matmul", [x, w], [y]))
    compute.launch(npusim.Op("Conv2D", "conv2d", [image, kernel], [out]))
    compute.launch(npusim.Op("SoftmaxV2", "softmax", [y], [y]))
    talk.copy("H2D", 1 << 20, asynchronous=True)
    talk.communicate("all_reduce", 1 << 22, 8)
    compute.launch_callback(lambda: seen.append(node.host.now))
    if step % 2:
        device.memory.free(block)
device.synchronize()
folder = Path(tempfile.mkdtemp()) / "vm_1_20260101000000000_ascend_pt"
npusim.write_profiler_output(folder, node.records, chip=node.settings.chip, metrics="PipeUtilization")
files = {
    str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(folder.rglob("*")) if path.is_file()
}
log = npusim.RecordLog(3, 2)  # spilled to the page's own file system
for record in node.records:
    log.add(record.category, record.task, 0, 0, record.launched, record.start, record.duration)
answer = json.dumps({
    "records": [repr(record) for record in node.records],
    "spilled": [(r.name, r.start, r.duration) for r in log],
    "memory": device.memory.stats(),
    "seen": seen,
    "files": files,
    "chips": len(npusim.chip_names()),
})
"""

PAGE = """<!doctype html><title>npusim</title><script type="module">
import { loadPyodide } from "/pyodide/pyodide.mjs";
try {
  const python = await loadPyodide();
  python.unpackArchive(await (await fetch("/npusim.zip")).arrayBuffer(), "zip");
  python.runPython(await (await fetch("/program.py")).text());
  window.answer = python.globals.get("answer");
  window.version = python.runPython("import sys; sys.platform");
} catch (error) { window.answer = "failed: " + error; }
</script>"""


@pytest.fixture(scope="module")
def pyodide() -> Path:
    """The folder with Pyodide, fetched once through npm."""
    sys.path.insert(0, str(ROOT / "book"))
    import vendor

    folder = ROOT / "build" / "vendor-pyodide"
    vendor.vendor(Path(__file__).with_name("package.json"), folder)
    return folder


@pytest.fixture
def address(pyodide, tmp_path):
    """A page on localhost with Pyodide, the package and the program beside it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in PACKAGE.glob("*.py"):
            archive.write(path, f"npusim/{path.name}")
    (tmp_path / "npusim.zip").write_bytes(content.getvalue())
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "pyodide").symlink_to(pyodide / "pyodide")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
        server.shutdown()


def test_a_web_page_gets_the_same_figures(browser, address):
    """The same program in Chromium and in CPython: equal records, statistics and files, byte for byte."""
    page = browser.new_page()
    foreign = []
    page.on(
        "request", lambda asked: None if asked.url.startswith(address[:20]) else foreign.append(asked.url)
    )
    page.goto(address)
    page.wait_for_function("window.answer !== undefined", timeout=120_000)
    said = page.evaluate("window.answer")
    assert not said.startswith("failed"), said[-2000:]
    assert page.evaluate("window.version") == "emscripten"
    page.close()
    command = [sys.executable, "-c", PROGRAM + "\nprint(answer)"]
    here = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(said) == json.loads(here)
    assert foreign == []
