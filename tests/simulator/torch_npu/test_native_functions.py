"""Which operators the device has: the file in the form of npu_native_functions.yaml, and the compile mode."""

import os
import subprocess
import sys

import pytest
import torch
from torch_npu._sim import fallback, native_functions
from torch_npu._sim.native_functions import NativeFunctionsError, read

PROGRAM = """
import warnings, torch
from torch_npu._sim import fallback
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    x = torch.tensor([3.0, -1.0], device="npu:0", requires_grad=True)
    y = torch.nn.functional.gelu(x) * 2 + torch.hypot(x, x)
    y.sum().backward()
print(sorted(fallback.calls.items()), [str(w.message).split("'")[1] for w in caught])
print([round(v, 3) for v in x.grad.tolist()])
"""


@pytest.fixture
def written(tmp_path):
    """Writes a file and reads it."""

    def write(text):
        path = tmp_path / "npu_native_functions.yaml"
        path.write_text(text, encoding="utf-8")
        return read(path)

    return write


@pytest.mark.slow
def test_a_file_moves_operators_there_and_back(tmp_path):
    """An operator below `tocpu` falls back with the real warning, one below `supported` not; values stay."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "backend: NPU\ncpp_namespace: at_npu::native\nsupported:\n- hypot\ntocpu:\n  - gelu  # why\n"
    )
    lines = []
    for variable in ({}, {"NPUSIM_NATIVE_FUNCTIONS": str(path)}):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, **variable},
            capture_output=True,
            text=True,
            check=True,
        )
        lines.append(done.stdout.splitlines())
    assert lines[0][0] == "[('aten::hypot', 1)] ['aten::hypot.out']"
    assert lines[1][0] == "[('aten::gelu', 1)] ['aten::gelu.out']"
    assert lines[0][1] == lines[1][1]


def test_the_real_form_is_understood(written):
    """Keys, comments, schemas with variants and both ways of indenting are read as in the real file."""
    edits = written(
        "backend: NPU\ncpp_namespace: at_npu::native\n\nsupported:\n  - add.Tensor\n- lgamma # now\n"
        "custom:\n  - func: npu_transpose(Tensor self) -> Tensor\n    variants: function, method\ntocpu:\n"
    )
    assert edits == native_functions.Edits(frozenset({"add.Tensor", "lgamma"}), frozenset())


def test_a_base_name_means_all_overloads(written):
    """A name without an overload stands for all of them, one with an overload for itself."""
    edits = written("tocpu:\n  - mul\n  - add.Tensor\nsupported:\n  - lgamma\n")
    assert edits.falls_back("mul.Tensor", otherwise=False)
    assert edits.falls_back("add.Tensor", otherwise=False)
    assert not edits.falls_back("add.Scalar", otherwise=False)
    assert not edits.falls_back("lgamma.out", otherwise=True)
    assert edits.falls_back("hypot", otherwise=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("supported:\n  - relux\n", "Found an invalid operator name: relux"),
        ("tocpu:\n  - empty.memory_format\n", "the way there needs it"),
        ("relu\n", "line 1: 'relu' is neither a key nor an operator"),
        ("unsupported:\n  - relu\n", "line 1: 'unsupported:'"),
        ("- relu\n", "line 1"),
    ],
)
def test_a_file_that_is_none_is_refused(written, text, told):
    """A name that PyTorch does not know, an unknown key, and an operator outside a list are named."""
    with pytest.raises(NativeFunctionsError, match=told):
        written(text)


def test_a_missing_file_is_told(tmp_path, monkeypatch):
    """A file that is not there is named with the variable."""
    monkeypatch.setenv("NPUSIM_NATIVE_FUNCTIONS", str(tmp_path / "none.yaml"))
    with pytest.raises(NativeFunctionsError, match=r"NPUSIM_NATIVE_FUNCTIONS=.*none\.yaml: cannot be read"):
        native_functions.from_environment()


@pytest.mark.usefixtures("own_options")
def test_compile_mode_makes_new_shapes_slow(machine):
    """With jit_compile each new shape costs the host seconds once; padded to one shape, the first."""

    def seconds(lengths):
        began = machine.host.now
        for length in lengths:
            _ = torch.ones(1, device="npu:0").expand(length) * 2
        return round((machine.host.now - began) / 1e9)

    torch.ones(1, device="npu:0")
    torch.npu.set_compile_mode(jit_compile=False)
    assert seconds(range(10, 18)) == 0
    torch.npu.set_compile_mode(jit_compile=True)
    assert seconds([20]) > 0
    assert seconds(range(21, 28)) == 14
    assert seconds([28] * 8) == 2
    torch.npu.set_compile_mode(jit_compile=False)
    assert seconds(range(30, 38)) == 0


def test_tensors_of_files_from_a_server_are_rebuilt():
    """What a file saved on an Ascend server calls makes the tensor on the device where its bytes are."""
    import torch_npu

    for device, info in (("npu:0", 2), ("npu:0", True), ("cpu", 2)):
        whole = torch.arange(6.0, device=device).untyped_storage()
        typed = torch.storage.TypedStorage(wrap_storage=whole, dtype=torch.float32, _internal=True)
        made = torch_npu.utils.storage._rebuild_npu_tensor(
            typed, 2, (2, 2), (2, 1), requires_grad=True, backward_hooks=None, npu_storage_info=info
        )
        assert made.tolist() == [[2.0, 3.0], [4.0, 5.0]]
        assert made.device.type == device[:3]
        assert made.requires_grad


@pytest.mark.filterwarnings("ignore")
def test_a_programs_own_kernel_takes_the_place_of_a_missing_one():
    """What torch.library registers for PrivateUse1 runs instead of the fallback, until the library goes."""
    fallback.calls.clear()
    x = torch.tensor([0.5, 2.0], device="npu:0")
    library = torch.library.Library("aten", "IMPL")
    library.impl("special_i0e", lambda x: x * 10, "PrivateUse1")
    assert torch.special.i0e(x).tolist() == [5.0, 20.0]
    assert not fallback.calls
    library._destroy()
    torch.testing.assert_close(torch.special.i0e(x).cpu(), torch.special.i0e(x.cpu()))
    assert fallback.calls == {"aten::special_i0e": 1}
