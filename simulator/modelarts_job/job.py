"""One training job: code and data go into the store, the container's folders are made, the boot file runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelarts_job.errors import BootFileError, MissingFolderError, OutputFolderError
from modelarts_job.store import Store, serve

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = Path(__file__).with_name("image")  # packages that a job finds, and other programs do not


@dataclass(frozen=True)
class Job:
    """What a job is given.

    Attributes:
        code: the folder of the scripts.
        boot_file: the script to start, relative to `code`.
        data: the folder of the data set.
        output: the folder that gets the results and the log; empty or not there yet.
        name: the job's name, part of the log's.
        bucket: the bucket of the store that holds code, data, output and log.
        given: whether the script gets the paths of copies ("local") or the store's addresses ("obs").
        arguments: further arguments of the script.
        variables: further environment variables.
    """

    code: Path
    boot_file: str
    data: Path
    output: Path
    name: str = "0"
    bucket: str = "my-bucket"
    given: Literal["local", "obs"] = "local"
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """See whether the job can be run; nothing is written before.

        Raises:
            MissingFolderError, BootFileError, OutputFolderError: as their names say.
        """
        for option, folder in (("--code-dir", self.code), ("--data-url", self.data)):
            if not folder.is_dir():
                raise MissingFolderError(f"{option} '{folder}' is no folder; give the one to upload")
        boot = (self.code / self.boot_file).resolve()
        if not boot.is_file() or not boot.is_relative_to(self.code.resolve()):
            raise BootFileError(f"--boot-file '{self.boot_file}' is no file of '{self.code}'")
        if self.output.exists() and (not self.output.is_dir() or any(self.output.iterdir())):
            raise OutputFolderError(f"--train-url '{self.output}' has something in it; give an empty folder")


@dataclass(frozen=True)
class Outcome:
    """What became of a job: its exit code, its log and every file that came back."""

    code: int
    log: Path
    files: list[Path]


def run(job: Job, tell: Callable[[str], None]) -> Outcome:
    """Run a job, telling its log line by line.

    Raises:
        JobError: it cannot be run; a script that fails is no error but an exit code.
    """
    job.check()
    with serve(job.bucket) as store, tempfile.TemporaryDirectory(prefix="modelarts-") as root:
        home = Path(root, "home", "ma-user")
        for folder, prefix in ((job.code, "code"), (job.data, "data")):
            keys = store.upload(folder, prefix)
            tell(f"[ModelArts Service Log] {len(keys)} files of '{folder}' uploaded to {store.url(prefix)}")
        log = home / "modelarts" / "log" / f"modelarts-job-{job.name}-worker-0.log"
        log.parent.mkdir(parents=True)
        code = _train(job, store, home, log, tell)
        store.upload(home / "modelarts" / "outputs" / "train_url_0", "output")
        store.upload(log.parent, "log")
        job.output.mkdir(parents=True, exist_ok=True)
        files = store.download("output", job.output)
        files += store.download("log", job.output)
        return Outcome(code, job.output / log.name, files)


def _train(job: Job, store: Store, home: Path, log: Path, tell: Callable[[str], None]) -> int:
    """Make the container's folders and start the boot file in them; returns its exit code."""
    mount = home / "modelarts"
    code = mount / "user-job-dir" / job.code.resolve().name
    output = mount / "outputs" / "train_url_0"
    data = mount / "inputs" / "data_url_0"
    for folder in (code, output, data):
        folder.mkdir(parents=True)
    store.download("code", code)
    if job.given == "local":
        store.download("data", data)
        places = (f"{data}/", f"{output}/")
    else:
        places = (store.url("data"), store.url("output"))
    command = [sys.executable, "-u", str(code / job.boot_file)]
    command += [f"--data_url={places[0]}", f"--train_url={places[1]}", *job.arguments]
    with log.open("w", encoding="utf-8") as stream:

        def note(line: str) -> None:
            stream.write(f"{line}\n")
            tell(line)

        if (code / "pip-requirements.txt").is_file():
            note("[ModelArts Service Log] pip-requirements.txt is not installed here; do it yourself")
        note(f"[ModelArts Service Log] {' '.join(['python', *command[1:]])}")
        process = subprocess.Popen(
            command,
            cwd=code,
            env=_environment(job, store, home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None  # noqa: S101 - it was asked for
        for line in process.stdout:
            note(line.rstrip("\n"))
        result = process.wait()
        note(f"[ModelArts Service Log] Training end with return code: {result}")
    return result


def _environment(job: Job, store: Store, home: Path) -> dict[str, str]:
    """The variables of a job of one host, by ModelArts' names."""
    mount = home / "modelarts"
    path = [str(IMAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return (
        dict(os.environ)
        | store.environment
        | {
            "MA_HOME": str(home),
            "MA_MOUNT_PATH": str(mount),
            "MA_JOB_DIR": str(mount / "user-job-dir"),
            "MA_LOG_DIR": str(mount / "log"),
            "MA_TASK_NAME": "worker",
            "MA_NUM_HOSTS": "1",
            "MA_NUM_GPUS": "1",
            "VC_TASK_INDEX": "0",
            "VC_WORKER_NUM": "1",
            "VC_WORKER_HOSTS": "127.0.0.1",
            "MODELARTS_CACHE": str(home.parent.parent / "cache" / "modelarts_cache"),
            "PYTHONPATH": os.pathsep.join(path),
        }
        | job.variables
    )
