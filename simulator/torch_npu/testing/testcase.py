"""`TestCase`: unittest's with comparisons of tensors (torch_npu/testing/testcase.py of Ascend/pytorch)."""
# ruff: noqa: N802, PT009, PT027 - unittest's way and the names of the real one

from __future__ import annotations

import random
import re
import sys
import time
import unittest
import warnings
from contextlib import contextmanager
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from torch_npu.testing.common_utils import (
    PERF_TEST_ENABLE,
    PerfBaseline,
    is_iterable,
    iter_indices,
    set_npu_device,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

try:
    from expecttest import TestCase as _Base  # as PyTorch's own
except ImportError:  # without it, all but assertExpectedInline
    _Base = unittest.TestCase  # type: ignore[assignment, misc]

_SEED = 666
_TINY = {np.dtype(np.float16): 6e-8}
_ALLOWED = ("bool", "uint16", "int16", "int32", "float16", "float32", "int8", "uint8", "int64", "float64")


def _is_plain(x: Any) -> bool:
    """Whether equality says all about it."""
    return x is None or isinstance(x, str | bool | set | torch.device | torch.dtype)


def _beside(x: Any, y: Any) -> Any:
    """A tensor that is compared with a number as a number; all else as it is."""
    return x.item() if isinstance(x, torch.Tensor) and isinstance(y, Number | np.bool_) else x


def run_tests() -> None:
    """Runs the tests of the calling file."""
    unittest.main(argv=sys.argv)


class TestCase(_Base):
    """A test case whose comparisons know tensors, arrays, numbers and sequences of them."""

    _precision: float = 1e-5
    maxDiff = None
    exact_dtype = False

    def __init__(self, method_name: str = "runTest") -> None:
        super().__init__(method_name)

    @property
    def precision(self) -> float:
        """How far numbers may be apart."""
        return self._precision

    @precision.setter
    def precision(self, prec: float) -> None:
        self._precision = prec

    @classmethod
    def setUpClass(cls) -> None:
        """Makes the device of the tests the current one."""
        set_npu_device()

    def setUp(self) -> None:
        """Begins all random numbers anew."""
        torch.manual_seed(_SEED)
        random.seed(_SEED)
        np.random.seed(_SEED)  # noqa: NPY002 - tests draw from numpy's global numbers

    def assertRtolEqual(
        self,
        x: Any,
        y: Any,
        prec: float = 1e-4,
        prec16: float = 1e-3,
        auto_trans_dtype: bool = False,
        message: str | None = None,
    ) -> None:
        """Fails where results of two devices are apart by more than rounding.

        A part of `prec` of the elements may miss both the relative and the absolute bound.

        Args:
            x: tensors, arrays, numbers, or sequences of them.
            y: the same.
            prec: the bound.
            prec16: the bound for float16 and bfloat16.
            auto_trans_dtype: compare in the type of `y`.
            message: of the failure.
        """
        if isinstance(x, list | tuple) and isinstance(y, list | tuple):
            for one, other in zip(x, y, strict=False):
                self.assertRtolEqual(one, other, prec, prec16, auto_trans_dtype, message)
            return
        if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
            x = x.to(y.dtype) if auto_trans_dtype else x
            if x.dtype is y.dtype is torch.bfloat16:
                self._near_halves(x, y, prec16)
                return
        a, b = (_array(v) for v in (x, y))
        if a.shape != b.shape:
            self.fail("shape error")
        if a.dtype != b.dtype:
            self.fail("dtype error")
        if a.dtype.name not in _ALLOWED:
            self.fail(f"required dtype in {list(_ALLOWED)}")
        if a.dtype == np.bool_:
            if not np.equal(a, b).all():
                self.fail("result error")
            return
        self._near(a, b, prec16 if a.dtype == np.float16 else prec, message)

    def _near_halves(self, x: torch.Tensor, y: torch.Tensor, prec: float) -> None:
        if x.shape != y.shape:
            self.fail("shape error!")
        if not torch.allclose(x.cpu(), y.cpu(), rtol=prec, atol=prec):
            self.fail("result error!")

    def _near(
        self, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], prec: float, message: str | None
    ) -> None:
        missing = np.isnan(a)
        if not np.equal(missing, np.isnan(b)).all():
            self.fail(message or "NaNs are in different places")
        with np.errstate(invalid="ignore"):
            apart = np.abs(np.where(missing, 0, b - a))
        size = np.maximum(np.abs(a), np.abs(b)) + _TINY.get(a.dtype, 1e-9)
        absolute = apart <= prec
        relative = apart / size <= prec
        if relative.all() or absolute.all():
            return
        allowed = a.size * prec
        if np.sum(~relative) > allowed and np.sum(~absolute) > allowed:
            self.fail(message or f"result error: {float(apart.max())} apart at most, {prec} is allowed")

    def assertEqual(
        self,
        x: Any,
        y: Any,
        prec: Any = None,
        message: Any = "",
        allow_inf: bool = False,
        exact_dtype: bool | None = None,
    ) -> None:
        """Fails where two values differ: tensors and numbers by more than `prec`, all else at all."""
        if isinstance(prec, str) and message == "":
            message, prec = prec, None
        bound = self.precision if prec is None else max(self.precision, prec)
        exact = self.exact_dtype if exact_dtype is None else exact_dtype
        x, y = _beside(x, y), _beside(y, x)
        if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
            self._equal_tensors(x, y, bound, message, allow_inf=allow_inf, exact_dtype=exact)
        elif _is_plain(x) or _is_plain(y):
            super().assertEqual(x, y, message)
        elif isinstance(x, dict) and isinstance(y, dict):
            super().assertEqual(set(x), set(y), message)
            for key, value in x.items():
                self.assertEqual(value, y[key], prec, message, allow_inf, exact_dtype)
        elif is_iterable(x) and is_iterable(y):
            super().assertEqual(len(x), len(y), message)
            for one, other in zip(x, y, strict=True):
                self.assertEqual(one, other, prec, message, allow_inf, exact_dtype)
        elif isinstance(x, Number) and isinstance(y, Number):
            self._equal_numbers(x, y, bound, message, allow_inf=allow_inf)
        else:
            super().assertEqual(x, y, message)

    def _equal_numbers(self, x: Any, y: Any, prec: float, message: Any, *, allow_inf: bool) -> None:
        if abs(x) == float("inf") or abs(y) == float("inf"):
            if not allow_inf:
                self.fail(f"Expected finite numeric values - x={x}, y={y}")
            super().assertEqual(x, y, message)
        elif x != x and y != y:  # noqa: PLR0124 - both are no numbers
            return
        else:
            self.assertLessEqual(abs(x - y), prec, message)

    def _equal_tensors(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        prec: float,
        message: Any,
        *,
        allow_inf: bool,
        exact_dtype: bool,
    ) -> None:
        super().assertEqual(x.is_sparse, y.is_sparse, message)
        super().assertEqual(x.size(), y.size(), message)
        if exact_dtype:
            super().assertEqual(x.dtype, y.dtype, message)
        a, b = (self.safeToDense(t).detach().cpu() for t in (x, y))
        if not a.numel():
            return
        if a.dtype is torch.bool or b.dtype is torch.bool:
            super().assertEqual(a.dtype, b.dtype, message)
            self.assertTrue(torch.equal(a, b), message)
            return
        wide = torch.complex128 if a.is_complex() or b.is_complex() else torch.float64
        a, b = a.to(wide), b.to(wide)
        self.assertTrue(torch.equal(a.isnan(), b.isnan()), message)
        apart = torch.where(a.isnan(), 0, (a - b).abs())
        if allow_inf:
            self.assertTrue(torch.equal(a.isinf(), b.isinf()), message)
            apart = torch.where(a.isinf(), 0, apart)
        self.assertLessEqual(apart.max().item(), prec, message)

    def assertAlmostEqual(  # type: ignore[override]
        self,
        x: Any,
        y: Any,
        places: int | None = None,
        msg: str | None = None,
        delta: float | None = None,
        allow_inf: bool | None = None,
    ) -> None:
        """`assertEqual` with a bound as unittest gives it."""
        bound = delta if delta is not None else None if places is None else 10**-places
        self.assertEqual(x, y, bound, msg or "", bool(allow_inf))

    def assertNotEqual(self, x: Any, y: Any, prec: Any = None, message: Any = "") -> None:
        """Fails where two values do not differ by more than `prec`."""
        if isinstance(prec, str) and message == "":
            message, prec = prec, None
        try:
            self.assertEqual(x, y, prec)
        except AssertionError:
            return
        self.fail(message or f"{x!r} and {y!r} do not differ")

    def assertTensorsSlowEqual(
        self, x: torch.Tensor, y: torch.Tensor, prec: Any = None, message: Any = ""
    ) -> None:
        """Compares element by element, on whichever devices they lie."""
        super().assertEqual(x.size(), y.size(), message)
        super().assertEqual(x.dtype, y.dtype, message)
        apart = max((abs(x[i].item() - y[i].item()) for i in iter_indices(x)), default=0)
        self.assertLessEqual(apart, self.precision if prec is None else prec, message)

    def genSparseTensor(
        self, size: Any, sparse_dim: int, nnz: int, is_uncoalesced: bool, device: str = "cpu"
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """A random sparse tensor, with copies of its indices and values.

        Args:
            size: its shape.
            sparse_dim: how many of the dimensions are sparse.
            nnz: how many entries.
            is_uncoalesced: whether entries may repeat.
            device: where it is to lie.
        """
        values = torch.randn([nnz, *size[sparse_dim:]], device=device)
        indices = torch.rand(sparse_dim, nnz, device=device)
        indices.mul_(torch.tensor(size[:sparse_dim]).unsqueeze(1).to(indices))
        places = indices.to(torch.long)
        if is_uncoalesced:
            values = torch.cat([values, torch.randn_like(values)], 0)
            places = torch.cat([places, places], 1)
        found = torch.sparse_coo_tensor(places, values, torch.Size(size))
        if not is_uncoalesced:
            found = found.coalesce()
        return found, found._indices().clone(), found._values().clone()

    def safeToDense(self, t: torch.Tensor) -> torch.Tensor:
        """A tensor as a dense one."""
        return t.coalesce().to_dense() if t.is_sparse else t

    def safeCoalesce(self, t: torch.Tensor) -> torch.Tensor:
        """A sparse tensor whose entries do not repeat."""
        return t.coalesce()

    def assertObjectIn(self, obj: object, iterable: Any) -> None:
        """Fails where that very object is not among others."""
        if not any(item is obj for item in iterable):
            self.fail("object not found in iterable")

    def assertExpectedRaises(
        self, exc_type: Any, call_fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> None:
        """Fails where a call does not raise."""
        subname = kwargs.pop("subname", None)
        with self.assertRaises(exc_type) as caught:
            call_fn(*args, **kwargs)
        self.assertExpectedStripMangled(str(caught.exception), subname)

    def assertExpectedStripMangled(self, s: str, subname: str | None = None) -> None:
        """Takes PyTorch's mangled class names out of a text; there are no stored texts to compare it with."""
        re.sub(r"__torch__[^ ]+", "", s)

    def _warned(self, call_fn: Callable[[], Any]) -> int:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            call_fn()
        return len(seen)

    def assertNotWarn(self, call_fn: Callable[[], Any], msg: str = "") -> None:
        """Fails where a call warns."""
        if self._warned(call_fn):
            self.fail(msg or "a warning was raised")

    def assertWarns(self, call_fn: Any, msg: str = "") -> None:  # type: ignore[override]
        """Fails where a call does not warn."""
        if not self._warned(call_fn):
            self.fail(msg or "no warning was raised")

    @contextmanager
    def maybeWarnsRegex(self, category: type[Warning], regex: str = "") -> Iterator[None]:
        """Allows warnings of a kind whose text fits, and no others."""
        pattern = re.compile(regex)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", category=category)
            yield
        wrong = [w for w in seen if not (issubclass(w.category, category) and pattern.match(str(w.message)))]
        if wrong:
            self.fail("Caught unexpected warnings: " + "; ".join(str(w.message) for w in wrong))

    def run(self, result: Any = None) -> Any:
        """Runs the test; with PERF_TEST_ENABLE it fails where it takes twice as long as before."""
        if not PERF_TEST_ENABLE:
            return super().run(result)
        began = time.time()
        found = super().run(result)
        self._compare_time(time.time() - began, result)
        return found

    def _compare_time(self, seconds: float, result: Any) -> None:
        name = f"{type(self).__qualname__}.{self._testMethodName}"
        before = PerfBaseline.get_baseline(name)
        if before is None:
            PerfBaseline.set_baseline(name, seconds)
        elif seconds > 2 * before and result is not None:
            slow = AssertionError(f"{name} took {seconds:.3f} s, {before:.3f} s before")
            result.addFailure(self, (AssertionError, slow, None))


def _array(value: Any) -> np.ndarray[Any, Any]:
    if isinstance(value, torch.Tensor):
        found: np.ndarray[Any, Any] = value.detach().cpu().numpy()
        return found
    return np.asarray(value)
