"""A slider over drawings made beforehand: it moves in the published page, where no kernel runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping


def slider_over(frames: Mapping[str, str], description: str, start: int = 0) -> widgets.Box:
    """Make the slider with what it shows.

    Args:
        frames: the HTML shown at each place of the slider, by the place's label, in order.
        description: what the slider changes.
        start: the place shown first.
    """
    slider = widgets.SelectionSlider(
        options=[(label, place) for place, label in enumerate(frames)],
        index=start,
        description=description,
        continuous_update=True,
        style={"description_width": "initial"},
    )
    shown = widgets.Stack(children=[widgets.HTML(frame) for frame in frames.values()], selected_index=start)
    shown.add_class("camp-shown")
    widgets.jslink((slider, "index"), (shown, "selected_index"))
    box = widgets.Box([slider, shown])
    box.add_class("camp-explorer")
    box.add_class("slider")
    return box
