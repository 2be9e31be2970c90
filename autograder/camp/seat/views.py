"""How the panel is shown: as a widget that moves by itself, or as text where there are no widgets."""

from __future__ import annotations

import importlib.util
import threading
from typing import TYPE_CHECKING, Any, Protocol

from camp.seat.marks import box_id
from camp.seat.table import as_html, as_text

if TYPE_CHECKING:
    from camp.seat.panel import Panel
    from camp.seat.table import Standing

BUTTON, BUSY = "Check all from a fresh kernel", "Checking the saved notebook…"


class View(Protocol):
    """Shows how a notebook stands."""

    def update(self, now: Standing) -> None:
        """Show this from now on, wherever it is displayed."""

    def display(self) -> None:
        """Display it under the cell that runs."""


def view_of(shell: Any, panel: Panel) -> View:
    """What shows a panel here: widgets where a kernel can speak with them, else text."""
    if getattr(shell, "kernel", None) is None or importlib.util.find_spec("ipywidgets") is None:
        return Text()
    return Widgets(panel)


class Text:
    """Plain text, with HTML beside it for who can show that; replaced in place as checks pass."""

    def __init__(self) -> None:
        self._now: Standing | None = None
        self._handles: list[Any] = []

    def update(self, now: Standing) -> None:
        """Show this from now on, wherever it is displayed."""
        if now != self._now:
            self._now = now
            for handle in self._handles:
                handle.update(_bundle(now), raw=True)

    def display(self) -> None:
        """Display it under the cell that runs."""
        from IPython.display import display

        if self._now is not None:
            handle = display(_bundle(self._now), raw=True, display_id=True)  # type: ignore[no-untyped-call]
            self._handles = [*self._handles[-3:], *([handle] if handle else [])]


class Widgets:
    """A table that moves by itself, and a button that runs all from a fresh kernel."""

    def __init__(self, panel: Panel) -> None:
        import ipywidgets  # type: ignore[import-untyped]

        self._now: Standing | None = None
        self._panel = panel
        self._table = ipywidgets.HTML()
        self._button = ipywidgets.Button(
            description=BUTTON,
            tooltip="Runs the saved notebook from top to bottom in another kernel; yours goes on meanwhile",
            layout=ipywidgets.Layout(width="auto"),
        )
        self._button.on_click(self._clicked)
        # A name that lasts: the released notebook says what stands in its place where no kernel is.
        self._box = ipywidgets.VBox(
            [self._table, self._button],
            layout=ipywidgets.Layout(align_items="flex-start"),
            model_id=box_id(panel.notebook.release.assignment),
        )

    def update(self, now: Standing) -> None:
        """Show this from now on, wherever it is displayed."""
        if now != self._now:
            self._now = now
            self._table.value = as_html(now)

    def display(self) -> None:
        """Display it under the cell that runs, with text for who has no widgets."""
        from IPython.display import display

        bundle = self._box._repr_mimebundle_()
        display({**bundle, **_bundle(self._now)} if self._now else bundle, raw=True)  # type: ignore[no-untyped-call]

    def _clicked(self, _button: object) -> None:
        """Check in the background: the learner's kernel stays free."""
        self._button.disabled, self._button.description = True, BUSY
        threading.Thread(target=self._check, daemon=True).start()

    def _check(self) -> None:
        try:
            self._panel.check_from_the_start()
        finally:
            self._button.disabled, self._button.description = False, BUTTON


def _bundle(now: Standing) -> dict[str, str]:
    return {"text/plain": as_text(now), "text/html": as_html(now)}
