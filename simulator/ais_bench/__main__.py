"""`python3 -m ais_bench --model x.om --loop 100`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import acl
import click
import numpy as np
from rich.console import Console
from rich.progress import track

from ais_bench.errors import BenchError
from ais_bench.session import Session, Times
from ais_bench.tensors import TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, Any]


def info(text: str) -> None:
    """A line as the real tool prints it."""
    click.echo(f"[INFO] {text}")


def arrays_of(session: Session, files: Sequence[Path], fill: str) -> list[Array]:
    """The inputs of a run, from files or made.

    Raises:
        BenchError: files that are missing, too many or of the wrong size.
    """
    wanted = session.inputs
    if files and len(files) != len(wanted):
        raise BenchError(
            f"--input gives {len(files)} files, the model has {len(wanted)} inputs; give one for each"
        )
    found = []
    for number, (name, datatype, _, shape, size) in enumerate(wanted):
        kind = TYPES[datatype]
        if files:
            array = _read(files[number], kind)
            exact = size if -1 not in shape else array.nbytes
            if array.nbytes > size or array.nbytes != exact:
                raise BenchError(f"{files[number]} has {array.nbytes} bytes, input '{name}' takes {size}")
        elif fill == "random":
            array = np.random.default_rng(number).random(size // np.dtype(kind).itemsize).astype(kind)
        else:
            array = np.zeros(size // np.dtype(kind).itemsize, kind)
        found.append(np.ascontiguousarray(array))
    return found


def _read(path: Path, kind: str) -> Array:
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
        return np.fromfile(path, dtype=kind)
    except (OSError, ValueError) as error:
        raise BenchError(f"--input '{path}' cannot be read: {error}") from None


def summary(times: Sequence[Times], batch: int) -> None:
    """The lines of the performance summary."""
    info("-----------------Performance Summary------------------")
    for name, values in (
        ("H2D_latency", [t.h2d for t in times]),
        ("NPU_compute_time", [t.compute for t in times]),
        ("D2H_latency", [t.d2h for t in times]),
    ):
        numbers = f"min = {min(values):.4f}, max = {max(values):.4f}, mean = {np.mean(values):.4f}"
        most = f"median = {np.median(values):.4f}, percentile(99%) = {np.percentile(values, 99):.4f}"
        info(f"{name} (ms): {numbers}, {most}")
    mean = float(np.mean([t.compute for t in times]))
    rate = 1000 * batch / mean if mean else float("inf")
    info(f"throughput 1000*batchsize.mean({batch})/NPU_compute_time.mean({mean:.4f}): {rate:.4f}")
    info("------------------------------------------------------")


def _save(results: Sequence[Array], folder: Path, form: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, array in enumerate(results):
        target = folder / f"pure_infer_data_{number}"
        if form == "NPY":
            np.save(target.with_suffix(".npy"), array)
        elif form == "TXT":
            np.savetxt(target.with_suffix(".txt"), array.reshape(1, -1))
        else:
            array.tofile(target.with_suffix(".bin"))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", "-m", required=True, help="The offline model (.om).")
@click.option("--input", "-i", "inputs", default="", help="Files of the inputs (.npy or .bin), by commas.")
@click.option("--output", "-o", default="", help="Folder for the outputs.")
@click.option(
    "--outfmt", type=click.Choice(["NPY", "BIN", "TXT"]), default="BIN", help="Form of the outputs."
)
@click.option("--loop", "-r", type=click.IntRange(1), default=1, show_default=True, help="How many runs.")
@click.option("--batchsize", "-b", type=click.IntRange(1), default=None, help="Batch, for the throughput.")
@click.option("--device", "-d", type=int, default=0, show_default=True, help="The device.")
@click.option("--dymBatch", "dym_batch", type=int, default=0, help="Batch gear.")
@click.option("--dymHW", "dym_hw", default="", help='Image gear, "224,224".')
@click.option(
    "--warmup-count", "--warmup_count", "warmup", type=click.IntRange(0), default=1, help="Runs before."
)
@click.option(
    "--pure_data_type", type=click.Choice(["zero", "random"]), default="zero", help="Inputs without files."
)
def main(**given: Any) -> None:
    """Run an offline model and print its throughput in device time."""
    try:
        _bench(given)
    except BenchError as error:
        raise click.ClickException(str(error)) from None


def _bench(given: dict[str, Any]) -> None:
    info("acl init success")
    session = Session(given["model"], given["device"])
    info(f"open device {given['device']} success")
    info(f"load model {given['model']} success")
    info("create model description success")
    if given["dym_batch"]:
        session.gear = ("batch", (given["dym_batch"],))
    elif given["dym_hw"]:
        session.gear = ("hw", _pair(given["dym_hw"]))
    first = session.inputs[0].shape[0] if session.inputs[0].shape else 1
    batch = given["batchsize"] or given["dym_batch"] or max(first, 1)
    info(f"try get model batchsize:{batch}")
    files = [Path(name) for name in given["inputs"].split(",") if name]
    arrays = arrays_of(session, files, given["pure_data_type"])
    for _ in range(given["warmup"]):
        session.run(arrays)
    info(f"warm up {given['warmup']} done")
    times: list[Times] = []
    results: list[Array] = []
    bar = Console(stderr=True)
    what = "Inference array Processing"
    for _ in track(range(given["loop"]), what, console=bar, disable=not bar.is_interactive):
        results, taken = session.run(arrays)
        times.append(taken)
    if given["output"]:
        _save(results, Path(given["output"]), given["outfmt"])
        info(f"output path:{given['output']}")
    summary(times, batch)
    session.close()
    acl.rt.reset_device(session.device)
    acl.finalize()
    info("unload model success, model Id is 1")
    info("end to finalize acl")


def _pair(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 2 or not all(p.strip().isdigit() for p in parts):  # noqa: PLR2004 - height and width
        raise BenchError(f"--dymHW '{text}' is no pair of numbers; give height,width")
    return tuple(int(p) for p in parts)


if __name__ == "__main__":
    main()
