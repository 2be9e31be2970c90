"""The class on Kubernetes: values that the chart knows, the same limits as on trial, images without answers.

The keys are those of the chart's `values.schema.yaml`, version 4.4.0
(github.com/jupyterhub/zero-to-jupyterhub-k8s, tag 4.4.0); the schema itself is 130 kB and is not kept here.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from camp.course import load_course

ROOT = Path(__file__).parents[2]
HUB = ROOT / "hub"
# What the chart calls what we set, and of which type it wants it. "*" stands for any one key.
KNOWN = {
    "hub.activeServerLimit": int,
    "hub.concurrentSpawnLimit": int,
    "hub.config.*": dict,  # traitlets' sections, by class
    "hub.extraConfig.*": str,
    "singleuser.image.name": str,
    "singleuser.image.tag": str,
    "singleuser.defaultUrl": str,
    "singleuser.startTimeout": int,
    "singleuser.fsGid": int,
    "singleuser.memory.guarantee": str,
    "singleuser.memory.limit": str,
    "singleuser.cpu.guarantee": (int, float),
    "singleuser.cpu.limit": (int, float),
    "singleuser.extraEnv.*": str,
    "singleuser.storage.capacity": str,
    "singleuser.storage.homeMountPath": str,
    "singleuser.storage.extraVolumes.*": dict,
    "singleuser.storage.extraVolumeMounts.*": dict,
    "singleuser.profileList": list,
    "singleuser.networkPolicy.egressAllowRules.nonPrivateIPs": bool,
    "cull.enabled": bool,
    "cull.timeout": int,
    "cull.every": int,
    "cull.maxAge": int,
}
# The keys of a profile, of an override by group and of a volume, from the same places.
PROFILE = {"display_name", "description", "slug", "default", "kubespawner_override"}
OVERRIDES = {"image", "uid", "cpu_limit", "mem_limit", "environment", "volumes", "volume_mounts"}


@pytest.fixture(scope="module")
def values():
    """The values as YAML reads them."""
    return yaml.safe_load((HUB / "values.yaml").read_text(encoding="utf-8"))


def _unknown(tree, path=""):
    """Paths in a tree of values that the chart does not know, or that have another type."""
    for key, value in tree.items():
        here = f"{path}{key}"
        wanted = KNOWN.get(here) or KNOWN.get(f"{path}*")
        if wanted is not None:
            # In Python, True is an int; in the chart it is not.
            if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
                yield here
        elif isinstance(value, dict) and any(known.startswith(f"{here}.") for known in KNOWN):
            yield from _unknown(value, f"{here}.")
        else:
            yield here


def test_chart_knows_every_value(values):
    """Each key is the chart's, with a value of its type; a misspelt one or a wrong type is found."""
    assert list(_unknown(values)) == []
    assert list(_unknown({"singleuser": {"memroy": {"limit": "2G"}}})) == ["singleuser.memroy"]
    assert list(_unknown({"cull": {"timeout": "3600", "every": True}})) == ["cull.timeout", "cull.every"]
    for profile in values["singleuser"]["profileList"]:
        assert set(profile) <= PROFILE
        assert set(profile.get("kubespawner_override", {})) <= OVERRIDES
    for group in values["hub"]["config"]["KubeSpawner"]["group_overrides"].values():
        assert set(group) == {"groups", "spawner_override"}
        assert set(group["spawner_override"]) <= OVERRIDES


def test_limits(values):
    """Every server has a bound on memory and processors, at least what it is promised; their number, too."""
    learner = values["singleuser"]
    gigabytes = [float(learner["memory"][name].removesuffix("G")) for name in ("guarantee", "limit")]
    assert 0 < gigabytes[0] <= gigabytes[1]
    assert 0 < learner["cpu"]["guarantee"] <= learner["cpu"]["limit"]
    assert learner["extraEnv"]["OMP_NUM_THREADS"] == str(learner["cpu"]["limit"])
    assert values["hub"]["activeServerLimit"] > 0
    assert values["cull"]["enabled"]
    assert 0 < values["cull"]["every"] < values["cull"]["timeout"]


def test_trial_reads_its_limits_here():
    """What the trial takes from the values, and not from a copy of its own."""
    config = (HUB / "jupyterhub_config.py").read_text(encoding="utf-8")
    for name in ('["memory"]["limit"]', '["cpu"]["limit"]', 'cull["timeout"]', "cull['maxAge']"):
        assert name in config, name


def test_course_and_volumes_fit(values):
    """The course has the name of camp.toml; a server finds exchange and course where they are mounted."""
    learner = values["singleuser"]
    assert learner["extraEnv"]["CAMP_COURSE_ID"] == load_course(ROOT / "exercises").course.id
    (mount,) = learner["storage"]["extraVolumeMounts"].values()
    (volume,) = learner["storage"]["extraVolumes"].values()
    assert learner["extraEnv"]["CAMP_EXCHANGE"] == mount["mountPath"]
    assert mount["name"] == volume["name"]
    instructor = values["hub"]["config"]["KubeSpawner"]["group_overrides"]["instructors"]["spawner_override"]
    assert instructor["environment"]["CAMP_COURSE"] == instructor["volume_mounts"]["course"]["mountPath"]
    assert instructor["volume_mounts"].keys() == instructor["volumes"].keys()
    assert "CAMP_COURSE" not in learner["extraEnv"], "the gradebook is not for learners"


def test_each_learner_has_a_user_id(values):
    """Pods of two learners run as two users, the same after a restart, none of them one of the machine's."""
    made = {}
    for _ in range(2):
        known = SimpleNamespace(KubeSpawner=SimpleNamespace())
        exec(values["hub"]["extraConfig"]["own-user-id"], {"c": known})  # noqa: S102 - it is our own
        for name in ("U1001", "u1002", "lin_yue"):
            spawner = SimpleNamespace(user=SimpleNamespace(name=name))
            made.setdefault(name, set()).add(known.KubeSpawner.uid(spawner))
    assert all(len(ids) == 1 for ids in made.values())
    assert len(set().union(*made.values())) == 3
    assert all(100_000 <= min(ids) < 2**31 for ids in made.values())


def test_nobody_gets_in_without_being_named(values):
    """The values name no account and no password, and let nobody in by themselves."""
    config = values["hub"]["config"]
    assert config["JupyterHub"]["authenticator_class"] not in {"dummy", "shared-password"}
    assert config["JupyterHub"]["load_groups"] == {"instructors": {"users": []}}
    text = (HUB / "values.yaml").read_text(encoding="utf-8")
    assert not re.search(r"allow_all|(?:password|client_secret|token)\s*:", text)


@pytest.fixture(scope="module")
def stages():
    """The stages of the Dockerfile: name to instructions, each with its continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (HUB / "Dockerfile").read_text(encoding="utf-8"))
    found = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"FROM (\S+) AS (\w+)", line):
            lines = found[match[2]] = [line]
        elif line and not line.startswith("#"):
            lines.append(line)
    return found


def test_images(stages, values):
    """Each base has a version, nothing runs as root in the end, and what is copied from here is here."""
    for name, lines in stages.items():
        base = lines[0].split()[1]
        assert base in stages or re.fullmatch(r"[\w/.-]+:\d[\w.-]+", base), base
        if name != "wheel":
            assert lines[-1].startswith(("USER 1000", "CMD")), lines[-1]
            assert [line for line in lines if line.startswith("USER")][-1] == "USER 1000:100"
        for line in lines:
            source = re.match(r"COPY (?!--from)(\S+)", line)
            assert source is None or (ROOT / source[1]).exists(), line
            assert "pip install" not in line or "--no-cache-dir" in line
    home = values["singleuser"]["storage"]["homeMountPath"]
    assert f"WORKDIR {home}" in stages["learner"]
    assert any(f"HOME={home} " in line for line in stages["learner"])


def test_learners_image_holds_no_answers(stages):
    """The learner's image copies the wheel and two folders of settings from the checkout, and no exercise."""
    copied = [line.split()[-2] for line in stages["learner"] if line.startswith("COPY")]
    assert copied == ["requirements.txt", "/wheels", "hub/learner", "hub/server"]
    assert stages["instructor"][0].startswith("FROM learner")
    ignored = (HUB / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {".git", "build", "class", "work"} <= set(ignored), "a class's data is in no image"
