"""`camp hub`: a JupyterHub for a class on trial, on this machine alone, until Ctrl-C.

It is nbgrader's whole way with several accounts: fetch, solve, submit, collect, grade, feedback. It works on
a course of its own below `build/hub/`, so that nothing of a trial gets into your class's gradebook.
The hub's own configuration is `hub/jupyterhub_config.py`.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camp.errors import CampError, MissingDependencyError, NotWritableError
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor
from camp.hub_proxy import proxy_command
from camp.paths import Layout, make_folder, write_text
from camp.policy import POLICY_FILE
from camp.release import release
from camp.roster import ROSTER_FILE, load_roster
from camp.scratch import hold
from camp.serve import HOST, require_free

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from camp.course import Course

LOG, SETTINGS = "log.txt", "settings.json"
"""In `build/hub/`: what JupyterHub says, and what it is told; the passwords stand in the latter."""
START_SECONDS = 120
END_SECONDS = 40
_ASK_SECONDS = 0.2
MAX_NAMED = 8
_ACCOUNT = re.compile(r"[\w.@-]+")


class HubError(CampError):
    """The trial JupyterHub cannot be set up or does not start."""


class AccountError(CampError):
    """There is nobody to have an account, or somebody's name cannot be one."""


@dataclass(frozen=True)
class Wish:
    """What is asked of `camp hub`.

    Attributes:
        port: where it listens on this machine.
        instructor: the instructor's account.
        example: "always" for accounts of the example class, "if alone" for these where there is no roster.
        exchange: nbgrader's exchange; None for the one below `build/hub/`.
        released: the assignments in the exchange from the start; none for the course's first.
        servers: how many servers may run at one time.
        cull: seconds without use after which a server is ended; None for what `hub/values.yaml` says.
    """

    port: int = 8100
    instructor: str = "instructor"
    example: str | None = None
    exchange: Path | None = None
    released: tuple[str, ...] = ()
    servers: int = 6
    cull: int | None = None


@dataclass(frozen=True)
class Trial:
    """A hub that is set up.

    Attributes:
        address: for the browser.
        learners: who may sign in with the learners' password.
        settings: what `hub/jupyterhub_config.py` reads.
    """

    address: str
    learners: list[str]
    settings: dict[str, Any]


def hub_folder(layout: Layout) -> Path:
    """Everything of a trial: homes, exchange, course, log."""
    return layout.build / "hub"


def log_file(layout: Layout) -> Path:
    """What JupyterHub says while it runs."""
    return hub_folder(layout) / LOG


def trial_layout(layout: Layout) -> Layout:
    """The course of a trial, a root for camp like a checkout."""
    return Layout(hub_folder(layout) / "trial")


def accounts(layout: Layout, wish: Wish) -> list[str]:
    """Who gets a learner's account: the roster, or the example class where that is asked for.

    Raises:
        AccountError: there is no roster, or a name in it cannot be an account.
        RosterError: the roster cannot be read.
    """
    path = layout.class_data / ROSTER_FILE
    roster = None if wish.example == "always" else load_roster(path)
    if roster is None and wish.example:
        example = layout.example_class
        learners = sorted(p.name for p in example.iterdir() if p.is_dir()) if example.is_dir() else []
        where = example
    elif roster is None:
        raise AccountError(f"{path} is missing; write it, or give --example for the example class's accounts")
    else:
        learners, where = sorted(roster), path
    if not learners:
        raise AccountError(f"{where} names no learner; add one")
    _require_usable(where, [*learners, wish.instructor])
    return learners


def _require_usable(where: Path, names: list[str]) -> None:
    """Refuse names that JupyterHub or nbgrader's exchange would not keep as they are."""
    for name in names:
        if not _ACCOUNT.fullmatch(name) or name.startswith("."):
            raise AccountError(f"{where}: {name!r} cannot be an account; use letters, digits and . _ - @")
    seen: dict[str, str] = {}
    for name in names:
        if twin := seen.get(name.lower()):
            raise AccountError(f"{where}: {twin!r} and {name!r} would be one account; rename one of them")
        seen[name.lower()] = name


def set_up(layout: Layout, course: Course, wish: Wish) -> Trial:
    """Make the folders, the course of the trial and the hub's settings; nothing is started.

    Raises:
        AccountError, RosterError: see `accounts`.
        PortError: the port is taken.
        HubError: this is no whole checkout, or the exchange refuses an assignment.
        NotWritableError: a folder cannot be made or written, the exchange for one.
        MissingDependencyError, ProxyError: see `camp.hub_proxy`.
    """
    learners = accounts(layout, wish)
    released = [course.find(name).id for name in wish.released] or [course.assignment[0].id]
    require_free(wish.port, "--port")
    own = require_whole(layout)
    folder = make_folder(hub_folder(layout))
    folder.chmod(0o700)  # homes, gradebook and passwords: not for others on this machine
    exchange = _exchange(wish.exchange or folder / "exchange")
    command = proxy_command(layout, own)
    trial = _open_course(layout, learners)
    _release(layout, course, released, exchange)
    hub_port, proxy_port = _free_ports(2)
    settings = {
        "folder": str(folder),
        "trial": str(trial.root),
        "exchange": str(exchange),
        "course": course.course.id,
        "learners": learners,
        "instructor": wish.instructor,
        "port": wish.port,
        "hub_port": hub_port,
        "proxy_port": proxy_port,
        "proxy": command,
        "servers": wish.servers,
        "cull_seconds": wish.cull,
        **_passwords(folder / SETTINGS),
    }
    write_text(folder / SETTINGS, json.dumps(settings, indent=1))
    return Trial(f"http://localhost:{wish.port}/", learners, settings)


def require_whole(layout: Layout) -> Path:
    """The checkout's folder `hub`.

    Raises:
        HubError: there is none, or JupyterHub cannot run on this system.
        MissingDependencyError: JupyterHub is not installed.
    """
    own = layout.root / "hub"
    if not (own / "jupyterhub_config.py").is_file():
        raise HubError(f"{own} holds no jupyterhub_config.py; run camp hub in a whole checkout")
    if os.name == "nt":
        raise HubError("JupyterHub does not run on Windows; take Linux, macOS or WSL")
    for name in ("jupyterhub", "jupyterhub_idle_culler"):
        if importlib.util.find_spec(name) is None:
            raise MissingDependencyError(f"{name} is not installed; run make hub, which installs it")
    return own


def told(trial: Trial) -> list[str]:
    """What to say once the hub is up, with rich's marks: where it is, who may sign in, and what it is not."""
    known = trial.settings
    named = ", ".join(trial.learners[:MAX_NAMED]) + (", …" if len(trial.learners) > MAX_NAMED else "")
    return [
        f"JupyterHub  {trial.address}",
        f"learners    {named}",
        f"            password {known['learners_password']}",
        f"instructor  {known['instructor']}",
        f"            password {known['instructors_password']}",
        "[bold red]ON TRIAL, NOT FOR A CLASS:[/] every server here runs as you, and reads what you can.",
        "It listens on this machine alone.",
        "Everything of it lies in build/hub/. Ctrl-C ends it.",
    ]


def _exchange(folder: Path) -> Path:
    """The exchange of nbgrader, where everybody may add a folder and nobody remove another's."""
    make_folder(folder)
    try:
        if folder.stat().st_mode & 0o777 != 0o777:  # noqa: PLR2004 - the permissions of everybody
            folder.chmod(0o1777)
    except OSError as error:
        raise NotWritableError(
            f"the exchange {folder} is not yours ({error.strerror}); give another with --exchange"
        ) from None
    return folder.resolve()


def _open_course(layout: Layout, learners: list[str]) -> Layout:
    """The trial's course root: the checkout's exercises, with a class of its own."""
    trial = trial_layout(layout)
    make_folder(trial.root)
    if trial.exercises.is_symlink() or not trial.exercises.exists():
        trial.exercises.unlink(missing_ok=True)
        trial.exercises.symlink_to(layout.exercises.resolve(), target_is_directory=True)
    known = load_roster(layout.class_data / ROSTER_FILE) or {}
    if set(learners) <= set(known):
        make_folder(trial.class_data)
        shutil.copyfile(layout.class_data / ROSTER_FILE, trial.class_data / ROSTER_FILE)
    else:
        named = (",".join([name, *name.title().split("_")[:2]]) for name in learners)
        write_text(trial.class_data / ROSTER_FILE, "\n".join(["id,first_name,last_name", *named, ""]))
    (trial.class_data / POLICY_FILE).unlink(missing_ok=True)
    if (layout.class_data / POLICY_FILE).is_file():
        shutil.copyfile(layout.class_data / POLICY_FILE, trial.class_data / POLICY_FILE)
    return trial


def _release(layout: Layout, course: Course, assignments: list[str], exchange: Path) -> None:
    """Make learners' editions in the trial's course, and put them into the exchange."""
    trial = trial_layout(layout)
    door = GradebookDoor(trial)
    door.enter_all([])  # nothing but the roster: the formgrader then knows people by name
    for name in assignments:
        release(trial, load_exercise(course, name), door)
        environment = {
            **os.environ,
            "CAMP_COURSE_ID": course.course.id,
            "CAMP_EXCHANGE": str(exchange),
            "CAMP_COURSE": str(trial.root),
            "JUPYTER_CONFIG_PATH": str(layout.root / "hub" / "server"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "release_assignment", name, "--force"],
            cwd=trial.course,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["no reason given"]
            raise HubError(
                f"{name} cannot be put into the exchange {exchange} ({lines[0].partition('] ')[2]}); "
                "mend that, or give another folder with --exchange"
            )


def _passwords(path: Path) -> dict[str, str]:
    """The passwords of the trial before this one, or new ones."""
    names = {"learners_password": 9, "instructors_password": 24}  # bytes: JupyterHub wants 8, 32 letters
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(earlier[name]) for name in names}
    except (OSError, ValueError, KeyError, TypeError):
        return {name: secrets.token_urlsafe(size) for name, size in names.items()}


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


@contextlib.contextmanager
def hub_alone(layout: Layout) -> Iterator[None]:
    """Keep a second hub out of the folders of the first.

    Raises:
        HubError: one runs.
    """
    path = make_folder(hub_folder(layout)) / ".running"
    with path.open("a+") as lock:
        if not hold(lock.fileno()):
            lock.seek(0)
            raise HubError(f"process {lock.read() or 'unknown'} runs a hub here already; end that one first")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def hub_running(layout: Layout, trial: Trial) -> Iterator[subprocess.Popen[bytes]]:
    """Start the hub, and end it with all servers on leaving.

    Raises:
        HubError: it does not come up; the line names its log.
    """
    folder = hub_folder(layout)
    config = layout.root / "hub" / "jupyterhub_config.py"
    environment = {**os.environ, "CAMP_HUB_SETTINGS": str(folder / SETTINGS)}
    environment.pop("CONFIGPROXY_AUTH_TOKEN", None)
    with (folder / LOG).open("wb") as log:
        hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", f"--config={config}"],
            cwd=folder,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it in order
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_up(hub, trial.settings["port"], folder / LOG)
        yield hub
    finally:
        _end(hub, folder / "proxy.pid")


def _wait_until_up(hub: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(round(START_SECONDS / _ASK_SECONDS)):
        if hub.poll() is not None:
            break
        asked = http.client.HTTPConnection(HOST, port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(asked):
            asked.request("GET", "/hub/health")
            if asked.getresponse().status == http.HTTPStatus.OK:
                return
        time.sleep(_ASK_SECONDS)
    raise HubError(f"JupyterHub did not come up ({_complaint(log)}); see {log}")


def _complaint(log: Path) -> str:
    """The last line of a log that tells of an error."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.strip() for line in lines if re.search(r"Error|\[[EC] ", line)] or ["no reason given"]
    return told[-1][:300]


def _end(hub: subprocess.Popen[bytes], proxy: Path) -> None:
    """Ask the hub to stop with its servers; insist if it does not."""
    if hub.poll() is None:
        hub.send_signal(signal.SIGTERM)
    try:
        hub.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        hub.kill()  # its servers end with it, see hub/jupyterhub_config.py
        hub.wait()
    with contextlib.suppress(OSError, ValueError):  # it is there only where the hub did not end in order
        os.kill(int(proxy.read_text(encoding="ascii")), signal.SIGTERM)
        proxy.unlink()
