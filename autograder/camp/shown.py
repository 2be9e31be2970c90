"""A verdict written into a notebook, where nbgrader, its formgrader and the feedback page read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbformat import NotebookNode
from nbformat.v4 import new_output

from camp.editions import check_id, page_address
from camp.verdict import Status, TaskResult, Verdict, ended

if TYPE_CHECKING:
    from camp.exercise import Exercise


def show_verdict(
    notebook: NotebookNode, verdict: Verdict, exercise: Exercise, learner: str | None = None
) -> None:
    """Write a verdict into a notebook: outputs under answers, points and messages under checks.

    Args:
        notebook: the submission as taken in; it is changed.
        verdict: the verdict on it.
        exercise: what it answers.
        learner: whose copy this is, if not the verdict's learner's: another member of the group.
    """
    told = {task.message for task in verdict.tasks}
    left = [finding for finding in verdict.findings if finding not in told]  # said once, under its task
    notebook.metadata["camp"] = NotebookNode(
        title=exercise.assignment.title,
        learner=learner or verdict.learner,
        words=ended(verdict),  # what waits for a person today may not do so tomorrow
        findings=list(left),
    )
    pages = {task.id: page_address(exercise, task) for task in exercise.assignment.task}
    hints = {task.id: list(task.hints) for task in exercise.assignment.task}
    rubrics = {task.id: task.rubric for task in exercise.assignment.task}
    answers = {task.task: task for task in verdict.tasks}
    checks = {check_id(task.task): task for task in verdict.tasks}
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.cell_type == "code":
            cell.outputs = []
        task = answers.get(grade_id) or checks.get(grade_id)
        if task is None:
            continue
        # What hidden checks expected stays in the verdict: a copy of this notebook may reach a learner.
        told_of = task.model_dump(mode="json", exclude={"checks": {"__all__": {"expected"}}})
        told_of["message"] = _of_its_own(task)
        cell.metadata["camp"] = NotebookNode(told_of, page=pages[task.task], hints=hints[task.task])
        if rubric := rubrics[task.task]:
            cell.metadata["camp"].rubric = [criterion.model_dump() for criterion in rubric]
        if grade_id in answers and task.output:
            cell.outputs = [new_output("stream", name="stdout", text=task.output)]
        if grade_id in checks:
            findings, left = left, []
            cell.outputs = [
                new_output("stream", name="stdout", text=_told(task, findings)),
                # nbgrader reads a number in this place as the points earned.
                new_output("execute_result", data={"text/plain": str(task.points)}),
            ]


def _told(task: TaskResult, findings: list[str]) -> str:
    """What the learner reads under a task."""
    lines = [f"{task.points} of {task.max_points} points: {task.status}"]
    for check in task.checks:
        mark = "✓" if check.status is Status.PASSED else "✗"
        lines.append(f"  {mark} {check.title} ({check.points} of {check.max_points})")
        lines += [f"      {check.message}"] if check.message else []
    if message := _of_its_own(task):
        lines.append(f"  {message}")
    lines += [f"  note: {finding}" for finding in findings]
    return "\n".join(lines) + "\n"


def _of_its_own(task: TaskResult) -> str:
    """A task's message, where none of its checks says the same."""
    return "" if task.message in {check.message for check in task.checks} else task.message
