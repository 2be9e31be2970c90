"""The progress panel: watches the cells of its kernel and shows how the tasks stand.

IPython tells it of each cell that ran. Which check that was, it knows from the cell's id, or from its text
where a front end sends none. What it knows is kept in the file of `camp.seat.state`, so that a restart of the
kernel loses nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camp.seat.differences import MAX_NAMES, borrowed, differences, in_order
from camp.seat.marks import digest
from camp.seat.names import taken
from camp.seat.notebook import ANSWER, CHECK, GIVEN, OWN, NotebookError, part_of, read_notebook
from camp.seat.state import FAILED, MAX_MESSAGE, PASSED, load_state
from camp.seat.table import DONE, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from camp.seat.notebook import Task

_CHECK_SECONDS = 900


@dataclass(frozen=True)
class _Origin:
    """The cell that last bound a name."""

    source: str
    part: str
    at: float


class Panel:
    """The progress of one notebook, as its kernel sees it.

    Args:
        path: the notebook, as saved.
        names: the kernel's global names.
        clock: the seconds since 1970.
    """

    def __init__(self, path: Path, names: dict[str, Any], clock: Callable[[], float] = time.time) -> None:
        self.notebook = read_notebook(path)
        self.state = load_state(path, self.notebook.release)
        self._names, self._clock = names, clock
        self._before: dict[str, int] = {}
        self._origins: dict[str, _Origin] = {}
        self._noted: tuple[object, list[str]] = (None, [])
        self._remedy = self._news = ""
        self._said: list[str] = []
        """What the last check from the start said."""
        self._show: Callable[[Standing], None] = lambda _: None

    def shown_by(self, show: Callable[[Standing], None]) -> None:
        """Have every change shown by this."""
        self._show = show

    def begins(self, _info: object = None) -> None:
        """A cell is about to run."""
        self._before = {name: id(value) for name, value in self._names.items()}

    def ended(self, result: Any) -> None:
        """A cell has run; its result is IPython's."""
        source = result.info.raw_cell or ""
        self.reread()
        part, task = self._part(getattr(result.info, "cell_id", None) or "", source)
        now = self._clock()
        for name, value in list(self._names.items()):
            if self._before.get(name) != id(value):
                self._origins[name] = _Origin(source, part, now)
        if part == ANSWER:
            entry = self.state.of(task)
            entry.ran, entry.at = digest(source), now
        elif part == CHECK and self._genuine(task, source):
            self._judge(task, result)
        if part in {ANSWER, CHECK}:
            self._keep()
        self.refresh()

    def refresh(self) -> None:
        """Show how things stand."""
        self._show(self.standing())

    def standing(self) -> Standing:
        """How the tasks stand, with what is to be told."""
        now = standing(self.notebook, self.state)
        told = [f"{self.state.told}; {self._remedy}"] if self.state.told else []
        passed = [row.task for row in now.rows if row.status in DONE]
        notes = [*told, *self._notes(passed, all_done=now.next is None), *self._said]
        notes += [note for task in passed for note in self._stale(task)]
        return replace(now.with_notes(notes), news=self._news)

    def reread(self) -> None:
        """Read the notebook again where it was saved meanwhile; one that cannot be read stays as it was."""
        path = self.notebook.path
        try:
            if path.stat().st_mtime != self.notebook.modified:
                self.notebook = read_notebook(path)
        except (OSError, NotebookError):
            return

    def reload(self) -> None:
        """Read notebook and progress again, as after the files were changed by others."""
        self.reread()
        self.state = load_state(self.notebook.path, self.notebook.release)
        if self.state.told:
            told = self.state.told
            self._keep()  # begun anew, and told this once
            self.state.told, self._remedy = told, "run the checks again, and your progress is back"

    def check_from_the_start(self) -> None:
        """Have `camp check` run the saved notebook in a fresh kernel, and show what it says."""
        self._news = ""
        command = [sys.executable, "-m", "camp.cli", "check", "--json", str(self.notebook.path)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, encoding="utf-8", timeout=_CHECK_SECONDS, check=False
            )
            came = json.loads(done.stdout)
            self.reload()
            self._said, self._news = list(came["notes"]), f"From a fresh kernel: {came['summary']}."
        except subprocess.TimeoutExpired:
            self._said = [f"the check from a fresh kernel took longer than {_CHECK_SECONDS} s and was ended"]
        except (OSError, ValueError, KeyError, TypeError):
            self._said = [
                "the check from a fresh kernel did not end; run camp check in a terminal to see why"
            ]
        self.refresh()

    def _part(self, cell_id: str, source: str) -> tuple[str, str]:
        """What a cell is, and of which task."""
        for cell in self.notebook.cells:
            if cell_id and cell.id == cell_id:
                return cell.part, cell.task
        part, task = part_of(cell_id, "", self.notebook.release)
        if part != OWN:
            return part, task
        text = digest(source)
        for name, handed_out in self.notebook.release.cells.items():
            if handed_out == text:
                return part_of(name, "", self.notebook.release)
        for cell in self.notebook.cells:
            if cell.part == ANSWER and digest(cell.source) == text:
                return ANSWER, cell.task
        return OWN, ""

    def _genuine(self, task: str, source: str) -> bool:
        """Whether the check that ran is the one that was handed out."""
        return self.notebook.release.cells.get(f"{task}-check") == digest(source)

    def _judge(self, task: str, result: Any) -> None:
        """Note how a task's check ended."""
        entry = self.state.of(task)
        error = result.error_before_exec or result.error_in_exec
        entry.status, entry.message = (FAILED, one_line(error)) if error else (PASSED, "")
        saved = next((c for c in self.notebook.cells if (c.part, c.task) == (ANSWER, task)), None)
        entry.answer = entry.ran or (digest(saved.source) if saved else "")
        self._said, self._news = [], ""

    def _keep(self) -> None:
        self.state.told, self._remedy = self.state.save(), "free the folder, or copy the notebook elsewhere"

    def _notes(self, passed: list[Task], *, all_done: bool) -> list[str]:
        """What the saved notebook tells, worked out once for each time that it is saved."""
        key = (self.notebook.modified, tuple(passed), all_done)
        if self._noted[0] != key:
            notes = differences(self.notebook, answers=False)
            notes += [note for task in passed for note in borrowed(self.notebook, task)]
            self._noted = key, [*notes, *(in_order(self.notebook) if all_done else ())]
        return self._noted[1]

    def _stale(self, task: Task) -> list[str]:
        """Names with which a check passed, and which the notebook would make otherwise."""
        answer = self.notebook.answer(task)
        if answer is None or not answer.code:
            return []
        texts = {digest(cell.source) for cell in self.notebook.cells if cell.code}
        found: list[str] = []
        todo, seen = [answer.source], {answer.source}
        while todo and len(found) < MAX_NAMES:
            for name in sorted(taken(todo.pop())):
                origin = self._origins.get(name)
                if origin is None or origin.source in seen or origin.part in {GIVEN, CHECK}:
                    continue
                seen.add(origin.source)
                todo.append(origin.source)
                if digest(origin.source) not in texts and self.notebook.modified > origin.at:
                    found.append(
                        f"'{task.title}' passed with {name!r} from a cell that the notebook no longer holds; "
                        "restart the kernel and run all cells"
                    )
        return found


def one_line(error: BaseException) -> str:
    """An error as a learner reads it: an assertion's own words, or kind and message."""
    text = " ".join(str(error).split())
    if not isinstance(error, AssertionError) or not text:
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "..."


_current: dict[str, Any] = {}
"""The panel of this kernel, what shows it, and what was registered with IPython."""


def show() -> None:
    """Show the panel of the notebook that this kernel runs."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        print("the progress panel shows in a notebook only")  # noqa: T201 - where the learner looks
        return
    path = find_notebook(Path(shell.starting_dir), shell.user_ns)
    if path is None:
        print(f"no progress panel: {shell.starting_dir} holds no notebook of the course")  # noqa: T201
        return
    try:
        panel = _watching(shell, path)
    except NotebookError as error:
        print(f"no progress panel: {error}")  # noqa: T201
        return
    panel.reload()
    from camp.seat.views import view_of

    if "view" not in _current:
        _current["view"] = view_of(shell, panel)
    panel.shown_by(_current["view"].update)
    panel.refresh()
    _current["view"].display()


def _watching(shell: Any, path: Path) -> Panel:
    """The panel that watches this kernel: the one that does, or a new one."""
    if _current and _current["panel"].notebook.path == path:
        found: Panel = _current["panel"]
        return found
    panel = Panel(path, shell.user_ns)
    if _current:
        shell.events.unregister("pre_run_cell", _current["begins"])
        shell.events.unregister("post_run_cell", _current["ended"])
        _current.clear()
    begins, ended = _harmless(panel.begins), _harmless(panel.ended)
    _current.update(panel=panel, begins=begins, ended=ended)
    shell.events.register("pre_run_cell", begins)
    shell.events.register("post_run_cell", ended)
    return panel


def _harmless(call: Callable[[Any], None]) -> Callable[[Any], None]:
    """The same, silent where it fails: IPython would print a traceback under each cell of the learner."""

    def called(what: Any) -> None:
        try:
            call(what)
        except Exception as error:  # noqa: BLE001 - no panel is worth a cell
            _current.setdefault("failed", error)

    return called


def find_notebook(folder: Path, names: dict[str, Any]) -> Path | None:
    """The notebook that a kernel runs, or None.

    Jupyter's server names it in the environment and VS Code in the namespace; for others, it is the one
    notebook of the course in the kernel's folder, the one saved last if there are several.

    Args:
        folder: where the kernel was started.
        names: its global names.
    """
    told = [os.environ.get("JPY_SESSION_NAME", ""), names.get("__vsc_ipynb_file__", "")]
    for name in told:
        if isinstance(name, str) and name.endswith(".ipynb"):
            for path in (Path(name), folder / Path(name).name):
                if path.is_absolute() and path.is_file():
                    return path
    found = []
    for path in folder.glob("*.ipynb"):
        try:
            found.append((read_notebook(path).modified, path))
        except NotebookError:
            continue
    return max(found)[1] if found else None
