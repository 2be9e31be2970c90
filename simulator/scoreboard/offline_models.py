"""How far `ais_bench` is from published throughputs: export, convert, run, as a user does.

    python simulator/scoreboard/offline_models.py       # writes build/scoreboard/offline_models.json

The networks of the calibration table on the Ascend310P3 that `classic_networks` has, in float16: every batch
that is published. Unlike `cost_model.json` this goes through PyTorch's exporter, the converter and AscendCL.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import classic_networks
from calibration.published import BUILDS, rows
from scoreboard._board import write

if TYPE_CHECKING:
    from calibration.published import Row

SOC = "Ascend310P3"
# the calibration table's name: that of `classic_networks`
NAMES = {
    "Resnet18": "resnet18",
    "Resnet50": "resnet50",
    "VGG16": "vgg16",
    "MobileNetV2": "mobilenet_v2",
    "Squeezenet1_1": "squeezenet1_1",
    "InceptionV3": "inception_v3",
    "ViT_base": "vit_b_16",
    "Bert_base": "bert_base",
}
CLOSE = 0.35
AIPP = """aipp_op {{
    aipp_mode: static
    input_format: RGB888_U8
    src_image_size_w: {size}
    src_image_size_h: {size}
    mean_chn_0: 123
    mean_chn_1: 117
    mean_chn_2: 104
    var_reci_chn_0: 0.0171
    var_reci_chn_1: 0.0175
    var_reci_chn_2: 0.0174
}}
"""


def chosen(largest: int) -> list[Row]:
    """The figures to compare with, up to a batch."""
    return [
        row
        for row in rows()
        if row.batch <= largest
        and row.soc == SOC
        and row.precision == "float16"
        and row.network in NAMES
        and not row.varying
    ]


def _tool(folder: Path, *line: str) -> str:
    environment = {**os.environ, "NPUSIM_SOC": SOC, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"{' '.join(line)} failed: {done.stdout[-400:]}{done.stderr[-400:]}")
    return done.stdout


def throughput(row: Row, folder: Path) -> float:
    """Images or sequences a second, as `ais_bench` prints them.

    Raises:
        RuntimeError: a tool failed, with what it printed.
    """
    name, build = NAMES[row.network], BUILDS.get(row.network, {})
    classic = classic_networks.CLASSICS[name]
    source = folder / f"{name}.onnx"
    if not source.exists():
        classic_networks.export(name, source)
    sizes = ",".join(str(n) for n in (row.batch, *classic.shape))
    target = folder / f"{name}_{row.batch}"
    line = [f"--model={source}", "--framework=5", f"--output={target}", f"--soc_version={SOC}"]
    line.append("--input_shape=" + ";".join(f"{i}:{sizes}" for i in classic.inputs))
    if build.get("aipp"):
        config = folder / f"{name}.cfg"
        config.write_text(AIPP.format(size=classic.shape[-1]), encoding="utf-8")
        line.append(f"--insert_op_conf={config}")
    if build.get("small_channel"):
        line.append("--enable_small_channel=1")
    _tool(folder, str(Path(sys.executable).with_name("atc")), *line)
    run = ["--model", f"{target}.om", "--batchsize", str(row.batch), "--warmup-count", "0"]
    text = _tool(folder, sys.executable, "-m", "ais_bench", *run)
    target.with_name(f"{target.name}.om").unlink()
    found = re.search(r"NPU_compute_time\.mean\([\d.]+\): ([\d.]+)", text)
    if found is None:
        raise RuntimeError(f"ais_bench printed no throughput: {text}")
    return float(found[1])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--largest", type=int, default=256, help="batch, for a quicker and smaller sample")
    largest = parser.parse_args().largest
    errors = []
    with tempfile.TemporaryDirectory() as place:
        for row in chosen(largest):
            made = throughput(row, Path(place))
            errors.append(abs(made / row.fps - 1))
            print(
                f"{row.network:14} batch {row.batch:3}: {made:9.1f}/s, published {row.fps:9.1f}", flush=True
            )
    figures = {
        "median_abs_rel_error": round(median(errors), 4),
        "within_35_percent": round(sum(e <= CLOSE for e in errors) / len(errors), 4),
        "rows": len(errors),
    }
    write("offline_models", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
