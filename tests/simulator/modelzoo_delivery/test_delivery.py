"""The template and the checker of deliveries: a good one passes, and each fault is named with its place."""
# ruff: noqa: E501 - a line of a table of faults is one fault

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from modelzoo_delivery import checks, shell
from modelzoo_delivery.cli import main
from modelzoo_delivery.errors import NoFolderError
from modelzoo_delivery.folder import Delivery
from modelzoo_delivery.results import as_number, read_table
from modelzoo_delivery.rules import load

NETWORK = "Tiny_for_PyTorch"
LOG = """\
Network = Tiny_for_PyTorch
RankSize = {cards}
BatchSize = 64
DeviceType = aarch64
CaseName = Tiny_for_PyTorch_bs64_{cards}p_{kind}
ActualFPS = {fps}
TrainingTime = 0.86
TrainAccuracy = {accuracy}
ActualLoss = 0.0076
E2ETrainingTime = 8
"""
SAID = {}
ROWS = """\
| 1p-GPU | 76.20 | 1000 | 10 | - | 2.1 |
| 1p-NPU | 76.00 | 1101.5 | 10 | - | 2.1 |
| 8p-NPU | 75.90 | 8000 | 10 | - | 2.1 |
"""


def call(*arguments):
    """The command, as from a shell."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def edit(path, old, new):
    """Replace a text that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(autouse=True)
def remembered(monkeypatch):
    """What shellcheck said of a script, asked once for each content: most tests leave the scripts alone."""
    real = shell.shellcheck

    def ask(program, path, severity):
        key = (path.read_bytes(), severity)
        if key not in SAID:
            SAID[key] = real(program, path, severity)
        return SAID[key]

    monkeypatch.setattr(shell, "shellcheck", ask)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A delivery from the template with everything filled in, and its logs."""
    folder = tmp_path_factory.mktemp("good") / NETWORK
    assert call("new", folder).exit_code == 0
    (folder / "LICENSE").write_text("BSD 3-Clause License\n", encoding="utf-8")
    (folder / "modelzoo_level.txt").write_text(
        "FuncStatus:OK\nPerfStatus:OK\nPrecisionStatus:OK\n", encoding="utf-8"
    )
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = re.sub(r"(\| 1p-.*\n)+", lambda _: ROWS, text)
    text = text.replace("commit_id=FILL IN", "commit_id=540a0ea1abaee379fa36").replace("FILL IN", "this")
    readme.write_text(text, encoding="utf-8")
    request = folder.with_name(f"{NETWORK}.pull_request.md")
    request.write_text(request.read_text(encoding="utf-8").replace("FILL IN", "this"), encoding="utf-8")
    output = folder / "test" / "output" / "0"
    output.mkdir(parents=True)
    for cards, fps, accuracy in ((1, 1101.52, 76.0), (8, 8000, 75.9)):
        for kind in ("acc", "perf"):
            log = LOG.format(cards=cards, kind=kind, fps=fps, accuracy=accuracy)
            (output / f"{NETWORK}_bs64_{cards}p_{kind}.log").write_text(log, encoding="utf-8")
    (output / "train_0.log").write_text("Epoch: [0]  Loss 0.4  FPS 1101.52\n", encoding="utf-8")
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of it to spoil."""
    for path in finished.parent.iterdir():
        target = tmp_path / path.name
        shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)
    return tmp_path / NETWORK


def findings(folder, code):
    """The findings of one rule."""
    return [found for found in checks.check(Delivery(folder), load()) if found.code == code]


def test_a_finished_delivery_passes(folder):
    """A delivery with everything in it has no finding, not even a warning, and ends with 0."""
    result = call("check", folder)
    assert result.output == "0 errors, 0 warnings\n"
    assert result.exit_code == 0


def test_a_new_delivery_says_what_is_to_be_filled_in(tmp_path):
    """The template passes shellcheck and every rule of scripts; what is left is the author's text and logs."""
    call("new", tmp_path / NETWORK)
    codes = {found.code for found in checks.check(Delivery(tmp_path / NETWORK), load())}
    assert codes == {
        "text-left", "level-value", "log-missing", "fps-missing", "readme-source",
    }  # fmt: skip
    result = call("check", tmp_path / NETWORK)
    assert result.exit_code == 1
    assert "README.md:" in result.output


GOOD_LOG = "test/output/0/Tiny_for_PyTorch_bs64_1p_perf.log"
SPOILED = [
    ("README.md", "| 1101.5 |", "| 1501.5 |", "fps-differs", "README.md", "claims 1501.5 FPS"),
    ("README.md", "| 76.00 |", "| 76.20 |", "accuracy-differs", "README.md", "claims Acc@1 76.2"),
    ("README.md", "| 1p-GPU | 76.20", "| 1p-GPU | 78.20", "accuracy-gap", "README.md", "2.8% worse, 1%"),
    ("README.md", "| 1p-GPU | 76.20 | 1000", "| 1p-GPU | 76.20 | 1500", "level-speed", "modelzoo_level.txt", "0.73"),
    ("README.md", "| 8p-NPU | 75.90 | 8000 | 10 | - | 2.1 |\n", "", "readme-row", "README.md", "no row 8p-NPU"),
    ("README.md", "1p-GPU", "1p", "readme-reference", "README.md", "no row to compare"),
    ("README.md", "FPS | Epochs", "Speed | Epochs", "readme-table", "README.md", "no table"),
    ("README.md", "test/train_full_1p.sh", "test/train_all_1p.sh", "readme-script", "README.md", "train_all_1p.sh"),
    ("README.md", "commit_id=540", "commit=540", "readme-source", "README.md", "which commit"),
    ("modelzoo_level.txt", "PerfStatus:OK", "PerfStatus:GOOD", "level-value", "modelzoo_level.txt", "'GOOD'"),
    ("modelzoo_level.txt", "PerfStatus:OK\n", "", "level-missing", "modelzoo_level.txt", "PerfStatus is"),
    ("modelzoo_level.txt", "PerfStatus:OK", "PerfStatus: OK", "level-blank", "modelzoo_level.txt", "blanks"),
    ("modelzoo_level.txt", "PerfStatus", "SpeedStatus", "level-unknown", "modelzoo_level.txt", "no key SpeedStatus"),
    ("modelzoo_level.txt", "FuncStatus:OK", "FuncStatus:NOK", "level-stops", "modelzoo_level.txt", "keeps"),
    ("modelzoo_level.txt", "FuncStatus:OK", "<<<<<<< HEAD", "level-line", "modelzoo_level.txt", "Key:Value"),
    ("modelzoo_level.txt", "FuncStatus", "GPUStatus:OK\nFuncStatus", "level-missing", "modelzoo_level.txt", "AutoTune"),
    ("test/train_performance_1p.sh", "train_epochs=1", "train_epochs=90", "performance-epochs", None, "90 epochs"),
    ("test/train_full_1p.sh", "RANK_SIZE=1", "RANK_SIZE=4", "script-cards", None, "RANK_SIZE is 4"),
    ("test/train_full_1p.sh", '"Tiny_for_PyTorch"', '"Big"', "script-network", None, "'Big'"),
    ("test/train_full_1p.sh", "Final Train Accuracy", "accuracy", "script-print", None, "Final Train Accuracy"),
    ("test/train_full_1p.sh", 'data_path=""', 'data_path="/home/learner/data"', "absolute-path", None, "/home/learner/data"),
    ("test/train_full_1p.sh", 'cd "$cur_path" || exit 1', "cd $cur_path", "shellcheck", None, "SC2164"),
    ("test/train_full_1p.sh", "start_time=", "wget https://data.example/a.zip\nstart_time=", "script-fetches", None, ""),
    ("main.py", "import argparse\n", "import argparse\nW = 'https://a.example/w.pth'\n", "address", None, "w.pth"),
    ("main.py", "import argparse\n", "import argparse\nW = '/dataset/imagenet/train'\n", "absolute-path", None, "imagenet"),
    ("main.py", "import argparse\n", "import argparse\nB = 'D:\\\\data'\n", "absolute-path", None, "D:"),
    (GOOD_LOG, "ActualFPS = 1101.52", "ActualFPS = ", "log-value", None, "''"),
    (GOOD_LOG, "ActualLoss = 0.0076\n", "", "log-key", None, "ActualLoss"),
    (GOOD_LOG, "RankSize = 1", "RankSize = 2", "log-cards", None, "RankSize is 2"),
    ("test/output/0/train_0.log", "Epoch", "RuntimeError: out of memory\nEpoch", "log-failure", None, "memory"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "code", "at", "says"), SPOILED)
def test_each_fault_is_named_with_its_place(folder, file, old, new, code, at, says):  # noqa: PLR0913, PLR0917 - a row of the table
    """One fault in a good delivery gives a finding of its rule, at its file and line, saying the value."""
    edit(folder / file, old, new)
    found = findings(folder, code)
    assert found, [str(other) for other in checks.check(Delivery(folder), load())]
    assert found[0].file == (at or file)
    assert says in found[0].message
    assert found[0].line <= len((folder / found[0].file).read_text(encoding="utf-8").splitlines())


def test_the_line_of_a_finding_is_where_it_stands(folder):
    """The line of a finding is that of the text, counted from 1."""
    edit(folder / "README.md", "| 1101.5 |", "| 1501.5 |")
    (found,) = findings(folder, "fps-differs")
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert "1501.5" in lines[found.line - 1]


@pytest.mark.parametrize(
    ("file", "code"),
    [(name.split(" | ")[0], "file-missing") for name in load()["files"]]
    + [(GOOD_LOG, "log-missing"), ("test/train_full_8p.sh", "file-missing")],
)
def test_a_file_that_is_missing_is_named(folder, file, code):
    """Every file that ModelZoo asks for is missed when it is not there."""
    (folder / file).unlink()
    assert findings(folder, code)


def test_windows_line_ends_are_named_once(folder):
    """A script saved on Windows is one finding, and not one of shellcheck a line."""
    path = folder / "test" / "train_full_1p.sh"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    codes = [f.code for f in checks.check(Delivery(folder), load()) if f.file == "test/train_full_1p.sh"]
    assert codes == ["script-line-ends"]


def test_what_is_allowed_is_not_reported(folder):
    """CANN's own paths, comments, docstrings, stated addresses and variables' paths are no findings."""
    edit(
        folder / "main.py", "import argparse\n", '"see /home/learner/notes"\nX = f"{Y}/a/b"\nZ = "https://ok.example/x"\n'
    )  # fmt: skip
    edit(
        folder / "test" / "env_npu.sh",
        "export TASK_QUEUE_ENABLE=1",
        "# /home/learner/x\nsource /usr/local/Ascend/ascend-toolkit/set_env.sh\nexport A=${B}/c/d TASK_QUEUE_ENABLE=1",
    )
    with (folder / "public_address_statement.md").open("a", encoding="utf-8") as stream:
        stream.write("| a | b | main.py | https://ok.example/x | weights |\n")
    assert call("check", folder).output == "0 errors, 0 warnings\n"


def test_a_lower_figure_can_be_the_better_one(folder):
    """Of a loss or an error rate, the higher one is the worse."""
    edit(folder / "README.md", "| NAME | Acc@1 |", "| NAME | Error rate |")
    edit(folder / "README.md", "| 1p-GPU | 76.20", "| 1p-GPU | 74.00")
    (found,) = findings(folder, "accuracy-gap")
    assert "2.7% worse" in found.message


def test_a_stated_lower_precision_allows_the_gap(folder):
    """A delivery that says PrecisionStatus:POK is not reproached with its gap."""
    edit(folder / "README.md", "| 1p-GPU | 76.20", "| 1p-GPU | 78.20")
    edit(folder / "modelzoo_level.txt", "PrecisionStatus:OK", "PrecisionStatus:POK")
    assert not findings(folder, "accuracy-gap")


def test_the_reports_are_read_by_other_programs(folder, tmp_path):
    """JSON and CSV hold the findings of the screen; the CSV opens in a spreadsheet and computes nothing."""
    edit(folder / "README.md", "| 1101.5 |", "| 1501.5 |")
    (folder / "=1+1_train.md").write_text("FILL IN\n", encoding="utf-8")
    out, table = tmp_path / "结果.json", tmp_path / "结果.csv"
    assert call("check", folder, "--json", out, "--csv", table).exit_code == 1
    whole = json.loads(out.read_text(encoding="utf-8"))
    assert whole["errors"] == len(whole["findings"]) == 2
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["code"] for row in rows] == [found["code"] for found in whole["findings"]]
    assert rows[0]["file"] == "'=1+1_train.md"


def test_results_are_printed_as_the_table_of_the_readme(folder):
    """`delivery results` prints rows that, put into README.md, agree with the logs."""
    text = call("results", folder).output
    rows = read_table(text, load()["results"])
    assert [(row.cards, row.fps, row.accuracy) for row in rows] == [
        (1, 1101.52, {"Acc@1": 76.0}),
        (8, 8000, {"Acc@1": 75.9}),
    ]


@pytest.mark.parametrize(
    ("text", "number"), [("631", 631), ("17.66fps", 17.66), ("76.2%", 76.2), ("-", None), ("8,000", 8000)]
)
def test_figures_are_read_as_people_write_them(text, number):
    """A cell of a table is a number with or without its unit, or none."""
    assert as_number(text) == number


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("test/train_full_1p.sh", ("full", 1)),
        ("test/train_ID0103_CRNN_performance_16p.sh", ("performance", 16)),
        ("test/train_eval_8p.sh", None),
    ],
)
def test_a_scripts_name_says_what_it_trains(name, case):
    """Kind and cards are read from the names that ModelZoo gives."""
    assert shell.case(name) == case


def test_without_shellcheck_it_says_so(folder, monkeypatch):
    """Where shellcheck is not installed, a warning says that scripts were not checked."""
    monkeypatch.setattr(shell, "shellcheck_program", lambda: None)
    (found,) = findings(folder, "shellcheck-missing")
    assert found.severity == "warning"


def test_bad_calls_are_refused_in_one_line(tmp_path):
    """A folder that is none, a name that is none, and a folder that exists are refused; nothing is written."""
    result = call("check", tmp_path / "absent")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    with pytest.raises(NoFolderError):
        Delivery(tmp_path / "absent")
    assert "no name for a network" in call("new", tmp_path / "resnet").output
    (tmp_path / NETWORK).mkdir()
    assert "exists already" in call("new", tmp_path / NETWORK).output
    assert "no log of results" in call("results", tmp_path / NETWORK).output
    assert list(tmp_path.iterdir()) == [tmp_path / NETWORK]


def test_what_is_no_text_does_not_stop_it(folder):
    """Binary files, a Python 2 file, odd encodings and links are passed over."""
    (folder / "weights.py").write_bytes(bytes(range(256)) * 10)
    (folder / "old.py").write_text("print 'hello'\n", encoding="utf-8")
    (folder / "数据.yaml").write_bytes("路径: x".encode("gbk"))
    (folder / "loop").symlink_to(folder)
    assert call("check", folder).output == "0 errors, 0 warnings\n"


@pytest.mark.slow
def test_the_template_trains_and_its_logs_are_what_the_checker_reads(tmp_path):
    """The scripts of a new delivery run on one card and on two, and leave whole logs."""
    import torch

    call("new", tmp_path / NETWORK)
    (tmp_path / "data").mkdir()
    torch.manual_seed(0)
    images = torch.randn(512, 16)
    torch.save({"images": images, "labels": (images[:, 0] > 0).long()}, tmp_path / "data" / "data.pt")
    folder = tmp_path / NETWORK
    edit(folder / "test" / "train_full_8p.sh", "RANK_SIZE=8", "RANK_SIZE=2")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name in ("train_performance_1p.sh", "train_full_8p.sh"):
        done = subprocess.run(
            ["bash", str(folder / "test" / name), "--data_path=data", "--train_epochs=1"],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "MASTER_PORT": port},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Final Performance images/sec : " in done.stdout
    assert (folder / "test" / "output" / "1" / "train_1.log").is_file()
    assert not [f for f in checks.check(Delivery(folder), load()) if f.code in {"log-key", "log-value"}]
