"""The launcher: `python -m torch_npu.distributed.run`, as `torchrun`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.distributed import run as torch_run
from torch.distributed.elastic.multiprocessing.errors import record

if TYPE_CHECKING:
    import argparse

__all__ = ["parse_args"]


def parse_args(args: list[str] | None) -> argparse.Namespace:
    """The options of torchrun, and --enable_tiered_parallel_tcpstore, of use on many machines only."""
    parser = torch_run.get_args_parser()
    parser.add_argument("--enable_tiered_parallel_tcpstore", type=str, default="false")
    return parser.parse_args(args)


@record
def _main(args: list[str] | None = None) -> None:
    torch_run.run(parse_args(args))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    _main()
