""".ci/need: a system package that is missing is installed where that is allowed, else named in one line."""

import os
import subprocess
from pathlib import Path

import pytest

NEED = Path(__file__).parents[2] / ".ci" / "need"


@pytest.fixture
def machine(tmp_path):
    """Run .ci/need on a machine whose `id`, `apt-get` and programs are ours."""
    (tmp_path / "bin").mkdir()
    for name in ("sh", "mktemp", "rm", "grep"):
        real = next(p for f in os.environ["PATH"].split(":") if (p := Path(f) / name).is_file())
        (tmp_path / "bin" / name).symlink_to(real)

    def program(name, body):
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(*arguments, user, apt=None, **environment):
        program("id", f"echo {user}")
        if apt is not None:
            program("apt-get", f'echo "$@" >>{tmp_path}/apt.log\n{apt}')
        return subprocess.run(
            [str(tmp_path / "bin" / "sh"), str(NEED), *arguments],
            env={"PATH": str(tmp_path / "bin"), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    run.program = program
    run.log = tmp_path / "apt.log"
    run.bin = tmp_path / "bin"
    return run


@pytest.mark.parametrize("what", ["none-such", "font:Noto Sans CJK SC", "module:none_such", "file:/none/*/x"])
@pytest.mark.parametrize("user", [0, 1000])
def test_missing_and_not_to_be_had(machine, what, user):
    """Where it cannot be installed, one line names the package and the command, exit code 1."""
    done = machine(what, "the-package", user=user, apt="exit 100", PYTHON="/bin/false")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        "camp: the system package 'the-package' is missing; install it: sudo apt-get install the-package"
    ]
    assert machine.log.exists() is (user == 0), "an ordinary user does not even try"


def test_no_apt(machine):
    """On a machine without apt-get, root is told the same."""
    done = machine("none-such", "the-package", user=0)
    assert done.returncode == 1
    assert "'the-package' is missing" in done.stderr


def test_there_already(machine):
    """What is there is not installed again, and nothing is said."""
    machine.program("some-program", "true")
    machine.program("fc-list", "echo Noto")
    machine.program("python3", "exit 0")
    for what in ("some-program", "font:Noto", "module:x"):
        done = machine(what, "the-package", user=0, apt="exit 100")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not machine.log.exists()


def test_installed_where_allowed(machine):
    """Root has it installed, without questions, and goes on."""
    body = f'printf "#!/bin/sh\\n" >{machine.bin}/some-program; /bin/chmod +x {machine.bin}/some-program'
    done = machine("some-program", "the-package", user=0, apt=body)
    assert done.returncode == 0, done.stderr
    assert machine.log.read_text(encoding="utf-8") == "install -y the-package\n"


def test_lists_are_fetched_when_the_first_try_fails(machine):
    """A machine whose package lists are old fetches them and tries again."""
    body = (
        f'if [ "$1" = update ]; then printf "#!/bin/sh\\n" >{machine.bin}/some-program; '
        f"/bin/chmod +x {machine.bin}/some-program; "
        f"elif [ ! -e {machine.bin}/some-program ]; then exit 100; fi"
    )
    assert machine("some-program", "the-package", user=0, apt=body).returncode == 0
    assert machine.log.read_text(encoding="utf-8").splitlines() == [
        "install -y the-package",
        "update",
        "install -y the-package",
    ]
