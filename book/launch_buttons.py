"""The button "open this page with a kernel" on pages that have cells: on a JupyterHub, on Binder, or none.

Where to is the course's to say, in the table `[course]` of `camp.toml`. Nothing is assumed: without these
addresses there is no button.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from sphinx.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sphinx.application import Sphinx

KEYS = ("repository", "branch", "hub", "binder")


def read_places(course: Path) -> dict[str, str]:
    """Return `repository`, `branch`, `hub` and `binder` of `camp.toml`; nothing without hub and binder.

    Raises:
        ConfigError: one of them is no address of the web, or there is no repository to open.
    """
    table = tomllib.loads(course.read_text(encoding="utf-8"))["course"]
    places = {key: str(table.get(key, "")).rstrip("/") for key in KEYS}
    if not places["hub"] and not places["binder"]:
        return {}
    if not places["repository"]:
        raise ConfigError(
            f"[course] of {course.name} has hub or binder but no repository: give the address of the Git "
            "repository that holds the book, or take hub and binder out."
        )
    for key in ("repository", "hub", "binder"):
        if places[key] and urlsplit(places[key]).scheme not in {"http", "https"}:
            raise ConfigError(
                f"[course] {key} of {course.name} is {places[key]!r}: write an address that begins with https://"
            )
    return {**places, "branch": places["branch"] or "main"}


def hub_link(places: Mapping[str, str], page: str) -> str:
    """The address that has a JupyterHub with nbgitpuller fetch the repository and open the page."""
    folder = places["repository"].rpartition("/")[2].removesuffix(".git")
    asked = {
        "repo": places["repository"],
        "branch": places["branch"],
        "urlpath": f"lab/tree/{folder}/book/{page}.md",
    }
    return f"{places['hub']}/hub/user-redirect/git-pull?{urlencode(asked)}"


def binder_link(places: Mapping[str, str], page: str) -> str:
    """The address that has a BinderHub build the repository and open the page."""
    repository, branch = places["repository"].removesuffix(".git"), quote(places["branch"], safe="")
    host, path = urlsplit(repository).netloc, urlsplit(repository).path.strip("/")
    which = {
        "github.com": f"gh/{path}/{branch}",
        "gitlab.com": f"gl/{quote(path, safe='')}/{branch}",
    }.get(host, f"git/{quote(places['repository'], safe='')}/{branch}")
    return f"{places['binder']}/v2/{which}?{urlencode({'urlpath': f'lab/tree/book/{page}.md'})}"


def buttons(places: Mapping[str, str], page: str) -> list[dict[str, str]]:
    """The entries of the button, as the theme draws them; none where nothing is set."""
    made = []
    for key, name, link in (("hub", "JupyterHub", hub_link), ("binder", "Binder", binder_link)):
        if places.get(key):
            made.append(
                {
                    "type": "link",
                    "text": name,
                    "tooltip": f"Open this page on {name}",
                    "icon": f"_static/images/logo_{name.lower()}.svg",
                    "url": link(places, page),
                }
            )
    return made


def add_buttons(course: Path) -> Any:
    """Return the function that puts the button on a page with cells (Sphinx's event `html-page-context`)."""
    places = read_places(course)

    def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
        del templatename
        if doctree is None or "kernelspec" not in app.env.metadata[pagename]:
            return
        if entries := buttons(places, pagename):
            context["header_buttons"].append(
                {
                    "type": "group",
                    "tooltip": "Open this page with a kernel",
                    "icon": "fas fa-rocket",
                    "buttons": entries,
                    "label": "launch-buttons",
                }
            )

    return add
