"""Load, execute, unload again and again: python tests/bench/acl_rounds.py [rounds]; prints what is left.

Nothing may be left of the simulated device's memory, of handles, or of this process's memory beyond its own
caches, which are full after a tenth of the rounds.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import sys
from pathlib import Path

os.environ.update(NPUSIM_SOC="Ascend310P3", ASCEND_GLOBAL_LOG_LEVEL="4", NPUSIM_SHARE_STATE="0")

import acl
import npusim
from acl import _buffers, _models
from acl._memory import space

SPEC = importlib.util.spec_from_file_location(
    "worlds", Path(__file__).parents[1] / "simulator" / "acl" / "worlds.py"
)
worlds = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(worlds)


def check(ret: int) -> None:
    """Stop at a call that failed."""
    if ret:
        sys.exit(acl.get_recent_err_msg())


def one_round(data: bytes) -> None:
    """A model's whole life."""
    model, ret = acl.mdl.load_from_mem(acl.util.bytes_to_ptr(data), len(data))
    check(ret)
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model))
    sets, pointers, made = [], [], []
    for size in (acl.mdl.get_input_size_by_index(desc, 0), acl.mdl.get_output_size_by_index(desc, 0)):
        ptr, ret = acl.rt.malloc(size, 0)
        check(ret)
        buffer, dataset = acl.create_data_buffer(ptr, size), acl.mdl.create_dataset()
        check(acl.mdl.add_dataset_buffer(dataset, buffer)[1])
        sets.append(dataset)
        pointers.append(ptr)
        made.append(buffer)
    check(acl.mdl.execute(model, *sets))
    for dataset, buffer, ptr in zip(sets, made, pointers, strict=True):
        check(acl.destroy_data_buffer(buffer))
        check(acl.mdl.destroy_dataset(dataset))
        check(acl.rt.free(ptr))
    check(acl.mdl.destroy_desc(desc))
    check(acl.mdl.unload(model))


def resident() -> int:
    """Bytes of this process's memory; 0 where the system does not tell."""
    path = Path("/proc/self/statm")
    return (
        int(path.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if path.exists() else 0
    )


def left(rounds: int) -> dict[str, int]:
    """What so many rounds leave behind, after a tenth of them has filled the caches."""
    data = worlds.files()["static"]
    npusim.reset()
    check(acl.init())
    check(acl.rt.set_device(0))
    free = acl.rt.get_mem_info(1)[0]
    warm = max(rounds // 10, 1)
    for _ in range(warm):
        one_round(data)
    gc.collect()
    before = resident()
    for _ in range(rounds - warm):
        one_round(data)
    gc.collect()
    found = {
        "device_bytes": free - acl.rt.get_mem_info(1)[0],
        "handles": sum(map(len, (_buffers.buffers, _models.datasets, _models.descs))),
        "allocations": len(space._device),
        "process_kib": (resident() - before) // 1024,
    }
    check(acl.finalize())
    return found


def main() -> None:
    """The command."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    found = left(rounds)
    stays = [name for name in ("device_bytes", "handles", "allocations") if found[name]]
    if stays:
        sys.exit(f"after {rounds} rounds: {found}")
    figure = {
        "name": "acl_rounds_left_kib",
        "value": found["process_kib"],
        "unit": "KiB",
        "against": f"under 8192 after {rounds} rounds of load, execute, unload; nothing on the device",
    }
    print(json.dumps([figure]))


if __name__ == "__main__":
    main()
