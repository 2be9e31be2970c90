"""Grading one notebook: run its answers in a kernel, let the hidden checks question it, give a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camp.checks import Ask, Check, CheckFailedError, KernelDiedError
from camp.editions import learner_edition
from camp.errors import CampError
from camp.exercise import CHECK, Exercise
from camp.fingerprint import hashes
from camp.kernel import CellTimedOutError, Kernel, failure, seed_of
from camp.text import tidy
from camp.verdict import CheckResult, Status, TaskResult, Verdict, outcome

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from camp.course import Task
    from camp.intake import Intake

MAX_TEXT = 4000
"""Characters of a message or of an answer's output that a verdict holds."""
NOT_GRADED = "not graded"
GIVEN_TIMEOUT = 180
"""Seconds that a cell of the course itself may take: it imports PyTorch, also on a busy machine."""
# How a task ends of which nothing came back that could be compared.
_NO_ANSWER = frozenset({Status.ERROR, Status.TIMED_OUT, Status.OUT_OF_MEMORY, Status.KILLED, Status.REFUSED})


def grade(intake: Intake, exercise: Exercise, learner: str) -> Verdict:
    """Grade one submission. Whatever it does, it ends in a verdict.

    Raises:
        KernelStartError: this machine cannot start a kernel, which is no learner's fault.

    Args:
        intake: the submission as taken in.
        exercise: what it answers.
        learner: the learner's name, which with the course's seed chooses the values of hidden checks.
    """
    if intake.refused:
        return without_points(intake, exercise, learner, Status.REFUSED, intake.refused)
    return _verdict(intake, exercise, learner, _Run(exercise, learner, intake).grade(intake.notebook))


def without_points(intake: Intake, exercise: Exercise, learner: str, status: Status, message: str) -> Verdict:
    """The verdict on a submission of which no task could be graded, for one reason, which it says once."""
    tasks = [_task_result(exercise, task, status, NOT_GRADED) for task in exercise.assignment.task]
    intake.findings = [tidy(message, MAX_TEXT)]
    return _verdict(intake, exercise, learner, tasks)


def _verdict(intake: Intake, exercise: Exercise, learner: str, tasks: list[TaskResult]) -> Verdict:
    return Verdict(
        assignment=exercise.id,
        learner=learner,
        points=sum(t.points for t in tasks),
        max_points=exercise.max_points,
        outcome=outcome(tasks),
        findings=intake.findings,
        tasks=tasks,
        seed=exercise.course.course.seed,
        hashes=hashes(intake.digest, exercise),
    )


class _Run:
    """One pass through a notebook, cell by cell, with one kernel."""

    def __init__(self, exercise: Exercise, learner: str, intake: Intake) -> None:
        self._exercise = exercise
        self._learner = learner
        self._missing = intake.missing
        self._on_simulator = intake.on_simulator
        self._blank = {c["id"]: c.source.strip() for c in learner_edition(exercise).cells}
        self._answers: dict[str, TaskResult] = {}
        self._ended: set[str] = set()
        """The tasks whose answer cell ended its kernel, so that there is nothing to ask."""
        self._cells: dict[str, NotebookNode] = {}
        """The answer cells that were run, by task."""

    def grade(self, notebook: NotebookNode) -> list[TaskResult]:
        """Run the code cells in order; where a public check stands, ask the hidden ones instead."""
        tasks = {task.id: task for task in self._exercise.assignment.task}
        self._leave_to_hands(notebook, tasks)
        if not self._anything_to_run(notebook, tasks):
            return [self._answers[task_id] for task_id in tasks]
        seed = seed_of(f"{self._exercise.course.course.seed}/{self._learner}")
        with Kernel(self._exercise.assignment.cell_timeout, self._exercise.data, seed=seed) as kernel:
            for cell in notebook.cells:
                if cell.cell_type != "code":
                    continue
                grading = cell.metadata.get("nbgrader", {})
                if grading.get("solution"):
                    self._answer(kernel, cell, tasks[grading["grade_id"]])
                elif grading.get("grade"):
                    self._check(kernel, tasks[cell["id"].removesuffix(f"-{CHECK}")])
                else:
                    self._given(kernel, cell)
        return [self._answers[task_id] for task_id in tasks]

    def _leave_to_hands(self, notebook: NotebookNode, tasks: dict[str, Task]) -> None:
        """Note of the answers that a person grades whether there is one; they are not run."""
        for cell in notebook.cells:
            task = tasks.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if task is not None and task.by_hand:
                unanswered = self._unanswered(cell, task)
                status = Status.NOT_ATTEMPTED if unanswered else Status.NEEDS_GRADING
                self._answers[task.id] = _task_result(self._exercise, task, status, unanswered)

    def _anything_to_run(self, notebook: NotebookNode, tasks: dict[str, Task]) -> bool:
        """Whether any task was answered; of a blank notebook all is known without a kernel."""
        found = False
        for cell in notebook.cells:
            grading = cell.metadata.get("nbgrader", {})
            if cell.cell_type != "code" or not grading.get("solution"):
                continue
            task = tasks[grading["grade_id"]]
            if task.by_hand:
                continue
            if unanswered := self._unanswered(cell, task):
                self._answers[task.id] = _task_result(self._exercise, task, Status.NOT_ATTEMPTED, unanswered)
            else:
                found = True
        return found

    def _given(self, kernel: Kernel, cell: NotebookNode) -> None:
        """Run a cell that earns nothing; its failure shows in the answers that need it."""
        try:
            kernel.run(cell.source, timeout=None if "-extra-" in cell["id"] else GIVEN_TIMEOUT)
        except (CellTimedOutError, KernelDiedError):
            return

    def _answer(self, kernel: Kernel, cell: NotebookNode, task: Task) -> None:
        """Run an answer and note how that went; PASSED means only that it ran."""
        timeout = self._exercise.assignment.cell_timeout
        outputs: list[NotebookNode] = []
        if task.id in self._answers:  # not attempted, or graded by hand
            return
        self._cells[task.id] = cell
        try:
            outputs = kernel.run(cell.source)
            errors = [o for o in outputs if o.output_type == "error"]
            status = Status(failure(errors[0].ename, errors[0].evalue).status) if errors else Status.PASSED
            message = f"the cell raised {errors[0].ename}: {errors[0].evalue}" if errors else ""
        except CellTimedOutError:
            status, message = Status.TIMED_OUT, f"the cell was still running after {timeout} s"
            self._ended.add(task.id)
        except KernelDiedError as error:
            status, message = Status(error.status), str(error)
            self._ended.add(task.id)
        result = _task_result(self._exercise, task, status, message)
        self._answers[task.id] = result.model_copy(update={"output": _text(outputs)})

    def _unanswered(self, cell: NotebookNode, task: Task) -> str:
        """Why there is nothing to run in an answer cell, or empty."""
        if task.id in self._missing:
            return self._missing[task.id]
        if not cell.source.strip():
            return "this answer cell is empty"
        untouched = cell.source.strip() == self._blank[cell["id"]]
        return "this answer cell is as it was handed out" if untouched else ""

    def _check(self, kernel: Kernel, task: Task) -> None:
        """Ask the task's hidden checks; an error at the answer's end need not make it wrong."""
        answered = self._answers[task.id]
        if answered.status is Status.NOT_ATTEMPTED:
            return
        came = self._answers[task.id] = self._asked(kernel, task)
        failed = [c.source for t, c in self._cells.items() if t != task.id and not self._answers[t].points]
        if came.points or not failed or came.status not in _NO_ANSWER:
            return
        # What spoilt the kernel may have been an earlier answer that failed: so once more without those.
        ran = kernel.leave_out([*failed, self._cells[task.id].source])
        del self._answers[task.id]
        self._ended.discard(task.id)
        self._answer(kernel, self._cells[task.id], task)
        again = self._answers[task.id] = self._asked(kernel, task)
        if not again.points:
            self._answers[task.id] = came
            kernel.start_over(ran)

    def _asked(self, kernel: Kernel, task: Task) -> TaskResult:
        """A task's result with what its hidden checks say, if there is anything to ask."""
        answered = self._answers[task.id]
        if task.id in self._ended:
            return answered
        results: list[CheckResult] = []
        for check in self._exercise.checks[task.id]:
            hung = [r for r in results if r.status in {Status.TIMED_OUT, Status.KILLED}]
            results.append(_not_asked(check, hung[0]) if hung else self._ask(kernel, check))
        points = sum(r.points for r in results)
        cause = answered.status if answered.status in {Status.OUT_OF_MEMORY, Status.REFUSED} else None
        status = cause if cause and not points else _worst(results)
        message = answered.message or next((r.message for r in results if r.status is not Status.PASSED), "")
        times = [r.device_ms for r in results if r.device_ms is not None]
        came = {"points": points, "status": status, "message": message, "device_ms": max(times, default=None)}
        return answered.model_copy(update={**came, "checks": results})

    def _ask(self, kernel: Kernel, check: Check) -> CheckResult:
        """Run one hidden check and turn how it ends into a result."""
        seed = f"{self._exercise.course.course.seed}/{self._learner}/{check.task}"
        ask, expected = Ask(kernel, seed, self._on_simulator), ""
        kernel.begin(f"{seed}/{check.name}")
        try:
            check.function(ask)
            status, message = Status.PASSED, ""
        except CheckFailedError as error:
            status, message, expected = Status(error.status), str(error), error.expected
        except CampError:
            raise
        except Exception as error:  # noqa: BLE001 - a check met data of a form it did not foresee
            status = Status.FAILED
            message = f"your code gave back data of another form ({type(error).__name__})"
        result = _check_result(check, status, message, expected)
        return result if ask.device_ms is None else result.model_copy(update={"device_ms": ask.device_ms})


def _worst(results: list[CheckResult]) -> Status:
    """The status of a task: that of its first check that did not pass, or passed."""
    return next((r.status for r in results if r.status is not Status.PASSED), Status.PASSED)


def _check_result(check: Check, status: Status, message: str, expected: str = "") -> CheckResult:
    points = check.points if status is Status.PASSED else 0
    return CheckResult(
        name=check.name,
        title=check.title,
        points=points,
        max_points=check.points,
        status=status,
        message=tidy(message, MAX_TEXT),
        expected=tidy(expected, MAX_TEXT),
    )


def _not_asked(check: Check, hung: CheckResult) -> CheckResult:
    """A check that is not tried because an earlier one of its task hung or ended the kernel."""
    return _check_result(check, hung.status, f"not tried: the answer did not come back in '{hung.title}'")


def _task_result(exercise: Exercise, task: Task, status: Status, message: str) -> TaskResult:
    return TaskResult(
        task=task.id,
        title=task.title,
        points=0,
        max_points=exercise.points(task),
        status=status,
        message=tidy(message, MAX_TEXT),
    )


def _text(outputs: list[NotebookNode]) -> str:
    """What a cell printed, as text, capped; first all it said, then all it warned of, which is no race."""
    streams = [o for o in outputs if o.output_type == "stream"]
    said = "".join(o.text for o in streams if o.name != "stderr")
    return tidy(said + "".join(o.text for o in streams if o.name == "stderr"), MAX_TEXT)
