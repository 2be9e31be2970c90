"""Fuzzing acl and its files: python tests/bench/acl_fuzz.py [calls|om|aipp|json|all] [how many] [first seed].

Each number is a seed, so a run can be cut into slices and a finding be repeated. Prints how many ended in a
code, and stops at the first that crashes, hangs or fails without a code.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(NPUSIM_SOC="Ascend310P3", ASCEND_GLOBAL_LOG_LEVEL="4", NPUSIM_SHARE_STATE="0")
SPEC = importlib.util.spec_from_file_location(
    "fuzzing", Path(__file__).parents[1] / "simulator" / "acl" / "fuzzing.py"
)
fuzzing = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzzing)

KINDS = ("calls", "om", "aipp", "json")
WORLD_LASTS = 25  # seeds
HANGS = 30.0  # seconds


def run(kind: str, count: int, first: int, folder: Path) -> tuple[int, float]:
    """How many of `count` were refused with a code, and the longest one's seconds."""
    refused, longest, world = 0, 0.0, None
    for seed in range(first, first + count):
        rng = random.Random(seed)  # noqa: S311 - no secret
        faulthandler.dump_traceback_later(HANGS, exit=True)
        if kind in {"calls", "om"} and (world is None or seed % WORLD_LASTS == 0):
            world = fuzzing.fresh_world()
        begin = time.perf_counter()
        try:
            if kind == "calls":
                found = fuzzing.call_sequence(rng, world)
            elif kind == "om":
                found = fuzzing.load_om(rng)
            elif kind == "aipp":
                found = fuzzing.read_aipp(rng, folder)
            else:
                found = fuzzing.read_json(rng, folder)
        except BaseException:
            print(f"{kind}: seed {seed}", flush=True)
            raise
        longest = max(longest, time.perf_counter() - begin)
        refused += bool(found)
        if kind == "calls" and not fuzzing._state.State.initialised:
            world = None
    faulthandler.cancel_dump_traceback_later()
    return refused, longest


def main() -> None:
    """The command."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "all"
    count, first = (int(sys.argv[at]) if len(sys.argv) > at else usual for at, usual in ((2, 1000), (3, 0)))
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        for kind in KINDS if wanted == "all" else (wanted,):
            begin = time.perf_counter()
            refused, longest = run(kind, count, first, Path(name))
            took = time.perf_counter() - begin
            print(
                f"{kind}: {count} from {first}, {refused} refused with a code, "
                f"longest {longest:.3f} s, {took:.0f} s",
                flush=True,
            )
        os.chdir("/")


if __name__ == "__main__":
    main()
