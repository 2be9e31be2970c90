"""The house as a whole: what is pinned, what lies in the repository, what a wheel holds, who imports whom."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OWN = {path.stem for folder in ("autograder", "simulator", "book") for path in (ROOT / folder).glob("*")}
OWN.add("apex")  # simulated inside torch_npu, for scripts that use it
MAX_BYTES = 300_000
REGISTRIES = re.compile(
    r"\b(?:[\w-]+\.)*(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|pytorch\.org/whl|jsdelivr\.net|unpkg\.com)"
)
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:home|root|Users|work|mnt|media|srv|data\d*)/[\w.-]+")
# The home in the sandbox and in a job on ModelArts, the same everywhere; settings of scripts to be migrated.
EVERYWHERE = {"/home/learner", "/home/ma-user", "/data/cuda", "/srv/x"}


def _tracked():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in names.decode().split("\0") if name and (ROOT / name).is_file()]


def _texts():
    for path in _tracked():
        data = path.read_bytes()
        if b"\0" not in data and path != Path(__file__):
            yield path.relative_to(ROOT), data.decode("utf-8")


def _bare(name):
    """A distribution's name as all spellings of it compare equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pin_lines():
    """The lines of the files of pinned packages."""
    names = ("requirements.txt", "requirements-nodeps.txt")
    return [line for name in names for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]


def _pins():
    """The pinned packages: name to version and reason."""
    pins = {}
    for line in _pin_lines():
        if line.strip() and not line.startswith("#"):
            requirement, _, reason = line.partition("#")
            name, _, version = requirement.strip().partition("==")
            pins[_bare(name.partition("[")[0])] = (version, reason.strip())
    return pins


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_pin_is_exact():
    """Each line of the files of requirements is one package with one exact version, each package once."""
    lines = _pin_lines()
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    for line in wanted:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+(\[\w+\])?==[\w.]+\s*(#.*)?", line), line
    assert len(_pins()) == len(wanted)


def test_every_pin_has_a_reason():
    """A reason stands at every pin, or for its group in the comment right above."""
    group = ""
    for line in _pin_lines():
        if line.startswith("#") or not line.strip():
            group = line.strip("# ")
        else:
            assert "#" in line or group, line


def test_what_is_declared_is_pinned():
    """Every dependency that pyproject.toml declares, extras and build included, is pinned."""
    project = _project()
    declared = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        declared += extra
    names = {_bare(re.match(r"[\w.-]+", requirement)[0]) for requirement in declared}
    assert names - set(_pins()) == set()


def _imports(folders):
    """The top-level names that Python files below these folders import, each with a file that does."""
    found = {}
    for path in _tracked():
        place = path.relative_to(ROOT)
        elsewhere = place.parts[0] not in folders or {"toy", "hostile"} & set(place.parts[:-1])
        if path.suffix != ".py" or elsewhere:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found.update({name.partition(".")[0]: str(place) for name in names})
    return found


def test_what_is_imported_is_pinned():
    """Every package that our code or our tests import is a direct dependency, pinned in requirements.txt."""
    homes = importlib.metadata.packages_distributions()
    local = OWN | {path.stem for path in (ROOT / "tests").rglob("*.py")}
    missing = {
        name: place
        for name, place in _imports({"autograder", "simulator", "book", "tests"}).items()
        if name not in sys.stdlib_module_names | local
        and not {_bare(d) for d in homes.get(name, [])} & set(_pins())
    }
    assert missing == {}


def test_what_the_grader_imports_is_declared():
    """Every package that the grader imports stands in the extra that brings it."""
    homes = importlib.metadata.packages_distributions()
    project = _project()["project"]
    declared = {
        _bare(re.match(r"[\w.-]+", d)[0])
        for d in [*project["dependencies"], *project["optional-dependencies"]["grading"]]
    }
    missing = {
        name: place
        for name, place in _imports({"autograder"}).items()
        if name not in sys.stdlib_module_names | OWN
        and not {_bare(d) for d in homes.get(name, [])} & declared
    }
    assert missing == {}


def test_nothing_is_large():
    """No file of the repository is larger than 300 kB."""
    assert [str(path) for path in _tracked() if path.stat().st_size > MAX_BYTES] == []


def test_nothing_generated_is_tracked():
    """What is generated, or a learner's own, is in no commit."""
    places = {path.relative_to(ROOT).parts[0] for path in _tracked()}
    assert places & {"build", "work", ".venv", "dist"} == set()
    assert [p for p in _tracked() if p.suffix in {".pyc", ".whl", ".db"} or "__pycache__" in p.parts] == []


def test_no_path_of_one_machine():
    """No text names a folder that only one machine has; hostile answers name what they are after."""
    texts = [(place, text) for place, text in _texts() if "hostile" not in place.parts]
    found = {(str(place), match[0]) for place, text in texts for match in MACHINE_PATH.finditer(text)}
    assert {(place, path) for place, path in found if path not in EVERYWHERE} == set()


def test_no_registry_by_name():
    """No text names the host of a package registry or script mirror: where to fetch from is the user's."""
    found = {(str(place), match[0]) for place, text in _texts() for match in REGISTRIES.finditer(text)}
    assert found == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without a network from a copy of what is tracked."""
    folder = tmp_path_factory.mktemp("wheel")
    for path in _tracked():
        target = folder / "source" / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    options = ["--no-build-isolation", "--no-deps", "--no-index", "-q", "-w", folder]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, folder / "source"],
        check=True,
        timeout=300,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    (made,) = folder.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.slow
def test_wheel_holds_what_it_needs(wheel):
    """The grader with its templates, the faces in their own folder, and the file that puts it on the path."""
    tops = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}
    assert tops == {"camp", "cann_camp_faces", "cann_camp_faces.pth"}
    assert (wheel / "cann_camp_faces.pth").read_text(encoding="utf-8").strip() == "cann_camp_faces"
    for name in ("torch_npu", "npusim"):
        assert (wheel / "cann_camp_faces" / name / "__init__.py").is_file()
    tracked = [
        path.relative_to(ROOT / "autograder") for path in _tracked() if "autograder/camp" in path.as_posix()
    ]
    assert [str(p) for p in tracked if "tests" not in str(p) and not (wheel / p).is_file()] == []


@pytest.mark.slow
def test_faces_never_shadow_real_packages(wheel, tmp_path):
    """Where a real torch_npu is installed, that one is found; where none is, the simulated one is."""
    code = (
        "import site, sys, importlib.util; site.addsitedir(sys.argv[1]); "
        "print(importlib.util.find_spec('torch_npu').origin)"
    )

    def origin():
        command = [sys.executable, "-S", "-I", "-c", code, str(site)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    site = tmp_path / "site"
    shutil.copytree(wheel, site)
    assert origin() == str(site / "cann_camp_faces" / "torch_npu" / "__init__.py")
    (site / "torch_npu").mkdir()
    (site / "torch_npu" / "__init__.py").touch()
    assert origin() == str(site / "torch_npu" / "__init__.py")


@pytest.mark.slow
def test_wheel_gives_nothing_away(wheel):
    """No hidden check and no answer of any exercise is in the wheel."""
    from camp.course import load_course
    from camp.exercise import load_exercise
    from camp.leaks import leaks_in

    course = load_course(ROOT / "exercises")
    assert not [
        p for p in wheel.rglob("*") if p.name in {"camp.toml", "checks.py"} and "exercises" in p.parts
    ]
    for assignment in course.assignment:
        exercise = load_exercise(course, assignment.id)
        assert leaks_in(wheel, exercise) == []


@pytest.mark.slow
def test_imports_keep_to_the_arrows():
    """The packages import each other only along the arrows of the design."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = re.search(r"Contracts: (\d+) kept, (\d+) broken", done.stdout)
    assert kept
    assert int(kept[1]) == len(_project()["tool"]["importlinter"]["contracts"])
