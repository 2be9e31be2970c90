"""What answers probes cannot be found by learners' code: no class, list of objects or wrapper leads to it."""

from __future__ import annotations

import pytest
from camp.kernel import Kernel

LOOK = """
import torch, torch_npu, gc, _signal, types


def names_of(found):
    return getattr(found, "__globals__", {})


def look():
    gc.unfreeze()
    seen = gc.get_objects()
    out = [c.__name__ for c in object.__subclasses__() if c.__name__ == "Watch"]
    out += ["dict" for d in seen if type(d) is dict and ("answerer" in d or ("codes" in d and "held" in d))]
    out += [f.__name__ for f in seen if type(f) is types.FunctionType and "answerer" in names_of(f)]
    out += ["method" for m in seen if type(m) is types.MethodType and "answerer" in names_of(m.__func__)]
    out += ["signal"] * ("answerer" in names_of(_signal.signal))
    return out
"""


def said(outputs):
    """What a cell printed."""
    return "".join(getattr(output, "text", "") for output in outputs)


@pytest.mark.slow
def test_no_way_leads_to_what_answers():
    """Neither before nor after a probe do subclasses, the collector's lists or wrappers show its names."""
    with Kernel(60) as kernel:
        kernel.run(LOOK)
        assert said(kernel.run("print('seen', look())")) == "seen []\n"
        assert kernel.probe("result = 3", {}) == 3
        assert said(kernel.run("print('seen', look())")) == "seen []\n"
