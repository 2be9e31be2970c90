"""How many public names of the real torch_npu resolve on ours.

    python simulator/scoreboard/torch_npu_names.py              # writes build/scoreboard/torch_npu_names.json
    python simulator/scoreboard/torch_npu_names.py --missing    # and lists those that do not resolve, and why

The names are those of Python in the table that torch_npu keeps of its public interface
(test/torch_npu_schema.json of Ascend/pytorch): functions, classes and methods. Its C++ names and environment
variables are not counted. A name resolves if it can be reached from `import torch_npu`, modules imported on
the way; that it resolves does not say that everything it accepts is simulated.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from scoreboard._board import write

NAMES = Path(__file__).with_name("torch_npu_names.txt")

# Why a name is not there, by the beginning or the end of what follows "torch_npu.".
REASONS = {
    "HiFloat8Tensor": "HiFloat8 is a number format of chips later than those simulated",
    "distributed.pipelining": "patches torch.distributed.pipelining, which needs none here",
    "distributed.rpc": "TensorPipe between devices is not simulated: use collectives or send and recv",
    "distributed.tensor.experimental.context_parallel": "attention over ranks needs ring kernels",
    "jit": "rewrites TorchScript graphs, which PyTorch itself has deprecated",
    "multiprocessing.reductions.rebuild_npu_event": "events are not shared between processes",
    "npu.npugraph_ex": "a graph compiler of its own; torch.compile is not simulated for the NPU",
    "npu.graph_task": "changes operators of a captured graph: capture it again",
    "npu.graphs.graph_task": "changes operators of a captured graph: capture it again",
    "npu.NpuGraphOpHandler": "changes operators of a captured graph: capture it again",
    "npu.register_npu_graph_handler": "changes operators of a captured graph: capture it again",
    "npu.super_kernel": "fuses kernels of a captured graph, whose replay is one launch without it",
    "npu.graphs.super_kernel": "fuses kernels of a captured graph, whose replay is one launch without it",
    "super_kernel_optimize": "fuses kernels of a captured graph, whose replay is one launch without it",
    "npu.npurt": "the raw runtime: use acl",
    "npu.obfuscation": "encrypts models with a service of the vendor",
    "npu.utils.obfuscation": "encrypts models with a service of the vendor",
    "npu.restart_device": "brings a broken device back; simulated devices do not break",
    "npu.stop_device": "brings a broken device back; simulated devices do not break",
    "utils.cpp_extension": "compiles C++ against the vendor's libraries",
    "finalize_dump": "dumps of every operator's operands are not simulated: use forward hooks",
    "init_dump": "dumps of every operator's operands are not simulated: use forward hooks",
    "set_dump": "dumps of every operator's operands are not simulated: use forward hooks",
    "set_aoe": "the vendor's tuner has nothing to tune here",
    "host_memory_stats": "pinned memory is not counted",
    "reset_accumulated_host_memory_stats": "pinned memory is not counted",
    "reset_peak_host_memory_stats": "pinned memory is not counted",
    "host_memory_stats_as_nested_dict": "pinned memory is not counted",
    "NPUPluggableAllocator": "loads an allocator written in C++ for the vendor's runtime",
    "change_current_allocator": "loads an allocator written in C++ for the vendor's runtime",
    "ExternalStream": "wraps a stream made in C++: there is none",
    "ExternalEvent": "waits for a later record, which virtual time cannot: record an Event first",
}


def names(path: Path = NAMES) -> list[str]:
    """The public names, one a line in the file; lines that begin with # are remarks."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def resolves(name: str) -> bool:
    """Whether a dotted name leads to an object: modules first, then their attributes.

    As `from torch_npu.npu.mstx import mstx` does, a module is found even where its package gives its name to
    something else.
    """
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:depth]))
        except ImportError:
            continue
        for part in parts[depth:]:
            if not hasattr(found, part):
                break
            found = getattr(found, part)
        else:
            return True
    return False


def reason(name: str) -> str:
    """Why a name is missing; empty where nobody wrote it down."""
    _, _, rest = name.partition(".")
    for key, why in REASONS.items():
        if rest.startswith(key) or rest.endswith(f".{key}") or f".{key}." in rest:
            return why
    return ""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Count the public names of torch_npu that are there.")
    parser.add_argument("--missing", action="store_true", help="list the names that do not resolve, and why")
    wanted = parser.parse_args().missing
    every = names()
    missing = [name for name in every if not resolves(name)]
    if wanted:
        print("\n".join(": ".join(filter(None, (name, reason(name)))) for name in missing))
    write(
        "torch_npu_names",
        {"present": len(every) - len(missing), "missing": len(missing), "total": len(every)},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
