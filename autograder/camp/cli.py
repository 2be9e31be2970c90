"""The command `camp`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from camp import __version__
from camp.errors import CampError, CourseError, LintError, SubmissionsError

if TYPE_CHECKING:
    from rich.console import Console

    from camp.classroom import Submission
    from camp.course import Course
    from camp.doctor import Symptom
    from camp.paths import Layout
    from camp.verdict import Verdict

WORKERS = os.cpu_count() or 1


class _Camp(click.Group):
    """Turns our errors into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except CampError as error:
            click.echo(f"camp: {error}", err=True)
            sys.exit(1)
        except ModuleNotFoundError as error:
            click.echo(
                f"camp: the package {error.name!r} is not installed; run make camp, which installs it",
                err=True,
            )
            sys.exit(1)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            click.echo(f"camp: {place}{error.strerror or error}; earlier results stay as they are", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("\ncamp: ended by Ctrl-C; what was finished stays, the same command goes on", err=True)
            sys.exit(130)


@click.group(cls=_Camp, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=None,
    help="The checkout's root. Default: the nearest folder upwards that holds exercises/camp.toml.",
)
@click.pass_context
def main(context: click.Context, root: Path | None) -> None:
    """Release, grade and prove the exercises of CANN Camp."""
    context.obj = root


def _layout(context: click.Context) -> Layout:
    from camp.paths import Layout

    start = Path.cwd() if context.obj is None else context.obj
    for folder in (start, *start.resolve().parents) if context.obj is None else (start,):
        if (folder / "exercises" / "camp.toml").is_file():
            return Layout(folder.resolve())
    raise CourseError(f"{start} holds no exercises/camp.toml; change into the checkout or give --root")


def _course(layout: Layout) -> Course:
    from camp.course import load_course

    return load_course(layout.exercises)


def _chosen(course: Course, names: tuple[str, ...]) -> list[str]:
    """The assignments named, or all of the course."""
    return [course.find(name).id for name in names] or [a.id for a in course.assignment]


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


@main.command()
@click.argument("assignments", nargs=-1)
@click.pass_context
def release(context: click.Context, assignments: tuple[str, ...]) -> None:
    """Make the learner's edition of ASSIGNMENTS (default: all)."""
    layout = _layout(context)
    course = _course(layout)
    names = _chosen(course, assignments)
    from camp.exercise import load_exercise
    from camp.gradebook import GradebookDoor
    from camp.release import learner_notebook, require_pages
    from camp.release import release as make

    exercises = [load_exercise(course, name) for name in names]
    for exercise in exercises:
        require_pages(exercise)
    door = GradebookDoor(layout)
    for exercise in exercises:
        made = make(layout, exercise, door)
        where = learner_notebook(layout, exercise).relative_to(layout.root)
        _console().print(f"{'released' if made else 'unchanged'}  {exercise.id}  → {where}")


@main.command()
@click.argument("assignments", nargs=-1)
@click.option(
    "--from", "source", type=click.Path(path_type=Path), help="Folder of submissions: one folder per learner."
)
@click.option("--example", flag_value="always", help="Grade the bundled example class.")
@click.option(
    "--example-if-alone",
    "example",
    flag_value="if alone",
    help="The same, but where a class of your own is there, grade that.",
)
@click.option(
    "--workers", type=click.IntRange(1), default=WORKERS, show_default=True, help="Processes that grade."
)
@click.pass_context
def grade(
    context: click.Context,
    assignments: tuple[str, ...],
    source: Path | None,
    workers: int,
    *,
    example: str | None,
) -> None:
    """Grade submissions of ASSIGNMENTS (default: all).

    Without --from and --example, grades what nbgrader has collected into build/course/submitted.
    """
    if example and source is not None:
        raise SubmissionsError("--from and --example exclude each other; give the one or the other")
    layout = _layout(context)
    course = _course(layout)
    names = _chosen(course, assignments)
    from camp import classroom
    from camp.example import others
    from camp.exercise import load_exercise

    for name in names:
        load_exercise(course, name)  # a fault in one ends this before anything is changed
    if example == "always" or (example and not others(layout)):
        _collect_example(layout, course, names)
    elif source is not None:
        _collect(layout, course, source, names)
    todo = classroom.submissions(layout, course, names)
    if not todo:
        raise SubmissionsError("nothing is submitted yet; give --from FOLDER or --example")
    _say_if_unsafe()
    _grade_with_progress(layout, course, todo, workers)


def _collect_example(layout: Layout, course: Course, names: list[str]) -> None:
    """Hand in for the example class, unless real submissions are there."""
    from camp.example import require_no_others, write_example_class
    from camp.inbox import collect, look_through

    require_no_others(layout)
    collect(layout, course, look_through(course, write_example_class(layout, course, names), names))


def _collect(layout: Layout, course: Course, source: Path, names: list[str]) -> None:
    """Take in a folder of submissions; say what in it was missed, and that the example class has left."""
    from camp.example import remove_example_class
    from camp.inbox import collect, look_through

    inbox = look_through(course, source, names)
    if left := remove_example_class(layout, course):
        click.echo(f"the example class is removed ({', '.join(left)}); this course now holds your class")
    collect(layout, course, inbox)
    for notice in inbox.notices:
        click.echo(f"camp: {notice}", err=True)


def _say_if_unsafe() -> None:
    """Say loudly, once, that nothing protects this machine from what is graded."""
    from camp.warm import isolation

    found = isolation()
    if not found.safe:
        _console().print(
            "[bold red]NO SANDBOX:[/] learners' code runs as you, with your files and your network. "
            f"Why: {found}. See camp doctor.",
            soft_wrap=True,
        )


def _grade_with_progress(layout: Layout, course: Course, todo: list[Submission], workers: int) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from camp import classroom
    from camp.verdict import in_words

    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(), transient=True) as bar:
        job = bar.add_task("", total=len(todo))

        def tell(verdict: Verdict, earlier: bool) -> None:  # noqa: FBT001 - a callback's second fact
            note = " (unchanged)" if earlier else ""
            points = f"{verdict.points} of {verdict.max_points}"
            line = f"graded  {verdict.learner}  {verdict.assignment}  {points}  {in_words(verdict)}{note}"
            bar.console.print(line, soft_wrap=True, markup=False)
            bar.advance(job)

        classroom.grade_class(layout, course, todo, workers, tell)


@main.command()
@click.pass_context
def report(context: click.Context) -> None:
    """Write the class report and print the class."""
    layout = _layout(context)
    course = _course(layout)
    from camp.gradebook import GradebookDoor
    from camp.report import class_table, verdicts, write_report

    found = verdicts(layout, course)
    page = write_report(layout, course, found)
    GradebookDoor(layout).export(layout.report / "gradebook.csv")
    console = _console()
    console.print(class_table(found))
    places = {
        "book": layout.site / "index.html",
        "report": page,
        "grades": layout.report / "grades.csv",
        "feedback": layout.course / "feedback",
    }
    for name, path in places.items():
        if path.exists():
            console.print(f"{name:<9} {path.relative_to(layout.root)}", soft_wrap=True)


@main.command()
@click.argument("assignments", nargs=-1)
@click.option(
    "--workers", type=click.IntRange(1), default=WORKERS, show_default=True, help="Processes that grade."
)
@click.pass_context
def lint(context: click.Context, assignments: tuple[str, ...], workers: int) -> None:
    """Prove that ASSIGNMENTS (default: all) grade as their authors say."""
    layout = _layout(context)
    course = _course(layout)
    from camp.lint import lint as prove

    console = _console()
    faults = 0
    for finding in prove(course, _chosen(course, assignments), workers):
        faults += bool(finding.fault)
        mark = "[red]✗[/]" if finding.fault else "[green]✓[/]"
        console.print(f"{mark} {finding.assignment}  {finding.what}", end="")
        console.print(f": {finding.fault}" if finding.fault else "", markup=False, soft_wrap=True)
    if faults:
        raise LintError(
            f"{faults} fault{'s' if faults > 1 else ''}; mend the exercise where it is named above"
        )


@main.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Say what this machine has, which torch_npu is in use, and what is missing."""
    from camp.doctor import examine

    symptoms = examine(_layout(context))
    try:
        _show_table(symptoms)
    except ModuleNotFoundError:  # the doctor must also come where rich is what is missing
        for s in symptoms:
            mark = "ok" if s.well else ("MISSING" if s.needed else "-")
            click.echo(f"{mark:<8}{s.what}: {s.found}{'' if s.well else '; ' + s.remedy}")
    ill = [s.what for s in symptoms if s.needed and not s.well]
    if ill:
        raise CampError(f"not well: {', '.join(ill)}; the remedies are in the table")


def _show_table(symptoms: list[Symptom]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("", "what", "found", "remedy"):
        table.add_column(column)
    for s in symptoms:
        mark = "[green]✓[/]" if s.well else ("[red]✗[/]" if s.needed else "[yellow]-[/]")
        table.add_row(mark, s.what, s.found, "" if s.well else s.remedy)
    _console().print(table)


@main.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port of the book."
)
@click.option(
    "--lab-port", type=click.IntRange(1, 65535), default=8888, show_default=True, help="Port of JupyterLab."
)
@click.pass_context
def serve(context: click.Context, port: int, lab_port: int) -> None:
    """Serve the book and JupyterLab with the exercises on localhost, until Ctrl-C.

    The links in notebooks lead to [course] site of camp.toml, by default http://localhost:8000: with another
    --port they find no page.
    """
    layout = _layout(context)
    course = _course(layout)
    from camp.serve import ENDING, LOG, SETTINGS, open_exercises, served

    console = _console()
    open_exercises(layout, course)
    # Ctrl-C too: what a script starts in the background comes with it ignored. A closed terminal, or a
    # service manager, ends it as well.
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    with served(layout, port, lab_port) as (addresses, lab):
        console.print(f"book        {addresses.book}", soft_wrap=True)
        console.print(f"JupyterLab  {addresses.lab}", soft_wrap=True)
        console.print("Your notebooks are in work/. Ctrl-C ends both.")
        try:
            code = lab.wait()
        except KeyboardInterrupt:
            console.print("\nended")
            return
    raise CampError(f"JupyterLab ended by itself with code {code}; see {layout.build / SETTINGS / LOG}")


if __name__ == "__main__":
    main()
