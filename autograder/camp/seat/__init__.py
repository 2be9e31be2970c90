"""The learner's seat: progress in the notebook, `camp check` and `camp submit`.

Everything here works from the notebook alone, which `camp release` stamps with what it is: no checkout, no
network, no extension of JupyterLab, on Linux, macOS and Windows. It imports nothing that a learner's
installation does not bring.
"""

from __future__ import annotations


def progress() -> None:
    """Show the progress panel of the notebook that this kernel runs, and keep it up to date.

    Whatever goes wrong is said in one line: a notebook never fails because of its panel.
    """
    try:
        from camp.seat.panel import show

        show()
    except Exception as error:  # noqa: BLE001 - the notebook is worth more than its panel
        print(f"no progress panel: {type(error).__name__}: {error}")  # noqa: T201 - where the learner looks
