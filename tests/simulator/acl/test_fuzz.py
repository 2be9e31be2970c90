"""Random calls and random files end in a code and no crash; `tests/bench/acl_fuzz.py` does many more."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import npusim
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SPEC = importlib.util.spec_from_file_location("fuzzing", Path(__file__).parent / "fuzzing.py")
fuzzing = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzzing)
FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """Calls that write files write them here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", fuzzing.worlds.SOC)


@FEW
@given(st.randoms(use_true_random=False))
def test_calls_end_in_a_code(rng):
    """No sequence of calls raises more than a refusal of an argument's kind; failures have known codes."""
    fuzzing.call_sequence(rng, fuzzing.fresh_world())


@FEW
@given(st.randoms(use_true_random=False))
def test_models_end_in_a_code(rng):
    """No bytes loaded as a model or an operator do more than give a code, whether they load or not."""
    fuzzing.fresh_world()
    fuzzing.load_om(rng)


@FEW
@given(st.randoms(use_true_random=False))
def test_configurations_end_in_a_code(tmp_path, rng):
    """AIPP configurations, descriptions of operators and acl.json are read or refused with a code."""
    npusim.reset()
    fuzzing.read_aipp(rng, tmp_path)
    fuzzing.read_json(rng, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["calls", "om", "files"])
def test_many_end_in_a_code(kind, tmp_path):
    """The same for a few hundred seeds of each kind."""
    world = fuzzing.fresh_world()
    for seed in range(300):
        rng = random.Random(seed)  # noqa: S311 - no secret
        if seed % 25 == 0:
            world = fuzzing.fresh_world()
        if kind == "calls":
            if not fuzzing._state.State.initialised:
                world = fuzzing.fresh_world()
            fuzzing.call_sequence(rng, world)
        elif kind == "om":
            fuzzing.load_om(rng)
        else:
            fuzzing.read_aipp(rng, tmp_path)
            fuzzing.read_json(rng, tmp_path)
