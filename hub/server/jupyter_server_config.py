"""Every server of the class, a learner's or an instructor's, in the trial and on Kubernetes."""

import os

c = get_config()  # noqa: F821 - Jupyter gives it to its configuration

c.ServerApp.allow_root = True  # as root in the trial of a container; a pod's user is never root
c.ServerApp.root_dir = os.environ.get("CAMP_COURSE") or os.environ["HOME"]

# A kernel that nobody used for half an hour and no cell of which runs, is ended: it holds 0.3 GB and
# more. The notebook stays. The server itself is the idle culler's.
c.MappingKernelManager.cull_idle_timeout = 1800
c.MappingKernelManager.cull_interval = 300
c.MappingKernelManager.cull_connected = True  # a forgotten tab in a browser holds no kernel

# No login shell, which would put the system's programs before `camp` and `nbgrader`; in the folder of above.
c.ServerApp.terminado_settings = {
    "shell_command": ["/bin/bash", "-c", 'cd "${CAMP_COURSE:-$HOME}" && exec /bin/bash']
}

c.LabApp.news_url = None  # no request to another host
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"

# The formgrader opens the gradebook: for those alone whose server is given the course.
formgrader = bool(os.environ.get("CAMP_COURSE"))
c.ServerApp.jpserver_extensions = {
    "nbgrader.server_extensions.assignment_list": True,
    "nbgrader.server_extensions.validate_assignment": True,
    "nbgrader.server_extensions.formgrader": formgrader,
    "nbgrader.server_extensions.course_list": False,
}
if formgrader:
    # JupyterLab shows it in a frame, which JupyterHub forbids unless told. With a domain for each account
    # (JupyterHub.subdomain_host) "self" is this server alone, without one it is every account's server.
    c.ServerApp.tornado_settings = {"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}}
