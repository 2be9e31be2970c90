"""`python -m classic_networks`: write a classic network as ONNX."""

from __future__ import annotations

import sys

import click

from classic_networks import NETWORKS, UnknownNetworkError, export


@click.command()
@click.argument("name", required=False)
@click.option("--output", help="The file to write; the network's name and .onnx unless given.")
@click.option("--seed", default=0, show_default=True, help="Of the random weights.")
def main(name: str | None, output: str | None, seed: int) -> None:
    """Write the network NAME with random weights as ONNX; without a name, list what there is."""
    if name is None:
        for known, network in NETWORKS.items():
            click.echo(f"{known:14} input {'x'.join(map(str, network.shape)):10} {network.source}")
        return
    path = output or f"{name}.onnx"
    try:
        export(name, path, seed)
    except (UnknownNetworkError, OSError) as error:
        click.echo(f"classic_networks: {error}", err=True)
        sys.exit(1)
    shape = ",".join(map(str, NETWORKS[name].shape))
    click.echo(f'{path} is written; convert it with atc --framework=5 --input_shape="input:1,{shape}".')


if __name__ == "__main__":
    main()
