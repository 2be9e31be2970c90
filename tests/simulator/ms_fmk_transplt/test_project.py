"""Whole projects through the commands: what is written, what is refused; the input is never touched."""

from __future__ import annotations

import csv
import hashlib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from ms_fmk_transplt import analyse, circular, gpu2npu, left
from ms_fmk_transplt.rules import load
from torch.nn.parallel import DistributedDataParallel

TRAIN = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    model = nn.Linear(3, 1)
    model = model.cuda()
    data = TensorDataset(torch.randn(64, 3), torch.randn(64, 1))
    loader = DataLoader(data, batch_size=8, shuffle=True)
    for x, y in loader:
        loss = (model(x.cuda()) - y.cuda()).pow(2).mean()
        print(loss.item())


if __name__ == "__main__":
    main()
"""


@pytest.fixture
def place(tmp_path):
    """A small project in `src` with a Chinese name in it, and an existing folder `out`."""
    source = tmp_path / "项目 a"
    (source / "sub").mkdir(parents=True)
    (source / "train.py").write_text(TRAIN, encoding="utf-8")
    (source / "sub" / "数据.py").write_text("import torch\nx = torch.zeros(1).cuda()\n", encoding="utf-8")
    (source / "README.md").write_text("runs on cuda\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    return source, tmp_path / "out"


def call(command, source, out, *more):
    """Run a command as from a shell."""
    return CliRunner().invoke(command, ["-i", str(source), "-o", str(out), "-v", "2.1.0", *more])


def rows(path):
    """The rows of a CSV file that a spreadsheet opens (UTF-8 with a BOM)."""
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def digest(folder: Path) -> dict[str, str]:
    """Every file's hash."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_a_project_is_converted_into_a_folder_beside_its_reports(place):
    """The result holds every file, converted where needed, the reports in their columns, and a log."""
    source, out = place
    before = digest(source)
    result = call(gpu2npu.main, source, out)
    assert result.exit_code == 0, result.output
    folder = out / "项目 a_msft"
    assert "import torch_npu" in (folder / "train.py").read_text(encoding="utf-8")
    assert (folder / "README.md").read_text(encoding="utf-8") == "runs on cuda\n"
    table = rows(folder / "change_list.csv")
    assert table[0] == ["File", "Start Line", "End Line", "Operation Type", "Message"]
    assert ["sub/数据.py", "2", "2", "MODIFY", 'change ".cuda()" to ".npu()"'] in table
    assert rows(folder / "cuda_op_list.csv")[0] == ["File", "Api"]
    assert rows(folder / "unsupported_api.csv")[0] == ["File", "Start Line", "End Line", "OP", "Tips"]
    assert rows(folder / "affinity_api_call.csv")[0][3:] == ["Api Type", "Api Call Name", "Affinity Api Name"]
    assert (folder / "msFmkTranspltlog.txt").stat().st_size > 0
    assert digest(source) == before


def test_converting_the_result_changes_nothing(place, tmp_path):
    """The tool is idempotent: its own output comes out as it went in."""
    source, out = place
    call(gpu2npu.main, source, out)
    again = tmp_path / "again"
    again.mkdir()
    call(gpu2npu.main, out / "项目 a_msft", again)
    first = digest(out / "项目 a_msft")
    second = digest(again / "项目 a_msft_msft")
    assert {k: v for k, v in first.items() if k.endswith(".py")} == {
        k: v for k, v in second.items() if k.endswith(".py")
    }


def test_several_cards(place):
    """`distributed` joins the process group, wraps the model, splits the data, writes the launcher."""
    source, out = place
    result = call(gpu2npu.main, source, out, "distributed", "-m", str(source / "train.py"))
    assert result.exit_code == 0, result.output
    folder = out / "项目 a_msft_multi"
    text = (folder / "train.py").read_text(encoding="utf-8")
    compile(text, "train.py", "exec")
    assert text.index("model = model.npu()") < text.index("DistributedDataParallel(")
    assert "sampler=torch.utils.data.distributed.DistributedSampler(data)" in text
    assert text.index('"__main__"') < text.index('init_process_group(\n        backend="hccl"')
    launcher = folder / "run_distributed_npu.sh"
    assert "please input your shell script here > output_npu_${i}.log" in launcher.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", str(launcher)], check=False).returncode == 0
    assert launcher.stat().st_mode & 0o777 == 0o750


def test_a_project_converted_for_modelarts_can_be_converted_again(place):
    """With -m, the manager lies beside the scripts as it was given, and what the user filled in stays."""
    source, out = place
    (source / "train.py").write_text("print(open('a.txt').read())\n", encoding="utf-8")
    result = call(gpu2npu.main, source, out, "-m")
    assert result.exit_code == 0, result.output
    assert "Fill in ascend_modelarts_function/path_mapping_config.py" in result.output
    first = out / "项目 a_msft"
    config = first / "ascend_modelarts_function" / "path_mapping_config.py"
    config.write_text(
        "PATH_MAPPING_CONFIG = {'input': {'/dataset': 'obs://b/x'}, 'output': {}}\n", encoding="utf-8"
    )
    (out / "again").mkdir()
    assert call(gpu2npu.main, first, out / "again", "-m").exit_code == 0
    second = out / "again" / "项目 a_msft_msft"
    for name in ("train.py", *(f"ascend_modelarts_function/{path.name}" for path in config.parent.iterdir())):
        assert (second / name).read_bytes() == (first / name).read_bytes(), name


def test_a_dataset_made_in_place_is_made_once(place):
    """The sampler must see the very dataset of the loader."""
    source, out = place
    text = TRAIN.replace(
        "DataLoader(data,", "DataLoader(TensorDataset(torch.randn(64, 3), torch.randn(64, 1)),"
    )
    (source / "train.py").write_text(text, encoding="utf-8")
    call(gpu2npu.main, source, out, "distributed", "-m", "train.py")
    text = (out / "项目 a_msft_multi" / "train.py").read_text(encoding="utf-8")
    assert "(loaded := TensorDataset(" in text
    assert "DistributedSampler(loaded)" in text


def test_a_model_under_another_name_must_be_named(place):
    """A model variable that is not found is reported by file; the rest is converted; the exit code is 1."""
    source, out = place
    result = call(gpu2npu.main, source, out, "distributed", "-m", "train.py", "-t", "net")
    assert result.exit_code == 1
    assert "train.py:1: has no variable 'net'" in result.output
    assert "import torch_npu" in (out / "项目 a_msft_multi" / "train.py").read_text(encoding="utf-8")


def test_the_device_can_be_chosen_by_the_environment(place):
    """With -s a script that can be started takes its device from DEVICE_ID."""
    source, out = place
    call(gpu2npu.main, source, out, "-s")
    text = (out / "项目 a_msft" / "train.py").read_text(encoding="utf-8")
    assert 'torch_npu.npu.set_device(int(os.environ.get("DEVICE_ID", "0")))' in text
    assert "DEVICE_ID" not in (out / "项目 a_msft" / "sub" / "数据.py").read_text(encoding="utf-8")


FLAT = """\
import torch
from torch import nn

big = True
if big:
    net = nn.Linear(3, 1)
else:
    net = nn.Linear(3, 2)
device = "cuda" if torch.cuda.is_available() else "cpu"
net.to(device)
if device == "cuda":
    net = nn.DataParallel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(2):
    net.to(device)
"""


def test_a_script_without_a_main_block_is_started_as_one(place):
    """Without `if __name__`, DEVICE_ID counts too, in a script that needed no change as well."""
    source, out = place
    (source / "train.py").write_text(FLAT, encoding="utf-8")
    (source / "plain.py").write_text("import torch\nif __name__ == '__main__':\n    print(torch)\n")
    (source / "plain.py").chmod(0o444)
    assert call(gpu2npu.main, source, out, "-s").exit_code == 0
    for name in ("train.py", "plain.py"):
        text = (out / "项目 a_msft" / name).read_text(encoding="utf-8")
        assert text.index("import torch_npu\n") < text.index("torch_npu.npu.set_device("), name
    assert (out / "项目 a_msft" / "plain.py").stat().st_mode & 0o777 == 0o444


def test_a_model_made_in_branches_is_wrapped_after_them(place):
    """Several cards: torch_npu is imported before its use; all branches are wrapped, in no DataParallel."""
    source, out = place
    (source / "train.py").write_text(FLAT, encoding="utf-8")
    assert call(gpu2npu.main, source, out, "distributed", "-m", "train.py", "-t", "net").exit_code == 0
    text = (out / "项目 a_msft_multi" / "train.py").read_text(encoding="utf-8")
    assert text.count("import torch_npu\n") == 1
    assert text.index("import torch_npu\n") < text.index("torch_npu.npu.set_device(")
    assert text.count("DistributedDataParallel(") == 1
    assert "    net = net\nnet = torch.nn.parallel.DistributedDataParallel(\n    net.npu()" in text
    assert text.index("DistributedDataParallel(") < text.index("optimizer =")
    assert "nn.DataParallel" not in text


def test_a_pipe_is_reported_and_not_waited_for(place):
    """What is no regular file is said and left out."""
    source, out = place
    os.mkfifo(source / "pipe.py")
    result = call(gpu2npu.main, source, out)
    assert result.exit_code == 1
    assert "pipe.py:1: is no regular file" in result.output


def test_a_large_project_says_how_far_it_is(place):
    """Where the standard error is no terminal, lines tell the progress."""
    source, out = place
    for number in range(250):
        (source / f"m{number:03}.py").write_text("x = 1\n")
    result = call(gpu2npu.main, source, out)
    assert result.exit_code == 0
    assert "Converting 200/253" in result.output


def test_an_output_that_cannot_be_written_to_is_one_line(place):
    """No traceback where the folder of the result cannot be made."""
    source, _ = place
    result = call(gpu2npu.main, source, Path("/proc"))
    assert result.exit_code == 1
    assert "cannot be made" in result.output


CELL = {"cell_type": "code", "metadata": {}, "outputs": []}
BROKEN = {
    "python2.py": (b'import torch\nprint "cuda"\n', "is Python 2"),
    "tabs.py": (b"import torch\nif 1:\n    x = 'cuda'\n\ty = 2\n", "inconsistent use of tabs"),
    "gbk.py": ("import torch\nx = '你 cuda'\n".encode("gbk"), "cannot be read as Python"),
    "codec.py": (b"# -*- coding: klingon -*-\nx = 'cuda'\n", "cannot be read as Python"),
    "nul.py": (b"x = 'cuda'\0\n", "is no valid Python 3"),
    "deep.py": (b"x = 'cuda' + " + b"(" * 30_000 + b")" * 30_000, "is nested too deeply"),
    "cell.ipynb": (
        json.dumps({"cells": [CELL | {"source": "import torch"}, CELL | {"source": "a = 'cuda'\n? x ="}]})
        .encode()
        .replace(b"? x =", b"x = = 1"),
        "code cell 2, line 2 is no valid Python 3",
    ),
    "long.py": (b"x = 'cuda'" + b" + 'a'" * 100_000, "is nested too deeply"),
    "book.ipynb": (b'{"cells": "cuda"}', "no notebook"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_reported_and_copied_and_the_rest_converted(place, name):
    """One bad file costs itself: file and line are told, it is copied as it is, the exit code is 1."""
    source, out = place
    data, reason = BROKEN[name]
    (source / name).write_bytes(data)
    result = call(gpu2npu.main, source, out)
    assert result.exit_code == 1, result.output
    assert f"{name}:" in result.output
    assert reason in result.output
    assert (out / "项目 a_msft" / name).read_bytes() == data
    assert "torch_npu" in (out / "项目 a_msft" / "train.py").read_text(encoding="utf-8")


def test_a_file_in_another_encoding_keeps_it(place):
    """A file that says that it is GBK is read so and written so."""
    source, out = place
    text = "# -*- coding: gbk -*-\nimport torch\nx = '你好'; y = torch.device('cuda')\n"
    (source / "g.py").write_bytes(text.encode("gbk"))
    assert call(gpu2npu.main, source, out).exit_code == 0
    assert "'你好'; y = torch.device('npu')" in (out / "项目 a_msft" / "g.py").read_bytes().decode("gbk")


def test_links_are_kept_within_the_project_and_refused_beyond(place):
    """A link inside stays a link; one that leads out is reported and not followed; a loop ends."""
    source, out = place
    (source / "inside.py").symlink_to("train.py")
    (source / "outside").symlink_to("/etc/hostname")
    (source / "loop").symlink_to("..")
    result = call(gpu2npu.main, source, out)
    assert result.exit_code == 1
    assert "outside:1: is a link" in result.output
    assert "loop:1: is a link" in result.output
    assert (out / "项目 a_msft" / "inside.py").readlink() == Path("train.py")
    assert not (out / "项目 a_msft" / "outside").exists()


def test_notebooks_are_converted_cell_by_cell(place):
    """Code cells are converted with imports known across cells; magics, text and outputs stay."""
    source, out = place
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["about cuda"]},
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "source": ["%matplotlib inline\n", "import torch as t"],
        },
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "source": [
                "!ls \\\n",
                "  -l\n",
                "files = !ls\n",
                "t?\n",
                "x = t.zeros(2).cuda()\n",
                "t.cuda.synchronize()",
            ],
        },
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": "%%bash\necho cuda"},
    ]
    (source / "b.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    result = call(gpu2npu.main, source, out)
    assert result.exit_code == 0, result.output
    book = json.loads((out / "项目 a_msft" / "b.ipynb").read_text(encoding="utf-8"))
    sources = ["".join(c["source"]) for c in book["cells"]]
    assert sources == [
        "about cuda",
        "%matplotlib inline\nimport torch as t\nimport torch_npu",
        "!ls \\\n  -l\nfiles = !ls\nt?\nx = t.zeros(2).npu()\ntorch_npu.npu.synchronize()",
        "%%bash\necho cuda",
    ]


@pytest.mark.parametrize("command", [gpu2npu.main, analyse.main])
def test_a_circular_import_that_fails_is_reported_by_file_and_line(place, command):
    """Who asks a module for a name that it has not got yet is told; the files are converted all the same."""
    source, out = place
    (source / "a.py").write_text("import torch\nfrom b import x\n\ny = torch.zeros(1).cuda()\n")
    (source / "b.py").write_text("import os\n\nfrom a import y\n\nx = 1\n")
    (source / "train.py").write_text("from a import y\n")
    result = call(command, source, out)
    assert result.exit_code == 1
    assert "b.py:3: imports 'y' from a.py, which imports this file before it has that name" in result.output
    if command is gpu2npu.main:
        assert ".npu()" in (out / "项目 a_msft" / "a.py").read_text()


CIRCLES = {
    "a plain import": {"a.py": "import b\n", "b.py": "import a\n"},
    "a name bound before": {
        "a.py": "y = 1\nfrom b import x\n",
        "b.py": "from a import y\nx = 1\n",
        "m.py": "import a\n",
    },
    "within a function": {"a.py": "from b import x\n", "b.py": "def f():\n    from a import y\nx = 1\n"},
    "for types alone": {
        "a.py": "from b import x\n",
        "b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import y\nx = 1\n",
    },
    "a package and its module": {
        "p/__init__.py": "from . import s\nfrom .s import f\n",
        "p/s.py": "from p import t\nf = 1\n",
        "p/t.py": "",
    },
    "an import that is tried": {
        "a.py": "from b import x\n",
        "b.py": "try:\n    from a import y\nexcept ImportError: y = 1\nx = 1\n",
    },
}


@pytest.mark.parametrize("name", CIRCLES)
def test_a_circle_that_works_is_no_fault(tmp_path, name):
    """Python imports these, and so the tool says nothing."""
    for file, text in CIRCLES[name].items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    assert circular.find(tmp_path) == {}
    for file in CIRCLES[name]:
        module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        command = [sys.executable, "-c", f"import {module}"]
        if name != "a name bound before":
            assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


def test_reports_tell_the_cell_of_a_notebook(place):
    """Lines of a notebook are counted in a code cell, which stands beside the file's name."""
    source, out = place
    cells = [CELL | {"source": "import torch\n"}, CELL | {"source": "x = 1\n\ny = torch.zeros(x).cuda()"}]
    (source / "b.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    assert call(gpu2npu.main, source, out).exit_code == 0
    table = rows(out / "项目 a_msft" / "change_list.csv")
    assert ["b.ipynb (code cell 1)", "1", "1", "INSERT", 'add "import torch_npu"'] in table
    assert ["b.ipynb (code cell 2)", "3", "3", "MODIFY", 'change ".cuda()" to ".npu()"'] in table
    told = [(found.line, found.what) for found in left.find(source / "b.ipynb")]
    assert told == [(3, 'in code cell 2, change ".cuda()" to ".npu()"')]


PAIR = """\
import torch
from torch import nn
from torch.utils.data import DataLoader


class Trainer:
    def __init__(self, data):
        self.net, self.critic = nn.Linear(2, 2), nn.Linear(2, 1)
        self.net.cuda()
        self.critic.cuda()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.second = torch.optim.SGD(self.critic.parameters(), lr=0.1)
        self.loader = DataLoader(data, batch_size=2, shuffle=True)

    def train(self):
        for epoch in range(3):
            for batch in self.loader:
                pass


model = nn.Linear(2, 2)
model.load_state_dict({})
model.cuda()
model.load_state_dict({})
torch.save(model.state_dict(), "a.pt")
print(model.in_features, model.training)
loader = DataLoader([1], shuffle=True)
for epoch in range(2):
    model.train()


def test(model):
    return model.in_features
"""


def distributed(place, text, *more):
    """The output of the command, and the script for several cards."""
    source, out = place
    (source / "train.py").write_text(text, encoding="utf-8")
    result = call(gpu2npu.main, source, out, "distributed", "-m", "train.py", *more)
    new = (out / "项目 a_msft_multi" / "train.py").read_text(encoding="utf-8")
    compile(new, "train.py", "exec")
    return result, new


def test_several_models_are_wrapped_attributes_too(place):
    """-t takes a variable such as self.net, and several of them."""
    result, text = distributed(place, PAIR, "-t", "self.net", "-t", "self.critic", "-t", "model")
    assert result.exit_code == 0, result.output
    for name in ("self.net", "self.critic", "model"):
        assert f"{name} = torch.nn.parallel.DistributedDataParallel(" in text
        assert text.count(f"{name}.npu(), device_ids=") == 1
    assert text.index("self.critic.npu(), device") < text.index("self.optimizer =")
    assert "        for epoch in range(3):\n            self.loader.sampler.set_epoch(epoch)\n" in text
    assert "for epoch in range(2):\n    loader.sampler.set_epoch(epoch)\n    model.train()" in text


def test_a_model_that_is_not_wrapped_is_told(place):
    """What an optimizer takes besides is in the list of doubts, with its line and what to give."""
    result, _ = distributed(place, PAIR, "-t", "self.net")
    assert result.exit_code == 0, result.output
    table = rows(place[1] / "项目 a_msft_multi" / "unknown_api.csv")
    assert [(row[1], row[3], row[4][-14:]) for row in table[1:]] == [("12", "self.critic", "-t self.critic")]


def test_what_the_wrapping_has_not_is_asked_of_the_model_in_it(place):
    """Below the wrapping, in the same scope: attributes of its own, and what is saved and loaded."""
    _, text = distributed(place, PAIR)
    before, after = text.split("model = torch.nn.parallel.DistributedDataParallel(")
    assert "\nmodel.load_state_dict({})" in before
    assert "\nmodel.module.load_state_dict({})\ntorch.save(model.module.state_dict()" in after
    assert "print(model.module.in_features, model.training)" in after
    assert "return model.in_features" in after


def test_a_sampler_that_nobody_tells_the_epoch_is_told_of(place):
    """Without a loop over epochs that sees the loader, the list of doubts names the loader."""
    distributed(place, TRAIN)
    table = rows(place[1] / "项目 a_msft_multi" / "unknown_api.csv")
    assert [(row[1], row[3]) for row in table[1:]] == [("10", "loader.sampler")]


def test_every_attribute_of_the_wrapping_is_in_the_rules():
    """The rules say what DistributedDataParallel has of its own, and nothing that it has not."""
    has = {name for name in dir(DistributedDataParallel) if not name.startswith("_")}
    source = Path(inspect.getfile(DistributedDataParallel)).read_text(encoding="utf-8")
    own = has | {name for name in load().parallel if f"self.{name}" in source} | {"npu", "training"}
    assert load().parallel <= own
    assert {"load_state_dict", "state_dict"} <= has - load().parallel


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "nowhere"}, "-i 'nowhere' does not exist"),
        ({"out": "nowhere"}, "-o 'nowhere' is no folder; make it first"),
        ({"more": ("-v", "0.4")}, "-v '0.4' is no PyTorch version"),
        ({"more": ("distributed", "-m", "absent.py")}, "-m 'absent.py' is no Python file"),
        ({"more": ("distributed", "-m", "README.md")}, "-m 'README.md' is no Python file"),
    ],
)
def test_a_wrong_call_is_one_line_and_writes_nothing(place, change, message):
    """Whatever is wrong with a call is said before anything is written."""
    source, out = place
    result = call(gpu2npu.main, change.get("source", source), change.get("out", out), *change.get("more", ()))
    assert result.exit_code == 1
    assert message in result.output
    assert list(out.iterdir()) == []


def test_a_result_is_never_overwritten(place):
    """A second run into the same folder is refused, and the first result stays."""
    source, out = place
    call(gpu2npu.main, source, out)
    before = digest(out)
    result = call(gpu2npu.main, source, out)
    assert result.exit_code == 1
    assert "exists already; remove it" in result.output
    assert digest(out) == before


def test_a_result_within_the_project_is_refused(place):
    """The project is only read."""
    source, _ = place
    result = call(gpu2npu.main, source, source)
    assert result.exit_code == 1
    assert "lies in the project" in result.output


def test_analysis_reports_and_converts_nothing(place):
    """PyTorch Analyse writes its lists and its log, no scripts."""
    source, out = place
    result = call(analyse.main, source, out)
    assert result.exit_code == 0, result.output
    names = sorted(p.name for p in (out / "项目 a_analysis").iterdir())
    assert names == [
        "api_performance_advice.csv",
        "api_precision_advice.csv",
        "cuda_op_list.csv",
        "pytorch_analysis.txt",
        "unknown_api.csv",
        "unsupported_api.csv",
    ]


def test_a_library_is_analysed_through_its_own_calls(tmp_path):
    """A function that calls an unsupported one is unsupported, across files and analyses."""
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "__init__.py").write_text("")
    (lib / "ops.py").write_text(
        "import torch\ndef nms(x):\n    return torch.cuda.nccl.version()\ndef fine(x):\n    return x.cuda()\n"
    )
    (lib / "api.py").write_text(
        "from .ops import nms\nclass A:\n    def go(self):\n        return self.step()\n"
        "    def step(self):\n        return nms(1)\n"
    )
    (tmp_path / "out").mkdir()
    result = call(analyse.main, lib, tmp_path / "out", "-m", "third_party")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "out" / "lib_analysis"
    assert [r[3] for r in rows(folder / "framework_unsupported_op.csv")[1:]] == ["lib.ops.nms"]
    full = {r[3] for r in rows(folder / "full_unsupported_results.csv")[1:]}
    assert full == {"lib.ops.nms", "lib.api.A.step", "lib.api.A.go"}
    assert [r[3] for r in rows(folder / "migration_needed_op.csv")[1:]] == ["lib.ops.fine"]
    user = tmp_path / "user"
    user.mkdir()
    (user / "a.py").write_text("import torch\nfrom lib.api import A\nfrom lib.ops import nms\nnms(3)\n")
    result = call(analyse.main, user, tmp_path / "out", "-api", str(folder / "full_unsupported_results.csv"))
    assert [r[3] for r in rows(tmp_path / "out" / "user_analysis" / "unsupported_api.csv")[1:]] == [
        "lib.ops.nms"
    ]


@pytest.mark.slow
def test_the_dynamic_shape_recorder_finds_the_operator_that_changes(tmp_path):
    """The instrumented copy runs, and its report names the line whose shapes differ from turn to turn."""
    source = tmp_path / "p"
    source.mkdir()
    (source / "t.py").write_text(
        "import torch\ndata = [torch.ones(2), torch.ones(3)]\n"
        "for x in data:\n    y = x * 2\n    z = torch.ones(4) + 1\n"
    )
    (tmp_path / "out").mkdir()
    result = call(analyse.main, source, tmp_path / "out", "-m", "dynamic_shape")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "out" / "p_analysis"
    text = (folder / "t.py").read_text().replace("in data", "in DETECTOR.start(data)")
    (folder / "t.py").write_text(text)
    subprocess.run(
        [sys.executable, "t.py"],
        cwd=folder,
        check=True,
        env={**os.environ, "TORCH_DEVICE_BACKEND_AUTOLOAD": "0"},
    )
    table = rows(folder / "msft_dynamic_shape_analysis_report.csv")
    assert [(r[0], Path(r[1]).name) for r in table[1:]] == [("aten.mul.Tensor", "t.py:5")]


def test_the_linter_says_what_is_left_and_is_silent_when_nothing_is(place):
    """`cuda-left` names file and line, also in scripts and settings, until nothing is left."""
    source, out = place
    (source / "run.sh").write_text("#!/bin/bash\nCUDA_VISIBLE_DEVICES=0 python train.py\n")
    (source / "k.cu").write_text("__global__ void f() {}\n")
    result = CliRunner().invoke(left.main, [str(source)])
    assert result.exit_code == 1
    assert 'train.py:8: change ".cuda()" to ".npu()"' in result.output
    assert "run.sh:2: says 'CUDA_VISIBLE_DEVICES'" in result.output
    assert "k.cu:1: a CUDA kernel" in result.output
    (source / "run.sh").unlink()
    (source / "k.cu").unlink()
    call(gpu2npu.main, source, out)
    for report in (out / "项目 a_msft").glob("*.[ct][sx][vt]"):
        report.unlink()
    result = CliRunner().invoke(left.main, [str(out / "项目 a_msft")])
    assert (result.exit_code, result.output) == (0, "nothing of CUDA is left\n")


def test_what_has_another_meaning_is_left_after_the_conversion_too(place):
    """A compute capability is None on an NPU under its new name as well: `cuda-left` goes on naming it."""
    source, out = place
    (source / "choose.py").write_text("import torch\n\nnew = torch.cuda.get_device_capability() >= (8, 0)\n")
    before = [found.line for found in left.find(source / "choose.py")]
    call(gpu2npu.main, source, out)
    after = list(left.find(out / "项目 a_msft" / "choose.py"))
    assert set(before) == {3}
    assert [(found.line, found.what.partition(":")[0]) for found in after] == [
        (4, "torch_npu.npu.get_device_capability")
    ]
