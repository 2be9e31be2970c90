"""How many of PyTorch's operators are right on the simulated NPU, by PyTorch's own operator database.

    python simulator/scoreboard/op_db.py                    # all, writes build/scoreboard/op_db.json
    python simulator/scoreboard/op_db.py --only "nn.functional.*" --verbose
    python simulator/scoreboard/op_db.py --slice 2/8        # one of eight parts, writes nothing

Every operator runs forward and backward in float32 on the CPU and on the device with PyTorch's sample inputs,
and the results are compared. It counts as

- native: right, computed by a kernel of the device;
- fallback: right, but at least one part ran on the CPU as on the real device, with its warning;
- refused: at least one sample raised an error that the CPU does not raise;
- wrong: at least one value, gradient, dtype, shape or device differs, or the process died.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import math
import subprocess
import sys
import time
import types
import unittest
import warnings
from pathlib import Path
from typing import Any

BUILD = Path(__file__).resolve().parents[2] / "build" / "scoreboard"
KINDS = ("native", "fallback", "refused", "wrong")
MAX_SAMPLES = 12
SECONDS_PER_OP = 60.0
SEED = 20
# Their values are not defined: shape, dtype and device are compared.
UNDEFINED = frozenset(
    {"empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided"}
)


# A cast on the device to float64 gives float32, with a warning (ToKernelNpu.cpp in Ascend/pytorch). PyTorch
# makes float_power of such a cast and pow, and op-plugin has none of its own.
NARROWED = frozenset({"double", "float_power", "to"})


def database() -> list[Any]:
    """PyTorch's operator database, float32 only."""
    if "expecttest" not in sys.modules:
        # PyTorch's test helpers derive a class from this package, which we have no other use for.
        stand_in: Any = types.ModuleType("expecttest")
        stand_in.TestCase = unittest.TestCase
        sys.modules["expecttest"] = stand_in
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    return [op for op in op_db if torch.float32 in op.dtypes]


def label(op: Any) -> str:
    """The operator's name with its variant."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


class Differs(Exception):  # noqa: N818 - a finding, not a failure of the script
    """A result on the device is not that of the CPU."""


def to_device(value: Any) -> Any:
    """The same arguments on the NPU: tensors are copied, "cpu" becomes "npu:0"."""
    import torch
    from torch.utils._pytree import tree_map

    def move(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor):
            return _copy(leaf)
        if isinstance(leaf, torch.device) and leaf.type == "cpu":
            return torch.device("npu:0")
        return "npu:0" if isinstance(leaf, str) and leaf == "cpu" else leaf

    return tree_map(move, value)


def _copy(leaf: Any) -> Any:
    """A tensor on the NPU with the same storage, strides and offset."""
    import torch

    if leaf.layout is not torch.strided:
        return leaf.detach().to("npu:0").requires_grad_(leaf.requires_grad)
    plain = leaf.detach().resolve_conj().resolve_neg()
    whole = torch.empty(0, dtype=plain.dtype).set_(plain.untyped_storage()).to("npu:0")
    moved = whole.as_strided(plain.shape, plain.stride(), plain.storage_offset())
    return moved.requires_grad_(leaf.requires_grad)


def tensors(value: Any) -> list[Any]:
    """Every tensor in a result."""
    import torch
    from torch.utils._pytree import tree_leaves

    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def _narrowed(found: Any, expected: Any) -> Any:
    """What is expected where the device casts to float32 instead of float64."""
    import torch

    given, wanted = getattr(found, "dtype", None), getattr(expected, "dtype", None)
    return expected.float() if (given, wanted) == (torch.float32, torch.float64) else expected


def compare(found: Any, expected: Any, what: str, *, values: bool) -> None:
    """Raises Differs where a result on the device is not the CPU's."""
    import torch
    from torch.utils._pytree import tree_leaves

    for f, e in zip(tree_leaves(found), tree_leaves(expected), strict=True):
        if not isinstance(e, torch.Tensor):
            numbers = isinstance(e, bool | int | float | complex)
            if values and numbers and f != e and not (math.isnan(abs(f)) and math.isnan(abs(e))):
                raise Differs(f"{what}: {f!r} instead of {e!r}")
            continue
        if (f.shape, f.dtype) != (e.shape, e.dtype):
            raise Differs(f"{what}: {tuple(f.shape)} {f.dtype} instead of {tuple(e.shape)} {e.dtype}")
        if e.device.type == "cpu" and f.device.type != "npu" and e.layout is torch.strided:
            raise Differs(f"{what}: the result is on {f.device}")
        if values and e.layout is torch.strided:
            try:
                torch.testing.assert_close(f.detach().cpu(), e.detach(), equal_nan=True, rtol=1e-4, atol=2e-5)
            except AssertionError as error:
                raise Differs(f"{what}: {str(error).splitlines()[0]}") from None


def gradients(op: Any, result: Any, inputs: Any) -> Any:
    """The gradients of the sum of a result with respect to every input that wants one."""
    import torch

    wanted = [t for t in tensors(inputs) if t.requires_grad and t.is_leaf]
    outputs = [t for t in tensors(result) if t.requires_grad]
    if op.gradcheck_wrapper is not None and not outputs:
        return []
    if not wanted or not outputs:
        return []
    total = sum((t.real if t.is_complex() else t).float().sum() for t in outputs)
    return list(torch.autograd.grad(total, wanted, allow_unused=True))


def run_sample(op: Any, sample: Any, *, values: bool) -> None:
    """Compares one sample on both devices. A sample that the CPU refuses proves nothing and passes."""
    import torch

    cpu = (sample.input, sample.args, sample.kwargs)
    npu = to_device(cpu)
    if op.name == "tensor_split":
        npu = (npu[0], *cpu[1:])  # it wants its indices on the CPU, on every device
    torch.manual_seed(SEED)
    try:
        expected = op.op(cpu[0], *cpu[1], **cpu[2])
        grads = gradients(op, expected, cpu) if op.supports_autograd else []
    except Exception:  # noqa: BLE001 - whatever the CPU refuses
        return
    torch.manual_seed(SEED)
    found = op.op(npu[0], *npu[1], **npu[2])
    compare(found, _narrowed(found, expected) if op.name in NARROWED else expected, "result", values=values)
    if op.supports_autograd:
        compare(gradients(op, found, npu), grads, "gradient", values=values)


def judge(op: Any) -> tuple[str, str]:
    """The kind of one operator, and what is the matter with it."""
    import torch
    import torch_npu
    from torch_npu._sim import fallback

    before = fallback.count()
    started = time.process_time()
    torch.manual_seed(SEED)
    done = 0
    try:
        for sample in op.sample_inputs("cpu", torch.float32, requires_grad=op.supports_autograd):
            run_sample(op, sample, values=op.name not in UNDEFINED)
            done += 1
            if done >= MAX_SAMPLES or time.process_time() - started > SECONDS_PER_OP:
                break
    except Differs as finding:
        return "wrong", f"sample {done}: {finding}"
    except Exception as error:  # noqa: BLE001 - every error is a finding
        return "refused", f"sample {done}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    assert torch_npu  # noqa: S101 - imported for its effect
    return ("fallback" if fallback.count() > before else "native"), ""


def work(names: list[str]) -> None:
    """A worker: one line of JSON an operator on standard output."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    wanted = set(names)
    for op in database():
        if label(op) in wanted:
            print(json.dumps({"start": label(op)}), flush=True)
            kind, note = judge(op)
            print(json.dumps({"op": label(op), "kind": kind, "note": note}), flush=True)


def run(names: list[str], *, verbose: bool) -> dict[str, tuple[str, str]]:
    """Judges operators in worker processes; one that dies costs one operator."""
    results: dict[str, tuple[str, str]] = {}
    left = list(names)
    while left:
        current = ""
        command = [sys.executable, __file__, "--worker"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdin is not None  # noqa: S101 - for the type checker
            assert worker.stdout is not None  # noqa: S101 - as above
            worker.stdin.write(json.dumps(left))
            worker.stdin.close()
            for line in worker.stdout:
                try:
                    message = json.loads(line)
                except ValueError:
                    continue
                if "start" in message:
                    current = message["start"]
                    continue
                results[message["op"]] = (message["kind"], message["note"])
                show(message, len(results), len(names), verbose=verbose)
                current = ""
        if current:
            results[current] = ("wrong", "the process died")
            show(
                {"op": current, "kind": "wrong", "note": "the process died"},
                len(results),
                len(names),
                verbose=True,
            )
        elif any(n not in results for n in left) and worker.returncode:
            sys.exit(f"the worker failed (exit code {worker.returncode})")
        left = [n for n in left if n not in results]
    return results


def show(message: dict[str, str], done: int, total: int, *, verbose: bool) -> None:
    """Progress: every operator, or only those that are not right."""
    if verbose or message["kind"] in {"refused", "wrong"}:
        print(f"[{done}/{total}] {message['kind']:8} {message['op']} {message['note']}", flush=True)
    elif done % 50 == 0:
        print(f"[{done}/{total}]", flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="*", help="operators by name, with * and ?")
    parser.add_argument("--slice", default="1/1", help="one part of several, as 2/8")
    parser.add_argument("--verbose", action="store_true", help="a line for every operator")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(json.load(sys.stdin))
        return 0
    part, parts = (int(x) for x in options.slice.split("/"))
    names = [n for n in dict.fromkeys(label(op) for op in database()) if fnmatch.fnmatch(n, options.only)]
    results = run(names[part - 1 :: parts], verbose=options.verbose)
    counts: dict[str, Any] = {k: sum(1 for kind, _ in results.values() if kind == k) for k in KINDS}
    counts["total"] = len(results)
    print(json.dumps(counts))
    if options.only == "*" and parts == 1:
        BUILD.mkdir(parents=True, exist_ok=True)
        (BUILD / "op_db.json").write_text(json.dumps(counts) + "\n")
        rows = [{"op": name, "kind": kind, "note": note} for name, (kind, note) in sorted(results.items())]
        (BUILD / "op_db_rows.json").write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
