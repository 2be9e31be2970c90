"""The package itself: what it imports, and what it shows."""

import subprocess
import sys

import npusim
import pytest


def test_only_the_standard_library_is_imported():
    """Importing npusim with everything in it loads nothing beyond the standard library."""
    code = (
        "import sys, npusim\n"
        "[getattr(npusim, name) for name in npusim.__all__]\n"
        "npusim.errors[107001]\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(tops - set(sys.stdlib_module_names) - {'npusim', '__main__', 'sitecustomize'}))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreign = [name for name in eval(out.stdout) if not name.startswith(("_", "distutils-precedence"))]  # noqa: S307
    assert foreign == []


def test_every_public_name_is_there():
    """All of __all__ exists, and an unknown name is an AttributeError."""
    for name in npusim.__all__:
        assert getattr(npusim, name) is not None
    assert len(set(npusim.__all__)) == len(npusim.__all__)
    with pytest.raises(AttributeError, match="no_such_thing"):
        npusim.no_such_thing  # noqa: B018


def test_the_hash_seed_changes_nothing():
    """Another hash seed gives the same records, byte for byte."""
    code = (
        "import npusim\n"
        "d = npusim.node().device(0); s = d.create_stream()\n"
        "x = npusim.TensorSpec((300, 300), 'float16')\n"
        "for n in ('Add', 'Gelu', 'Exp'):\n"
        "    s.launch(npusim.Op(n, 'elementwise', [x], [x], {'b': 1, 'a': 2}))\n"
        "    d.memory.allocate(1000)\n"
        "d.synchronize()\n"
        "print(list(npusim.node().records), d.memory.stats())\n"
    )
    outs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    ]
    assert outs[0] == outs[1]
    assert "Gelu" in outs[0]
