"""The button that opens a page with a kernel: where it leads, and that it is not there without an address."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sphinx.errors import ConfigError

# isort: split
import launch_buttons

from .conftest import ROOT

EVERYTHING = {
    "repository": "https://github.com/someone/camp.git",
    "branch": "main",
    "hub": "https://hub.example.org",
    "binder": "https://binder.example.org",
}
PAGE = "part1/stack"


def course(folder: Path, **keys: str) -> Path:
    """A `camp.toml` with these keys in its table `[course]`."""
    path = folder / "camp.toml"
    lines = [f'{key} = "{value}"' for key, value in keys.items()]
    path.write_text("\n".join(['[course]\nid = "x"', *lines]), encoding="utf-8")
    return path


def drawn(path: Path, *, page: str = PAGE, kernel: bool = True, document: object = "a document") -> list[Any]:
    """The header's buttons of a page, as the theme is handed them."""
    app: Any = SimpleNamespace(env=SimpleNamespace(metadata={page: {"kernelspec": {}} if kernel else {}}))
    context: dict[str, Any] = {"header_buttons": []}
    launch_buttons.add_buttons(path)(app, page, "page.html", context, document)
    return context["header_buttons"]


def test_a_hub_fetches_the_repository_and_opens_the_page() -> None:
    """The address is nbgitpuller's: repository, branch, and JupyterLab at the page in the clone."""
    link = urlsplit(launch_buttons.hub_link(EVERYTHING, PAGE))
    assert f"{link.scheme}://{link.netloc}{link.path}" == "https://hub.example.org/hub/user-redirect/git-pull"
    assert parse_qs(link.query) == {
        "repo": ["https://github.com/someone/camp.git"],
        "branch": ["main"],
        "urlpath": ["lab/tree/camp/book/part1/stack.md"],
    }


@pytest.mark.parametrize(
    ("repository", "branch", "path"),
    [
        ("https://github.com/someone/camp.git", "main", "/v2/gh/someone/camp/main"),
        ("https://gitlab.com/group/camp", "v1/x", "/v2/gl/group%2Fcamp/v1%2Fx"),
        ("https://git.example.org/a/camp", "main", "/v2/git/https%3A%2F%2Fgit.example.org%2Fa%2Fcamp/main"),
    ],
)
def test_binder_builds_from_wherever_the_repository_is(repository: str, branch: str, path: str) -> None:
    """GitHub, GitLab and any other server each have their form of BinderHub's addresses."""
    places = {**EVERYTHING, "repository": repository, "branch": branch}
    link = urlsplit(launch_buttons.binder_link(places, PAGE))
    assert link.path == path
    assert parse_qs(link.query) == {"urlpath": ["lab/tree/book/part1/stack.md"]}


def test_one_button_for_what_is_set(tmp_path: Path) -> None:
    """Both, one or none: what is listed is what the course has an address for."""
    [group] = drawn(course(tmp_path, **EVERYTHING))
    assert [entry["text"] for entry in group["buttons"]] == ["JupyterHub", "Binder"]
    [group] = drawn(course(tmp_path, **{**EVERYTHING, "hub": ""}))
    assert [entry["text"] for entry in group["buttons"]] == ["Binder"]
    assert drawn(course(tmp_path)) == []
    assert drawn(course(tmp_path, repository=EVERYTHING["repository"])) == []


def test_a_page_without_cells_has_no_button(tmp_path: Path) -> None:
    """There is nothing to run in the glossary, or on the page of search results."""
    path = course(tmp_path, **EVERYTHING)
    assert drawn(path, kernel=False) == []
    assert drawn(path, document=None) == []


def test_the_course_as_it_is_promises_no_server() -> None:
    """The repository names no address that its owners have not set up."""
    assert launch_buttons.read_places(ROOT / "exercises" / "camp.toml") == {}


def test_a_branch_need_not_be_named(tmp_path: Path) -> None:
    """Without one it is main."""
    path = course(tmp_path, repository=EVERYTHING["repository"], hub=EVERYTHING["hub"])
    assert launch_buttons.read_places(path)["branch"] == "main"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"hub": "https://hub.example.org"}, "hub or binder but no repository"),
        ({**EVERYTHING, "hub": "hub.example.org"}, "hub of camp.toml is 'hub.example.org': write an address"),
        (
            {**EVERYTHING, "repository": "git@example.org:a/b"},
            "repository of camp.toml is 'git@example.org:a/b'",
        ),
    ],
)
def test_what_cannot_work_is_told(tmp_path: Path, keys: dict[str, str], told: str) -> None:
    """A hub without a repository, or something that is no address, ends the build in one line."""
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")) as caught:
        launch_buttons.read_places(course(tmp_path, **keys))
    assert "\n" not in str(caught.value)


def test_binders_environment_is_the_projects() -> None:
    """What Binder installs are the versions that are pinned for everybody."""
    import yaml

    environment = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text(encoding="utf-8"))
    pins = dict(
        line.split("#")[0].strip().split("==")
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line.split("#")[0]
    )
    wanted = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    [through_pip] = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert f"pytorch-cpu={pins['torch']}" in wanted
    listed = dict(entry.split("==") for entry in through_pip)
    assert listed == {name: pins[name] for name in listed}
    declared = {"libcst", "numpy", "click", "rich", "onnx", "onnxruntime", "pillow", "copydetect", "av"}
    assert declared | {"jupyterlab", "jupytext", "ipywidgets", "matplotlib"} <= set(listed)
