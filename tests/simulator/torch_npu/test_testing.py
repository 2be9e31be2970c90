"""torch_npu.testing: what tests written for the real torch_npu import."""
# ruff: noqa: FBT003, PT009 - what is tested are unittest's assertions

import unittest

import numpy as np
import pytest
import torch
from torch_npu.testing import common_distributed, common_utils, decorator
from torch_npu.testing.common_methods_invocations import sample_inputs_median_custom
from torch_npu.testing.testcase import TestCase


class Case(TestCase):
    """A case whose assertions the tests call."""

    def runTest(self):  # noqa: N802 - unittest's name
        """Nothing."""


@pytest.fixture
def case():
    """A case that was set up."""
    Case.setUpClass()
    found = Case()
    found.setUp()
    return found


def test_comparison_by_parts(case):
    """AssertRtolEqual allows rounding, and not wrong values, shapes, types or NaNs."""
    x = torch.rand(1000) + 1
    case.assertRtolEqual(x, (x * (1 + 1e-5)).npu())
    case.assertRtolEqual([1.0, x.numpy()], [1.0, x.numpy()])
    case.assertRtolEqual(x.bfloat16(), x.bfloat16().npu())
    for other in (x * 1.01, x[:5], x.double(), torch.full_like(x, torch.nan)):
        with pytest.raises(AssertionError):
            case.assertRtolEqual(x, other)
    case.assertRtolEqual(x.double(), x, auto_trans_dtype=True)


def test_comparison_by_elements(case):
    """AssertEqual compares tensors of both devices, numbers, sequences and the rest."""
    x = torch.tensor([1.0, 2.0])
    case.assertEqual(x, x.npu())
    case.assertEqual(1, 1 + 1e-7)
    case.assertEqual([x, "a"], [x.npu(), "a"])
    case.assertEqual(torch.tensor([True]), torch.tensor([True]).npu())
    case.assertEqual({"a": 1}, {"a": 1})
    case.assertEqual({"a": x, "b": {"c": [x]}}, {"b": {"c": [x.npu()]}, "a": x.npu()})
    for a, b in (
        (x, x + 1),
        (1, 2),
        ("a", "b"),
        ([1], [1, 2]),
        ({"a": x}, {"a": x + 1}),
        ({"a": x}, {"b": x}),
        (x, torch.tensor([1.0, torch.nan])),
        (1, float("inf")),
    ):
        with pytest.raises(AssertionError):
            case.assertEqual(a, b)
    case.assertNotEqual(x, x + 1)
    with pytest.raises(AssertionError):
        case.assertNotEqual(x, x)
    case.assertAlmostEqual(1.0, 1.05, places=1)
    case.assertTensorsSlowEqual(x, x.clone())
    case.assertObjectIn(x, [x])
    sparse, _, _ = case.genSparseTensor([4, 3], 1, 2, False)
    assert case.safeToDense(sparse).shape == (4, 3)


def test_warnings_and_errors(case):
    """Assertions about warnings and exceptions fail where nothing happens."""
    import warnings

    case.assertWarns(lambda: warnings.warn("x", stacklevel=1))
    case.assertNotWarn(lambda: None)
    case.assertExpectedRaises(ValueError, int, "x")
    with pytest.raises(AssertionError):
        case.assertNotWarn(lambda: warnings.warn("x", stacklevel=1))
    with case.maybeWarnsRegex(UserWarning, "x"):
        warnings.warn("xy", stacklevel=1)
    with pytest.raises(AssertionError), case.maybeWarnsRegex(UserWarning, "z"):
        warnings.warn("xy", stacklevel=1)


def test_tensors_on_both_devices():
    """The makers of tensors give the same numbers on CPU and NPU, within bounds."""
    cpu, npu = common_utils.create_common_tensor((np.float32, -1, (3, 4)), 1, 2)
    assert torch.equal(cpu, npu.cpu())
    assert ((cpu >= 1) & (cpu <= 2)).all()
    for dtype in (torch.half, torch.float, torch.int, torch.bool):
        cpu, npu = common_utils.create_dtype_tensor((5,), dtype, no_zero=True)
        assert torch.equal(cpu, npu.cpu())
        assert (cpu != 0).all()
    for on_cpu, on_npu in common_utils.test_2args_broadcast(torch.add):
        np.testing.assert_allclose(on_cpu, on_npu)
    assert common_utils.get_cycles_per_ms() == 1_800_000


def test_decorators_that_skip(monkeypatch):
    """Tests are skipped on other chips, older software and fewer devices."""
    skipped = [
        common_utils.SupportedDevices(["Ascend310P"]),
        common_utils.SkipIfNotGteCANNVersion("99.0"),
        common_distributed.skipIfUnsupportMultiNPU(99),
    ]
    for skip in skipped:
        with pytest.raises(unittest.SkipTest):
            skip(lambda _self: 1)(None)
    for keep in (
        common_utils.SupportedDevices(["Ascend910B"]),
        common_utils.SkipIfNotGteCANNVersion("8.0.RC1"),
        common_utils.SkipIfNoLapack(),
        common_distributed.skipIfUnsupportMultiNPU(2),
    ):
        assert keep(lambda _self: 1)(None) == 1
    monkeypatch.setenv("SET_NPU_DEVICE", "3")
    assert common_utils.set_npu_device() == "npu:3"
    assert torch.npu.current_device() == 3
    with pytest.raises(RuntimeError, match="Backend mpi not supported"):
        common_distributed.init_pg("mpi")


def test_tests_for_every_type_and_format():
    """A marked test becomes one for every type and format."""
    seen = []

    @decorator.instantiate_tests
    class Many:
        @decorator.Dtypes(torch.float, torch.half)
        @decorator.Formats(2, 29)
        def test_add(self, device, dtype, npu_format):
            seen.append((device, dtype, npu_format))

    names = [n for n in dir(Many) if n.startswith("test_")]
    assert "test_add_float32_29" in names
    for name in names:
        getattr(Many(), name)()
    assert len(set(seen)) == 4
    with pytest.raises(RuntimeError, match="No dtypes given"):
        decorator.Dtypes()
    with pytest.raises(RuntimeError, match="Unknown dtype"):
        decorator.Dtypes("float")


def test_baselines_and_samples(tmp_path):
    """Figures are kept in a file; samples are calls of operators."""
    file = tmp_path / "b.json"
    baseline = common_utils.Baseline(str(file))
    baseline.set_baseline("a", 3)
    baseline.save_baseline()
    assert common_utils.Baseline(str(file)).get_baseline("a") == 3
    for sample in sample_inputs_median_custom(None, "npu", torch.float32, requires_grad=False):
        assert sample.input.median(*sample.args) is not None
    assert common_utils.is_iterable([])
    assert not common_utils.is_iterable(3)
    assert list(common_utils.iter_indices(torch.ones(1, 2))) == [(0, 0), (0, 1)]


def test_tensors_of_both_devices_element_by_element(case):
    """AssertTensorsSlowEqual compares across devices, and refuses other types and sizes."""
    x = torch.tensor([[True, False]])
    case.assertTensorsSlowEqual(x, x.npu(), prec=0)
    case.assertTensorsSlowEqual(torch.ones(0, 5), torch.ones(0, 5).npu(), prec=0)
    for other in (torch.ones(1, 2), torch.tensor([True, False]), ~x):
        with pytest.raises(AssertionError):
            case.assertTensorsSlowEqual(x, other.npu(), prec=0)


def test_text_that_is_expected_in_the_source(case):
    """AssertExpectedInline of PyTorch's own test case is there."""
    case.assertExpectedInline("npu:0", "npu:0")
    with pytest.raises(AssertionError):
        case.assertExpectedInline("npu:0", "npu:1")


def test_a_case_with_a_loss_scale():
    """Two equal models with their optimizers, four batches, a loss and the step to spoil."""
    from torch_npu.testing.common_utils import _create_scaling_case

    case = _create_scaling_case(optimizer_ctor=torch.optim.Adam, optimizer_kwargs={"lr": 0.1})
    control, scaling, first, second, batches, loss, spoiled = case
    for p, q in zip(control.parameters(), scaling.parameters(), strict=True):
        assert p is not q
        assert torch.equal(p, q)
    assert (first.defaults["lr"], type(second), len(batches), spoiled) == (0.1, torch.optim.Adam, 4, 2)
    assert loss(scaling(batches[0][0]), batches[0][1]).is_npu


def test_random_tensors_follow_numpys_seed():
    """A test that seeds numpy gets the numbers of the real helpers, the same in every run."""
    np.random.seed(7)  # noqa: NPY002 - what tests of the real torch_npu call
    expected = np.random.uniform(1, 10, (2, 3)).astype(np.float32)  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    cpu, npu = common_utils.create_common_tensor([np.float32, -1, (2, 3)], 1, 10)
    assert np.array_equal(cpu.numpy(), expected)
    assert torch.equal(npu.cpu(), cpu)
