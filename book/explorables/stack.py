"""The five layers of CANN: every component in its place, as a drawing and as an explorable.

The layers and their components are those of the CANN architecture picture and stand in `stack.toml`; the page
that shows them names the sources.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

import ipywidgets as widgets  # type: ignore[import-untyped]

MAP_ALT = "The five layers of CANN from top to bottom, with their components"


@dataclass(frozen=True)
class Component:
    """One box of the drawing.

    Attributes:
        name: what everybody calls it.
        full: what the abbreviation stands for.
        chinese: the name in Chinese documents.
        does: what it does, in a sentence or two.
        met: where a practitioner notices it.
        chapter: the chapter that works with it; `page` is its address from this page, if it exists.
        inside: the name of the component that contains it.
    """

    name: str
    full: str
    chinese: str
    does: str
    met: str
    chapter: str
    page: str = ""
    inside: str = ""


@dataclass(frozen=True)
class Layer:
    """One row of the drawing."""

    key: str
    name: str
    chinese: str
    components: tuple[Component, ...]


def read_layers(path: Path) -> tuple[Layer, ...]:
    """Read the layers and their components, top to bottom."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Layer(row["key"], row["name"], row["chinese"], tuple(Component(**c) for c in row["component"]))
        for row in content["layer"]
    )


LAYERS = read_layers(Path(__file__).with_suffix(".toml"))
COMPONENTS = tuple(component for layer in LAYERS for component in layer.components)


def _box(component: Component, selected: str, inner: str = "") -> str:
    """Draw one component, and in it the boxes `inner`."""
    classes = "box" + (" group" if inner else "") + (" on" if component.name == selected else "")
    name = f'<span class="name" lang="en">{escape(component.name)}</span>'
    body = f'{name}<span class="inner">{inner}</span>' if inner else name
    return f'<span class="{classes}" data-pick="{COMPONENTS.index(component)}">{body}</span>'


def _boxes(layer: Layer, selected: str) -> str:
    """Draw the components of a layer, those of a group inside it."""
    drawn = []
    for component in layer.components:
        if component.inside:
            continue
        parts = [other for other in layer.components if other.inside == component.name]
        drawn.append(_box(component, selected, "".join(_box(part, selected) for part in parts)))
    return "".join(drawn)


def stack_map(selected: str = "") -> str:
    """Draw the five layers as HTML; the component named `selected` is highlighted.

    Raises:
        KeyError: there is no component of that name.
    """
    names = {component.name for component in COMPONENTS}
    if selected and selected not in names:
        raise KeyError(f"no component {selected!r}: choose from {sorted(names)}")
    rows = []
    for layer in LAYERS:
        on = " on" if selected in {component.name for component in layer.components} else ""
        rows.append(
            f'<div class="layer {layer.key}{on}"><div class="label">{layer.name}'
            f'<span class="zh" lang="zh">{layer.chinese}</span></div>'
            f'<div class="boxes">{_boxes(layer, selected)}</div></div>'
        )
    alt = f"{MAP_ALT}; highlighted: {selected}" if selected else MAP_ALT
    return f'<div class="camp-map" role="img" aria-label="{escape(alt)}">{"".join(rows)}</div>'


def card(layer: Layer, component: Component) -> str:
    """Describe one component as HTML."""
    place = f"{layer.name}" + (f", inside {component.inside}" if component.inside else "")
    chapter = f'<a href="{component.page}">{component.chapter}</a>' if component.page else component.chapter
    full = "" if component.full == component.name else f'<span class="full">{escape(component.full)}</span>'
    return (
        f'<div class="camp-card"><p class="head"><strong>{escape(component.name)}</strong>'
        f'<span class="zh" lang="zh">{component.chinese}</span>{full}</p>'
        f"<p>{component.does}</p>"
        f"<dl><dt>Layer</dt><dd>{place}</dd>"
        f"<dt>You meet it</dt><dd>{component.met}</dd>"
        f"<dt>Chapter</dt><dd>{chapter}</dd></dl></div>"
    )


def stack_explorer() -> widgets.Box:
    """Make the explorable: pick a component, see where it is and what it does.

    The list and the pictures are tied in the browser, so that the published page moves with no kernel.
    """
    options = [("\u2003" * bool(item.inside) + item.name, i) for i, item in enumerate(COMPONENTS)]
    picker = widgets.Select(options=options, value=0, rows=len(options), description="Component")
    pages = [
        widgets.HTML(stack_map(component.name) + card(layer, component))
        for layer in LAYERS
        for component in layer.components
    ]
    shown = widgets.Stack(children=pages, selected_index=0)
    shown.add_class("camp-shown")
    widgets.jslink((picker, "index"), (shown, "selected_index"))
    box = widgets.Box([picker, shown])
    box.add_class("camp-explorer")
    return box
