"""A new delivery: every file that ModelZoo asks for, with what is the author's still to be filled in."""

from __future__ import annotations

import re
from pathlib import Path

from modelzoo_delivery.errors import FolderExistsError, NetworkNameError

TEMPLATES = Path(__file__).with_name("templates")
NAME = re.compile(r"[A-Za-z][\w.-]*_for_PyTorch")
EPOCHS = {"full": 10, "performance": 1}
CARDS = (1, 8)


def create(folder: Path) -> list[Path]:
    """Write a new delivery into `folder`, whose name is the network's, and the two texts beside it.

    The scripts run as they are: they train a small classifier in main.py, which you replace by your model.

    Returns:
        What was written.

    Raises:
        NetworkNameError: the folder's name is not of the form `<network>_for_PyTorch`.
        FolderExistsError: the folder, or a text beside it, is there already.
    """
    network = folder.name
    if NAME.fullmatch(network) is None:
        raise NetworkNameError(
            f"'{network}' is no name for a network; call the folder <network>_for_PyTorch, as ModelZoo does"
        )
    files = {folder / name: text for name, text in _files(network).items()}
    for kind in ("issue", "pull_request"):
        files[folder.with_name(f"{network}.{kind}.md")] = _read(f"{kind}.md", network)
    if folder.exists() or (taken := next((path for path in files if path.exists()), None)) is not None:
        there = folder if folder.exists() else taken
        raise FolderExistsError(f"'{there}' exists already; remove it or give another name")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        if path.suffix == ".sh":
            path.chmod(0o755)
    return list(files)


def _read(name: str, network: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").replace("@NETWORK@", network)


def _files(network: str) -> dict[str, str]:
    names = ("README.md", "LICENSE", "requirements.txt", "modelzoo_level.txt", "public_address_statement.md")
    files = {name: _read(name, network) for name in (*names, "test/env_npu.sh")}
    files["main.py"] = _read("main.py.txt", network)  # no module of ours
    script = _read("test/train.sh", network)
    for kind, epochs in EPOCHS.items():
        for cards in CARDS:
            values = {
                "@KIND@": kind,
                "@CASE@": "acc" if kind == "full" else "perf",
                "@CARDS@": str(cards),
                "@EPOCHS@": str(epochs),
                "@RATE@": f"{0.05 * cards:g}",  # as many times the batch, as many times the rate
            }
            text = script
            for mark, value in values.items():
                text = text.replace(mark, value)
            files[f"test/train_{kind}_{cards}p.sh"] = text
    return files
