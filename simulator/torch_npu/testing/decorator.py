"""Tests made once for every type and format (torch_npu/testing/decorator.py of Ascend/pytorch)."""

from __future__ import annotations

import functools
import inspect
import itertools
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


def feed_data(func: Callable[..., Any], new_name: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """A test with its arguments, under a name of its own."""

    @functools.wraps(func)
    def wrapper(self: Any) -> Any:
        return func(self, *args, **kwargs)

    wrapper.__name__ = new_name
    return wrapper


class Dtypes:
    """Types that a test is made for.

    Raises:
        RuntimeError: none, or something else than types.
    """

    def __init__(self, *args: Any) -> None:
        if not args:
            raise RuntimeError("No dtypes given")
        if not all(isinstance(arg, torch.dtype) for arg in args):
            raise RuntimeError(f"Unknown dtype in {args}")
        self.args = args

    def __call__(self, fn: Any) -> Any:
        """The test, marked."""
        fn.dtypes = self.args
        return fn


class Formats:
    """Memory formats that a test is made for.

    Raises:
        RuntimeError: none.
    """

    def __init__(self, *args: Any) -> None:
        if not args:
            raise RuntimeError("No formats given")
        self.args = args

    def __call__(self, fn: Any) -> Any:
        """The test, marked."""
        fn.formats = self.args
        return fn


def instantiate_tests(arg: Any = None, **kwargs: Any) -> Any:
    """Puts a test for every type and format in the place of each marked one of a class.

    A test takes `device`, and one argument each with "dtype" and "format" in its name.

    Raises:
        RuntimeError: two arguments have that in their name.
    """
    for name, func in list(vars(arg).items()):
        marks: dict[str, Any] = {
            "dtype": getattr(func, "dtypes", None),
            "format": getattr(func, "formats", None),
        }
        marks = {key: values for key, values in marks.items() if values is not None}
        if not marks:
            continue
        parameters = inspect.getfullargspec(func).args
        for chosen in itertools.product(*marks.values()):
            given: dict[str, Any] = {"device": "npu"} if "device" in parameters else {}
            title = name
            for key, value in zip(marks, chosen, strict=True):
                title += "_" + (str(value).partition(".")[2] if key == "dtype" else str(value))
                fitting = [p for p in parameters if key in p]
                if len(fitting) > 1:
                    raise RuntimeError(f"Multiple matches for {key}")
                given[fitting[0]] = value
            setattr(arg, title, feed_data(func, title, **given))
        delattr(arg, name)
    return arg


def gen_op_input(testcase: str, func: Any, op_info: Any) -> dict[str, Any]:
    """Types and formats of an operator's tests: the test's own, else the operator's."""
    dtypes = getattr(func, "dtypes", op_info.dtypesIfNPU)
    if "test_variant_consistency_eager" in testcase:
        known = op_info.dtypesIfNPU
        dtypes = {torch.float32} if torch.float32 in known else {list(known)[-1]}
    return {"dtype": dtypes, "npu_format": getattr(func, "formats", op_info.formats)}


def gen_ops_testcase(cls: Any, func: Any, name: str, keys: Any, value: Any, op_info: Any) -> None:
    """Gives a class one test of one operator for one type and format."""
    title = f"{func.__name__}_{name}"
    given = dict(zip(keys, value, strict=True))
    for key, chosen in given.items():
        title += "_" + (str(chosen).partition(".")[2] if key == "dtype" else str(chosen))
    test: Any = functools.partialmethod(func, **given, op=op_info)
    setattr(cls, title, test)
    for decorator in op_info.get_decorators(cls.__name__, func.__name__, "cpu", value[0], {}):
        setattr(cls, title, decorator(test))


def instantiate_ops_tests(op_db: Any) -> Any:
    """A decorator of a class: each test is made once for every operator, type and format."""

    def decorate(cls: Any) -> Any:
        for name in [n for n in dir(cls) if n.startswith("test_")]:
            func = getattr(cls, name)
            for op_info in op_db:
                data = gen_op_input(name, func, op_info)
                for value in itertools.product(*data.values()):
                    gen_ops_testcase(cls, func, op_info.name, data.keys(), value, op_info)
            delattr(cls, name)
        return cls

    return decorate
