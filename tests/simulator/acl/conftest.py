"""Each test of `acl` begins with a machine and a process that know nothing."""

import acl
import npusim
import pytest
from acl import _state


@pytest.fixture(autouse=True)
def fresh():
    """A new machine; afterwards nothing is held."""
    npusim.reset()
    yield
    if _state.State.initialised:
        acl.finalize()
    npusim.reset()


@pytest.fixture
def ready():
    """AscendCL initialised, device 0 in use: its context."""
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    context, ret = acl.rt.get_context()
    assert ret == 0
    return context
