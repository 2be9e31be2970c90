"""The rules of the tool, read once from the TOML files beside it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("rules")


class Names:
    """A table of dotted names, some ending in `.*`: the longest match wins."""

    def __init__(self, table: dict[str, str]) -> None:
        self._exact = {k: v for k, v in table.items() if not k.endswith(".*")}
        self._below = {k[:-2]: v for k, v in table.items() if k.endswith(".*")}
        self._roots = {k.split(".", 1)[0] for k in table}

    def get(self, name: str) -> str | None:
        """What the table says of a dotted name, None where it says nothing."""
        if name.split(".", 1)[0] not in self._roots:
            return None
        if name in self._exact:
            return self._exact[name]
        part = name
        while part:
            if part in self._below:
                return self._below[part]
            part = part.rpartition(".")[0]
        return None


@dataclass(frozen=True)
class Rules:
    """All rules; see rules/README.md for what each file says."""

    versions: tuple[str, ...]
    renamed: dict[str, str]
    kept: Names
    methods: dict[str, str]
    attributes: dict[str, str]
    strings: dict[str, str]
    prefixes: dict[str, str]
    names: frozenset[str]
    namers: frozenset[str]
    mappings: frozenset[str]
    devices: frozenset[str]
    unsupported: Names
    unknown: Names
    affinity: dict[str, Names]
    precision: Names
    performance: Names
    dataloader: dict[str, str]
    loop: dict[str, str]
    dynamic: Names
    dynamic_methods: dict[str, str]
    parallel: frozenset[str]
    paths_at: dict[str, list[int]]
    paths_named: dict[str, list[str]]

    def rename(self, name: str) -> str:
        """The NPU's spelling of a dotted name; the name itself where there is none.

        Example: `torch.cuda.amp.autocast` becomes `torch_npu.npu.amp.autocast`.
        """
        if self.kept.get(name) is not None:
            return name
        part, rest = name, ""
        while part:
            if part in self.renamed:
                return self.renamed[part] + rest
            head, _, tail = part.rpartition(".")
            part, rest = head, f".{tail}{rest}"
        return name


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def load() -> Rules:
    """Read the rules. They are part of the package, so a fault in them is a fault of the program."""
    names, members, strings = _read("names"), _read("members"), _read("strings")
    performance, dynamic = _read("performance"), _read("dynamic_shape")
    modelarts = _read("modelarts")
    return Rules(
        versions=tuple(_read("versions")["supported"]),
        renamed=names["renamed"],
        kept=Names(dict.fromkeys(names["kept"]["names"], "")),
        methods=members["methods"],
        attributes=members["attributes"],
        strings=strings["exact"],
        prefixes=strings["prefix"],
        names=frozenset(strings["names"]["words"]),
        namers=frozenset(strings["names"]["namers"]),
        mappings=frozenset(strings["names"]["mappings"]),
        devices=frozenset(strings["names"]["devices"]),
        unsupported=Names(_read("unsupported")["api"]),
        unknown=Names(_read("unknown")["api"]),
        affinity={kind: Names(table) for kind, table in _read("affinity").items()},
        precision=Names(_read("precision")["api"]),
        performance=Names(performance["api"]),
        dataloader=performance["dataloader"],
        loop=performance["loop"],
        dynamic=Names(dynamic["api"]),
        dynamic_methods=dynamic["methods"],
        parallel=frozenset(_read("parallel")["attributes"]),
        paths_at=modelarts["at"],
        paths_named=modelarts["named"],
    )
