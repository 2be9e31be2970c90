"""Training jobs shaped as on ModelArts: what a script is given, what comes back, and the store in between."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner
from modelarts_job import job as jobs
from modelarts_job import store as stores
from modelarts_job.cli import main
from modelarts_job.errors import StoreError
from ms_fmk_transplt import gpu2npu


@pytest.fixture(scope="module")
def store():
    """A running store with an empty bucket."""
    with stores.serve("bucket") as running:
        yield running


@pytest.fixture
def moxing(store, monkeypatch):
    """`moxing.file` as a job imports it."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    path = jobs.IMAGE / "moxing" / "file.py"
    spec = importlib.util.spec_from_file_location("moxing_file", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def place(tmp_path):
    """Folders of code and data, with a Chinese name and a blank in them."""
    code, data = tmp_path / "代码 a", tmp_path / "data"
    code.mkdir()
    (data / "深").mkdir(parents=True)
    (data / "深" / "x.txt").write_text("twelve\n", encoding="utf-8")
    return code, data, tmp_path / "back"


def submit(place, script, *more):
    """Run a job whose boot file is this script."""
    code, data, back = place
    (code / "train.py").write_text(textwrap.dedent(script), encoding="utf-8")
    arguments = [
        "--code-dir",
        code,
        "--boot-file",
        "train.py",
        "--data-url",
        data,
        "--train-url",
        back,
        *more,
    ]
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_a_script_gets_copies_of_its_data_and_its_output_comes_back(place):
    """--data_url holds the data; what is written to --train_url comes back, and the log, and nothing else."""
    result = submit(
        place,
        """\
        import argparse, os, pathlib
        parser = argparse.ArgumentParser()
        parser.add_argument("--data_url"); parser.add_argument("--train_url"); parser.add_argument("--epochs")
        args = parser.parse_args()
        text = pathlib.Path(args.data_url, "深", "x.txt").read_text(encoding="utf-8")
        pathlib.Path(args.train_url, "out").mkdir()
        pathlib.Path(args.train_url, "out", "y.txt").write_text(text * int(args.epochs), encoding="utf-8")
        assert args.data_url.endswith("/home/ma-user/modelarts/inputs/data_url_0/")
        assert args.train_url.endswith("/home/ma-user/modelarts/outputs/train_url_0/")
        assert os.path.dirname(os.getcwd()) == os.environ["MA_JOB_DIR"]
        print("hosts", os.environ["MA_NUM_HOSTS"], "mine", os.environ["MINE"])
        """,
        "--env-variables",
        "MINE=a=b",
        "--",
        "--epochs=2",
    )
    assert result.exit_code == 0, result.output
    back = place[2]
    log = back / "modelarts-job-0-worker-0.log"
    assert sorted(path for path in back.rglob("*") if path.is_file()) == [log, back / "out" / "y.txt"]
    assert (back / "out" / "y.txt").read_text(encoding="utf-8") == "twelve\n" * 2
    assert "hosts 1 mine a=b" in log.read_text(encoding="utf-8")
    assert "hosts 1 mine a=b" in result.output


def test_a_script_that_fails_gives_its_code_and_its_log(place):
    """A job that fails ends with the script's code, and log and output so far come back."""
    result = submit(place, "import sys\nprint('bad 数据')\nsys.exit(7)\n")
    assert result.exit_code == 7
    text = (place[2] / "modelarts-job-0-worker-0.log").read_text(encoding="utf-8")
    assert "bad 数据" in text
    assert "return code: 7" in text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--boot-file", "absent.py"), "--boot-file 'absent.py' is no file of"),
        (("--boot-file", "../data/深/x.txt"), "is no file of"),
        (("--code-dir", "nowhere"), "--code-dir 'nowhere' is no folder"),
        (("--data-url", "nowhere"), "--data-url 'nowhere' is no folder"),
        (("--env-variables", "MA_JOB_DIR=x"), "MA_JOB_DIR=x"),
        (("--env-variables", "x"), "not of the form NAME=VALUE"),
    ],
)
def test_a_wrong_call_is_one_line_and_runs_nothing(place, more, message):
    """Whatever is wrong with a call is said before anything is uploaded or written."""
    result = submit(place, "", *more)
    assert result.exit_code == 1
    assert message in result.output
    assert result.output.count("\n") == 1
    assert not place[2].exists()


def test_results_are_never_overwritten(place):
    """A folder with something in it is refused."""
    place[2].mkdir()
    (place[2] / "mine.txt").write_text("mine", encoding="utf-8")
    assert "has something in it" in submit(place, "").output


def test_without_its_packages_the_store_says_what_to_install(monkeypatch):
    """Where moto is not installed, the error names it and the command."""
    monkeypatch.setitem(sys.modules, "moto.server", None)
    with pytest.raises(StoreError, match=r"pip install boto3 'moto\[s3\]'"), stores.serve("bucket"):
        pass


def test_moxing_copies_between_store_and_disk(moxing, tmp_path):
    """Files and folders go to the store and back unchanged, by obs:// and s3://."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.bin").write_bytes(bytes(range(256)))
    (tmp_path / "a" / "名.txt").write_text("字", encoding="utf-8")
    moxing.copy_parallel(str(tmp_path / "a"), "obs://bucket/one")
    assert moxing.list_directory("s3://bucket/one") == ["b", "名.txt"]
    assert moxing.list_directory("obs://bucket/one/", recursive=True) == ["b/c.bin", "名.txt"]
    assert moxing.get_size("obs://bucket/one/b/c.bin") == 256
    assert moxing.get_size("obs://bucket/one", recursive=True) == 259
    moxing.copy_parallel("obs://bucket/one", str(tmp_path / "back"))
    assert (tmp_path / "back" / "b" / "c.bin").read_bytes() == bytes(range(256))
    moxing.copy("obs://bucket/one/b/c.bin", "obs://bucket/two/d.bin")
    moxing.copy("obs://bucket/two/d.bin", str(tmp_path / "new" / "d.bin"))
    assert (tmp_path / "new" / "d.bin").stat().st_size == 256
    assert moxing.read("obs://bucket/one/名.txt") == "字"
    moxing.write("obs://bucket/two/e.txt", "é")
    assert moxing.read("obs://bucket/two/e.txt", binary=True) == "é".encode()


@pytest.mark.parametrize("url", ["obs://bucket/nothing", "obs://bucket/na"])
def test_moxing_tells_what_is_not_there(moxing, url, tmp_path):
    """What is not in the store is neither file nor folder, and copying it an error; a prefix is no folder."""
    moxing.write("obs://bucket/name/x", "1")
    assert not moxing.exists(url)
    assert not moxing.is_directory(url)
    for call in (moxing.copy, moxing.copy_parallel):
        with pytest.raises(FileNotFoundError, match="nothing at this address"):
            call(url, str(tmp_path / "x"))
    with pytest.raises(FileNotFoundError):
        moxing.read(url)
    assert list(tmp_path.iterdir()) == []


def test_moxing_makes_and_finds_folders(moxing):
    """An empty folder exists once it was made."""
    assert not moxing.exists("obs://bucket/empty")
    moxing.make_dirs("obs://bucket/empty")
    assert moxing.exists("obs://bucket/empty")
    assert moxing.is_directory("obs://bucket/empty")
    assert (
        moxing.list_directory("obs://bucket/empty") == [""]
        or moxing.list_directory("obs://bucket/empty") == []
    )


def test_what_moxing_has_more_is_refused_by_name(moxing):
    """A function that is not simulated says so in one line."""
    with pytest.raises(NotImplementedError, match=r"moxing\.file\.remove is not simulated"):
        _ = moxing.remove


def test_moxing_is_only_found_inside_a_job():
    """Elsewhere there is no moxing, by which converted projects know that they are not on ModelArts."""
    assert importlib.util.find_spec("moxing") is None


PROJECT = """\
import os

import torch
from torch import nn


def main():
    model = nn.Linear(4, 1).cuda()
    x = torch.load("/dataset/set/x.pt").cuda()
    loss = model(x).pow(2).mean()
    loss.backward()
    os.makedirs("results", exist_ok=True)
    torch.save(model.state_dict(), f="results/model.pth")
    with open("results/loss.txt", "w") as stream:
        print(loss.item(), file=stream)


if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_a_project_converted_for_modelarts_runs_as_a_job(place, tmp_path):
    """With -m, a CUDA project reads its data from the store and brings its results back to it."""
    import torch

    _, data, back = place
    torch.save(torch.ones(8, 4), data / "x.pt")
    source = tmp_path / "net"
    source.mkdir()
    (source / "train.py").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "out").mkdir()
    options = ["-i", str(source), "-o", str(tmp_path / "out"), "-v", "2.1.0", "-m"]
    assert CliRunner().invoke(gpu2npu.main, options).exit_code == 0
    folder = tmp_path / "out" / "net_msft"
    config = folder / "ascend_modelarts_function" / "path_mapping_config.py"
    config.write_text(
        'PATH_MAPPING_CONFIG = {"input": {"/dataset/set": "obs://my-bucket/data/"},\n'
        '    "output": {"./results": "obs://my-bucket/output/"}}\n',
        encoding="utf-8",
    )
    (folder / "boot.py").write_text("import train\ntrain.main()\n", encoding="utf-8")
    options = ["--code-dir", folder, "--boot-file", "boot.py", "--data-url", data, "--train-url", back]
    result = CliRunner().invoke(main, [*map(str, options), "--given", "obs"])
    assert result.exit_code == 0, result.output
    assert float((back / "loss.txt").read_text(encoding="utf-8")) > 0
    state = torch.load(back / "model.pth", map_location="cpu")
    assert state["weight"].shape == (1, 4)
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_away_from_modelarts_the_converted_project_reads_its_own_paths(tmp_path):
    """Without moxing, get_path changes nothing, so the project still runs on a server."""
    from ms_fmk_transplt import modelarts

    modelarts.copy_package(tmp_path)
    code = "from ascend_modelarts_function import ModelArtsPathManager as M\n"
    code += "print(M().get_path('/dataset/x'), M() is M())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout == "/dataset/x True\n"
