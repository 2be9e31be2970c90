"""The toy car's lap: the camera's picture, the map and what the driver decided, frame by frame.

The frames were made when the page was built. Plain JavaScript (`drive.js`) shows them one after the other: so
it moves with no kernel behind it.
"""

from __future__ import annotations

import base64
import html
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from edge_board import drive, road

from explorables.reference import Html

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(__file__).with_suffix(".js")
SHARE = 40  # pixels of the map in a metre
STYLE = """<style>
.camp-drive .views { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
.camp-drive img, .camp-drive svg { border-radius: 6px; display: block; height: auto; width: 100%; }
.camp-drive .road { fill: none; stroke: var(--camp-line); stroke-width: 32; }
.camp-drive .way { fill: none; stroke: var(--camp-accent); stroke-width: 3; }
.camp-drive .cone { fill: var(--camp-warm); }
.camp-drive .car { fill: var(--camp-ink); }
.camp-drive button { background: var(--camp-raised); border: 1px solid var(--camp-quiet); border-radius: 6px;
  color: var(--camp-ink); min-width: 5rem; padding: 0.2rem 0.8rem; }
.camp-drive .play { align-items: end; display: grid; gap: 1rem; grid-template-columns: auto minmax(0, 1fr); }
</style>"""


def words(moment: drive.Moment) -> str:
    """What a moment is about, in a line."""
    near = moment.sight.lane[0]
    side = "left" if near > 0 else "right"
    seen = [f"a cone {forward:.1f} m ahead" for forward, _ in moment.sight.cones[:1]]
    way = "left" if moment.turn > 0 else "right"
    parts = [f"the middle is {abs(near):.2f} m to the {side} at 0.7 m", *seen]
    return f"Sees: {', '.join(parts)}. Steers {way}, {abs(moment.turn):.2f} per metre."


def _frame(moment: drive.Moment) -> str:
    file = io.BytesIO()
    drive.shown(moment).save(file, "JPEG", quality=50)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x * SHARE:.0f},{(road.HEIGHT - y) * SHARE:.0f}" for x, y in places)


def _map(moments: Sequence[drive.Moment]) -> str:
    middle = [(float(x), float(y)) for x, y in road.centre_line()[::20]]
    cones = "".join(
        f'<circle class="cone" cx="{x * SHARE:.0f}" cy="{(road.HEIGHT - y) * SHARE:.0f}" r="5"/>'
        for x, y in road.cones_on_road()
    )
    size = f"{road.WIDTH * SHARE:.0f} {road.HEIGHT * SHARE:.0f}"
    return (
        f'<svg viewBox="0 0 {size}" role="img" aria-label="The road from above, with the way of the car">'
        f'<polygon class="road" points="{_points(middle)}"/>'
        f'<polyline class="way" points="{_points([moment.pose[:2] for moment in moments])}"/>{cones}'
        '<path class="car" d="M12 0 L-8 -7 L-8 7 Z"/></svg>'
    )


def drive_player(moments: Sequence[drive.Moment], every: int = 4) -> Html:
    """The explorable: play a lap, or move through it.

    Args:
        moments: of the drive.
        every: how many moments are one picture of the player.

    Raises:
        ValueError: there is nothing to show.
    """
    if not moments or every < 1:
        raise ValueError(f"{len(moments)} moments, every {every}: give at least one of each.")
    some = moments[::every]
    packed = [
        {
            "picture": _frame(one),
            "x": round(one.pose.x * SHARE),
            "y": round((road.HEIGHT - one.pose.y) * SHARE),
            "degrees": round(-57.29578 * one.pose.heading),
            "words": words(one),
        }
        for one in some
    ]
    first = html.escape(packed[0]["words"])  # type: ignore[arg-type]
    return Html(
        f'{STYLE}<div class="camp-live camp-drive"><div class="views">'
        f'<img alt="What the camera sees" src="data:image/jpeg;base64,{packed[0]["picture"]}">'
        f'{_map(moments)}</div><form class="controls moment"><div class="play">'
        '<button type="button" aria-pressed="false">Play</button><label>frame<span class="row">'
        f'<input type="range" min="0" max="{len(packed) - 1}" step="1" value="0"><output>0</output></span>'
        f'</label></div></form><p class="note">{first}</p>'
        f'<script type="application/json">{json.dumps(packed, separators=(",", ":"))}</script></div>'
        f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
    )
