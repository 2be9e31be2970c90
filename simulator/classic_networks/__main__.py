"""`python -m classic_networks`: write a classic network as ONNX."""

from __future__ import annotations

import sys

import click

from classic_networks import CLASSICS, UnknownModelError, export


@click.command()
@click.argument("name", required=False)
@click.option("--output", help="The file to write; the network's name and .onnx unless given.")
@click.option("--batch", type=click.IntRange(1), help="Of its inputs; left open unless given.")
@click.option("--seed", default=0, show_default=True, help="Of the random weights.")
def main(name: str | None, output: str | None, batch: int | None, seed: int) -> None:
    """Write the network NAME with random weights as ONNX; without a name, list what there is."""
    if name is None:
        for known, classic in CLASSICS.items():
            shape = "x".join(map(str, classic.shape))
            click.echo(f"{known:14} input {shape:10} {classic.parameters:11,} parameters")
        return
    path = output or f"{name}.onnx"
    try:
        export(name, path, batch, seed)
    except (UnknownModelError, OSError) as error:
        click.echo(f"classic_networks: {error}", err=True)
        sys.exit(1)
    size = ",".join(map(str, (batch or 1, *CLASSICS[name].shape)))
    shapes = ";".join(f"{taken}:{size}" for taken in CLASSICS[name].inputs)
    click.echo(f'{path} is written; convert it with atc --framework=5 --input_shape="{shapes}".')


if __name__ == "__main__":
    main()
