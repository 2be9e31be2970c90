"""`camp hub` set up: accounts, course, settings of a trial; what is wrong is one line and starts nothing."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from camp import hub as trial
from camp import hub_proxy
from camp.cli import main
from camp.course import load_course
from camp.errors import MissingDependencyError
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "hub" / "server"
ROSTER = "id,first_name,last_name\nU1001,Amina,Okafor\nu1002,Jonas,Lindqvist\n"


@pytest.fixture
def whole(toy, monkeypatch):
    """The toy course in a whole checkout with a roster, whose proxy need not be fetched."""
    shutil.copytree(ROOT / "hub", toy.root / "hub")
    toy.class_data.mkdir()
    (toy.class_data / "roster.csv").write_text(ROSTER, encoding="utf-8")
    monkeypatch.setattr(trial, "proxy_command", lambda *_: ["the-proxy"])
    return toy


@pytest.fixture
def started(whole, free_port):
    """Run `camp hub` with these options and return what came of it; it must end by itself."""

    def run(*options, port=None):
        line = ["--root", str(whole.root), "hub", "--port", str(port or free_port()), *options]
        return CliRunner().invoke(main, line)

    return run


def _line(result):
    """The one line of a command that failed."""
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip()


def test_port_in_use(started):
    """A port that is taken is one line with the option that chooses another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = _line(started(port=port))
    assert f"port {port} cannot be used (Address already in use)" in line
    assert line.endswith("choose another with --port")


def test_no_roster(whole, started):
    """Without a roster nobody has an account, and the line says both ways out."""
    (whole.class_data / "roster.csv").unlink()
    line = _line(started())
    assert "roster.csv is missing; write it, or give --example" in line
    assert not (whole.build / "hub" / "settings.json").exists()


@pytest.mark.parametrize(
    ("roster", "told"),
    [
        ("id\n", "names no learner; add one"),
        ("id\na b\n", "'a b' cannot be an account"),
        ("id\n../x\n", "'../x' cannot be an account"),
        ("id\na+b\n", "'a+b' cannot be an account"),
        ("id\n.x\n", "'.x' cannot be an account"),
        ("id\nada\nAda\n", "'Ada' and 'ada' would be one account"),
        ("id\nInstructor\n", "'Instructor' and 'instructor' would be one account"),
        ("name\nada\n", "has a column 'name'"),
    ],
)
def test_names_that_cannot_be_accounts(whole, started, roster, told):
    """A name that JupyterHub or the exchange would change, or nobody at all, is a line naming the file."""
    (whole.class_data / "roster.csv").write_text(roster, encoding="utf-8")
    line = _line(started())
    assert told in line
    assert "roster.csv" in line


def test_exchange_that_cannot_be_written(whole, started, monkeypatch):
    """An exchange that is a file, lies where nothing can be made, or is another's: one line names it."""
    blocked = whole.root / "blocked"
    blocked.touch()
    assert "blocked/exchange cannot be made" in _line(started("--exchange", str(blocked / "exchange")))
    theirs = whole.root / "theirs"
    theirs.mkdir(mode=0o755)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", lambda path, _: refuse() if path == theirs else None)
        line = _line(started("--exchange", str(theirs)))
    assert (
        f"the exchange {theirs} is not yours (Operation not permitted); give another with --exchange" in line
    )


def test_unknown_assignment(started):
    """An assignment to release that the course does not have is one line, before anything is made."""
    assert "a9-none" in _line(started("--release", "a9-none"))


@pytest.mark.parametrize(("option", "value"), [("--servers", "0"), ("--cull", "1")])
def test_numbers_that_make_no_sense(started, option, value):
    """No server at all, or a server that is ended at once, is one line that names the option."""
    assert option in _line(started(option, value))


def test_part_of_a_checkout(whole, started):
    """Without the folder hub/ the line says that the whole checkout is needed."""
    shutil.rmtree(whole.root / "hub")
    assert "holds no jupyterhub_config.py; run camp hub in a whole checkout" in _line(started())


def test_jupyterhub_not_installed(started, monkeypatch):
    """Without JupyterHub, one line says how to get it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "jupyterhub is not installed; run make hub" in _line(started())


def test_second_hub(whole, started):
    """While one runs, another is refused with the process that runs the first."""
    with trial.hub_alone(whole):
        line = _line(started())
    assert f"process {os.getpid()} runs a hub here already; end that one first" in line


def test_hub_that_does_not_come_up(whole, started, monkeypatch):
    """When JupyterHub ends at once, the line has its last complaint and the place of its log."""
    config = whole.root / "hub" / "jupyterhub_config.py"
    config.write_text("raise ValueError('this cannot be')\n", encoding="utf-8")
    monkeypatch.setattr(trial, "_release", lambda *_: None)
    line = _line(started())
    assert "JupyterHub did not come up" in line
    assert "this cannot be" in line
    assert line.endswith("build/hub/log.txt")


@pytest.fixture
def set_up(whole, free_port, monkeypatch):
    """Set the hub up with these wishes, releasing nothing; return it and its course's layout."""
    monkeypatch.setattr(trial, "_release", lambda *_: None)

    def run(**wishes):
        made = trial.set_up(whole, load_course(whole.exercises), trial.Wish(port=free_port(), **wishes))
        return made, trial.trial_layout(whole)

    return run


def test_roster_and_policy_come_along(whole, set_up):
    """A trial has the roster and the policy of the class, a course of its own, and nothing of the class's."""
    (whole.class_data / "policy.toml").write_text('timezone = "UTC"\n', encoding="utf-8")
    made, course = set_up()
    assert made.learners == ["U1001", "u1002"]
    assert (course.class_data / "roster.csv").read_text(encoding="utf-8") == ROSTER
    assert (course.class_data / "policy.toml").is_file()
    assert load_course(course.exercises).course.id == made.settings["course"]
    assert not whole.course.exists()
    (whole.class_data / "policy.toml").unlink()
    assert not (set_up()[1].class_data / "policy.toml").exists()


def test_example_class(whole, set_up):
    """The example class has accounts where that is asked for, with names, or where there is no roster."""
    example = sorted(path.name for path in whole.example_class.iterdir() if path.is_dir())
    assert set_up(example="if alone")[0].learners == ["U1001", "u1002"]
    made, course = set_up(example="always")
    assert made.learners == example
    assert (
        (course.class_data / "roster.csv").read_text(encoding="utf-8").startswith("id,first_name,last_name\n")
    )
    (whole.class_data / "roster.csv").unlink()
    assert set_up(example="if alone")[0].learners == example


def test_passwords_stay_and_are_private(set_up):
    """The next start has the passwords of the one before; only the folder's owner can look into it."""
    first, second = set_up()[0].settings, set_up()[0].settings
    names = ("learners_password", "instructors_password")
    assert [first[name] for name in names] == [second[name] for name in names]
    assert len(first["instructors_password"]) >= 32, "JupyterHub asks for so many letters"
    folder = Path(first["folder"])
    assert folder.stat().st_mode & 0o077 == 0
    assert json.loads((folder / "settings.json").read_text(encoding="utf-8")) == second
    (folder / "settings.json").write_text("[]", encoding="utf-8")
    assert set_up()[0].settings["learners_password"] != first["learners_password"]


def test_exchange_keeps_what_others_hand_in(set_up, tmp_path):
    """Everybody can add to the exchange, nobody remove what is another's."""
    made, _ = set_up(exchange=tmp_path / "exchange")
    assert made.settings["exchange"] == str(tmp_path / "exchange")
    assert (tmp_path / "exchange").stat().st_mode & 0o7777 == 0o1777


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """An npm of ours, which writes down where it ran, and how to call `proxy_command` with it."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    monkeypatch.setattr(hub_proxy, "_program", lambda name: str(program) if name == "npm" else "node")

    def run(layout, body):
        program.write_text(f"#!/bin/sh\necho run >>{tmp_path}/log\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
        return hub_proxy.proxy_command(layout, ROOT / "hub")

    run.times = lambda: len((tmp_path / "log").read_text().split())
    return run


FETCHED = (
    "mkdir -p node_modules/configurable-http-proxy/bin && touch node_modules/configurable-http-proxy/bin/{}"
)


def test_proxy_is_fetched_once(toy, npm):
    """The proxy is fetched when it is missing or pinned anew, and not again."""
    fetched = FETCHED.format("configurable-http-proxy")
    command = npm(toy, fetched)
    assert Path(command[1]).is_file()
    assert hub_proxy.proxy_folder(toy).stat().st_mode & 0o777 == 0o755
    assert npm(toy, fetched) == command
    assert npm.times() == 1
    (hub_proxy.proxy_folder(toy) / ".complete").write_text("of another version", encoding="utf-8")
    npm(toy, fetched)
    assert npm.times() == 2


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "echo 'npm error code ENOTFOUND' >&2; echo 'npm error request failed' >&2; exit 1",
            "request failed",
        ),
        ("exit 3", "no reason given"),
        ("exit 0", "no reason given"),
    ],
)
def test_proxy_that_cannot_be_fetched(toy, npm, body, told):
    """What npm complains of is told in one line; the proxy that was there before is kept."""
    npm(toy, FETCHED.format("configurable-http-proxy"))
    mark = hub_proxy.proxy_folder(toy) / ".complete"
    mark.write_text("of another version", encoding="utf-8")
    with pytest.raises(
        hub_proxy.ProxyError, match=rf"could not fetch the hub's proxy \({told}\); check"
    ) as error:
        npm(toy, body)
    assert "\n" not in str(error.value)
    assert mark.is_file()
    assert [path.name for path in toy.build.iterdir()] == ["vendor-hub"], "nothing half is left"


def test_no_node(toy, monkeypatch):
    """Without Node.js, one line says what brings it."""
    monkeypatch.setattr(hub_proxy.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(hub_proxy.shutil, "which", lambda *_, **__: None)
    with pytest.raises(MissingDependencyError, match=r"node was not found, .* run make hub"):
        hub_proxy.proxy_command(toy, ROOT / "hub")


def test_proxy_is_pinned_with_checksums():
    """Every package of the proxy has one version and a checksum, and no address to fetch it from."""
    lock = json.loads((ROOT / "hub" / "package-lock.json").read_text(encoding="utf-8"))
    package = json.loads((ROOT / "hub" / "package.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    assert len(packages) > 10
    for name, entry in packages.items():
        assert entry["version"], name
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


@pytest.fixture
def nbgrader_config(tmp_path):
    """What `hub/server/nbgrader_config.py` sets, for these variables of a server."""

    def read(**variables):
        code = (
            "import json, sys\n"
            "from traitlets.config import PyFileConfigLoader\n"
            f"c = PyFileConfigLoader('nbgrader_config.py', path={str(SERVER)!r}).load_config()\n"
            "print(json.dumps(c))\n"
        )
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return json.loads(done.stdout)

    return read


def test_who_submits_is_who_signed_in(nbgrader_config, toy):
    """A learner's server hands in under the account's name; only an instructor's knows the gradebook."""
    common = {"CAMP_COURSE_ID": "toy", "CAMP_EXCHANGE": "/exchange", "JUPYTERHUB_USER": "U1001"}
    learner = nbgrader_config(**common)
    assert learner["CourseDirectory"] == {"course_id": "toy", "student_id": "U1001"}
    assert learner["Exchange"]["root"] == "/exchange"
    instructor = nbgrader_config(**common, CAMP_COURSE=str(toy.root))
    assert instructor["CourseDirectory"]["root"] == str(toy.course)
    assert "student_id" not in instructor["CourseDirectory"]
    assert instructor["Autograde"] or instructor["ApplyVerdict"], "grading is ours, in the sandbox"


def test_camp_on_an_instructors_server_works_on_its_course(whole, free_port, monkeypatch):
    """Wherever its terminal stands, below a checkout too, camp takes the course the server was given."""
    (whole.class_data / "roster.csv").unlink()
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CAMP_COURSE", str(whole.root))
    line = _line(CliRunner().invoke(main, ["hub", "--port", str(free_port())]))
    assert f"{whole.class_data / 'roster.csv'} is missing" in line
