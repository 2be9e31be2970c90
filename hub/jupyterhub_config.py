"""The JupyterHub of `make hub`: a class on trial, on localhost, everything as the user who starts it.

NOT FOR A CLASS. Whoever signs in here runs code as that user, and can read and change all that this user
can, other learners' files and the gradebook included. A class needs a machine, container or pod of its own
for each server: `values.yaml` sets that up on Kubernetes, with the same limits.

`camp hub` starts it, and writes the settings that are read below.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from jupyterhub.spawner import SimpleLocalProcessSpawner

if TYPE_CHECKING:
    from collections.abc import Callable

c = get_config()  # noqa: F821 - JupyterHub gives it to its configuration

HUB = Path(__file__).parent
SERVER_SECONDS = 5
"""How long a server that was asked to end may take for it."""

settings = json.loads(Path(os.environ["CAMP_HUB_SETTINGS"]).read_text(encoding="utf-8"))
chart = yaml.safe_load((HUB / "values.yaml").read_text(encoding="utf-8"))  # the limits stand there, once
folder = Path(settings["folder"])


class TrialSpawner(SimpleLocalProcessSpawner):
    """Starts servers as processes of one user, with a home each, and the limits that a process can have.

    Memory is bounded for each process (a kernel is one), processors by tying a server to some of them.
    """

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Give a server the programs of this environment first, and threads for its processors."""
        env = super().user_env(env)
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
        if self.cpu_limit:
            env["OMP_NUM_THREADS"] = str(_whole(self.cpu_limit))
        return env

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Have a server bound itself before it starts."""
        at_home = super().make_preexec_fn(name)
        bound = _bounds(self.mem_limit, self.cpu_limit, self.user.id)

        def before_start() -> None:
            at_home()
            bound()

        return before_start


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """Have this process asked to end when the one that started it has ended, however that was; on Linux."""
    if _libc:
        _libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: prctl(2)


def _whole(processors: float) -> int:
    return max(1, round(processors))


def _bounds(memory: int, processors: float, number: int) -> Callable[[], None]:
    """What a server does to itself: memory and processors, and to end when the hub is killed."""
    import resource

    here = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = min(_whole(processors or len(here) or 1), len(here))
    mine = {here[(number + i) % len(here)] for i in range(count)} if processors else set(here)

    def bound() -> None:
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        if mine:
            os.sched_setaffinity(0, mine)
        _end_with_parent()

    return bound


_end_with_parent()  # `camp hub`

# Where it listens: this machine alone.
c.JupyterHub.bind_url = f"http://127.0.0.1:{settings['port']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings['hub_port']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings['proxy_port']}"
c.ConfigurableHTTPProxy.command = settings["proxy"]
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")

# What it keeps.
c.JupyterHub.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(folder / "cookie_secret")

# Who may sign in: the roster and the instructor, each side with one password for all.
c.JupyterHub.authenticator_class = "shared-password"
c.Authenticator.allowed_users = set(settings["learners"])
c.Authenticator.admin_users = {settings["instructor"]}
c.Authenticator.username_map = {name.lower(): name for name in settings["learners"]}
c.Authenticator.allow_existing_users = False  # who left the roster stays out
c.SharedPasswordAuthenticator.user_password = settings["learners_password"]
c.SharedPasswordAuthenticator.admin_password = settings["instructors_password"]
c.JupyterHub.load_groups = {"instructors": {"users": [settings["instructor"]]}}

# A server that nobody used is ended; the home stays. The hub hears of use in steps, which must be finer.
cull = chart["cull"]
idle = settings["cull_seconds"] or cull["timeout"]
step = max(1, min(300, idle // 4))
c.JupyterHub.last_activity_interval = step

# What a server is and may use. LocalProcessSpawner's bounds are ours, see above.
learner = chart["singleuser"]
c.JupyterHub.spawner_class = TrialSpawner
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = learner["defaultUrl"]
c.Spawner.mem_limit = learner["memory"]["limit"]
c.Spawner.cpu_limit = learner["cpu"]["limit"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.Spawner.environment = {
    "CAMP_COURSE_ID": settings["course"],
    "CAMP_EXCHANGE": settings["exchange"],
    "JUPYTERHUB_ACTIVITY_INTERVAL": str(step),
    "JUPYTER_CONFIG_PATH": f"{HUB / 'learner'}{os.pathsep}{HUB / 'server'}",
}
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "home" / "{username}")
c.LocalProcessSpawner.interrupt_timeout = c.LocalProcessSpawner.term_timeout = SERVER_SECONDS
c.Spawner.group_overrides = {
    "instructors": {
        "groups": ["instructors"],
        "spawner_override": {
            "mem_limit": 0,  # none: grading keeps to its sandbox's limits
            "cpu_limit": 0.0,
            "environment": {
                "CAMP_COURSE": settings["trial"],
                "JUPYTER_CONFIG_PATH": str(HUB / "server"),
            },
        },
    }
}
c.JupyterHub.active_server_limit = settings["servers"]
c.JupyterHub.concurrent_spawn_limit = 2  # PyTorch comes from the disk for each

c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [
            *(sys.executable, "-m", "jupyterhub_idle_culler"),
            f"--timeout={idle}",
            f"--cull-every={max(1, min(cull['every'], idle // 2))}",
            f"--max-age={cull['maxAge']}",
        ],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]
