"""Which sandbox is in use: the best there is, one by name, and none only where that was asked for."""

import pytest
from camp.cli import main
from camp.running import started
from camp.warm import CHOICE, Backend, Isolation, SandboxError, isolation
from click.testing import CliRunner

NONE = Isolation(None, ((Backend.NAMESPACES, "switched off"), (Backend.LANDLOCK, "too old")))


@pytest.fixture(autouse=True)
def _own_choice(monkeypatch):
    monkeypatch.setenv(CHOICE, "")  # and so put back after what a command sets


@pytest.fixture
def nowhere(monkeypatch):
    """A machine that refuses every sandbox."""
    monkeypatch.setattr("camp.warm.isolation", lambda: NONE)
    monkeypatch.setattr("camp.running.usable", lambda: NONE)


def _grade(toy, *options):
    line = ["--root", str(toy.root), *options, "grade", "--workers", "1", "--from", str(toy.root / "inbox")]
    return CliRunner().invoke(main, line)


@pytest.mark.usefixtures("nowhere")
def test_strangers_are_not_run_without_a_sandbox(toy, hand_in, monkeypatch):
    """Where there is no sandbox, a class is refused in one line with the reasons, and nothing is run."""
    monkeypatch.setattr("camp.cli._start_early", lambda: None)
    monkeypatch.setattr("camp.classroom.verdicts", lambda *_: pytest.fail("run without a sandbox"))
    hand_in("zoe", {"double": "def double(x):\n    return 2 * x\n"})
    result = _grade(toy)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("camp: no sandbox can be set up here: none (no namespaces: switched off")
    assert result.stderr.endswith("or ask for none by name: camp --sandbox none\n")
    assert not list(toy.results.glob("*/*.json"))


@pytest.mark.slow
def test_none_by_name(toy, hand_in):
    """Asked for by name the class is graded without a sandbox, and that is said loudly."""
    hand_in("zoe", {"double": "def double(x):\n    return 2 * x\n"})
    result = _grade(toy, "--sandbox", "none")
    assert result.exit_code == 0, result.output
    assert "NO SANDBOX: as asked for by name" in result.stdout
    assert "graded  zoe  a1-sums  2 of 5" in result.stdout


@pytest.mark.usefixtures("nowhere")
def test_own_answers_may_do_without(toy, monkeypatch):
    """The bundled class and an author's answers are no strangers': they run, and that is said loudly."""
    monkeypatch.setattr("camp.classroom.grade_class", lambda *given: given[-1].begins(1, 0))
    result = CliRunner().invoke(main, ["--root", str(toy.root), "grade", "--example"])
    assert result.exit_code == 0, result.output
    assert "NO SANDBOX: the course's own answers run as you. Why: none (no namespaces: " in result.stdout


@pytest.mark.usefixtures("nowhere")
def test_kernel_refuses_by_itself(tmp_path):
    """Whoever starts a kernel for graded code is refused where there is no sandbox, as a worker far away."""
    with pytest.raises(SandboxError, match="no landlock: too old"), started(tmp_path, tmp_path, {}, 0):
        pytest.fail("started")


def test_unknown_name(toy, hand_in):
    """A sandbox that does not exist is one line with those that do."""
    hand_in("zoe", {})
    result = _grade(toy, "--sandbox", "gvisor")
    assert result.exit_code == 1
    assert result.stderr.startswith("camp: CAMP_SANDBOX=gvisor names no sandbox; there are namespaces, ")
    assert result.stderr.count("\n") == 1


def test_one_by_name(monkeypatch):
    """The variable chooses, for whoever grades; where it names none, nothing is tried."""
    monkeypatch.setenv(CHOICE, "landlock")
    found = isolation()
    assert found.backend in {Backend.LANDLOCK, None}
    assert all(name is Backend.LANDLOCK for name, _ in found.refused)
    monkeypatch.setenv(CHOICE, "none")
    assert isolation() == Isolation(Backend.NONE)
