"""The command `camp`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from camp import __version__
from camp.errors import CampError, CourseError, ExportError, GradebookError, LintError, SubmissionsError
from camp.seat.commands import check, submit

if TYPE_CHECKING:
    from rich.console import Console

    from camp.course import Course
    from camp.doctor import Symptom
    from camp.paths import Layout
    from camp.progress import Progress

WORKERS = os.cpu_count() or 1
MAX_PAIRS = 20
"""Pairs that `camp similar` prints; its page has more."""


_ORDER = (
    "doctor",
    "release",
    "grade",
    "report",
    "regrade",
    "similar",
    "export",
    "lint",
    "check",
    "submit",
    "serve",
    "hub",
    "publish",
    "upgrade",
)


class OptionError(CampError):
    """An option has a value that it cannot have."""


class _Count(click.IntRange):
    """A number of something, whose faults are told in one line like all others."""

    def fail(
        self,
        message: str,
        param: click.Parameter | None = None,
        ctx: click.Context | None = None,  # noqa: ARG002 - click's signature
    ) -> NoReturn:
        name = param.opts[0] if param else "the number"
        raise OptionError(f"{name}: {message.rstrip('.')}; give 1 or more")


class _Camp(click.Group):
    """Turns our errors into one line and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which an instructor needs them, not by the alphabet."""
        return sorted(self.commands, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))

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
    envvar="CAMP_COURSE",  # set on an instructor's server of a hub, whose own folder may lie elsewhere
    type=click.Path(path_type=Path),
    default=None,
    help="The checkout's root. Default: the nearest folder upwards that holds exercises/camp.toml.",
)
@click.option(
    "--db-url",
    envvar="CAMP_DB_URL",
    help="The gradebook's database, as postgresql://user:password@host/name, in place of nbgrader's file. "
    "Better in the environment, as CAMP_DB_URL: there nbgrader's own commands find it, too.",
)
@click.option(
    "--sandbox",
    envvar="CAMP_SANDBOX",
    metavar="NAME",
    help="What holds learners' code: namespaces, bubblewrap, landlock, or none. Default: the best that this "
    "machine has; none is never chosen, and for your own notebooks only.",
)
@click.pass_context
def main(context: click.Context, root: Path | None, db_url: str | None, sandbox: str | None) -> None:
    """Release, grade and report the exercises of CANN Camp, and prove them.

    The way of one assignment: release, grade --from FOLDER, report, export. The instructor's guide in the
    book (build/site/part5/instructors.html) goes it step by step, and says what to do when something fails.
    """
    if db_url:
        os.environ["CAMP_DB_URL"] = db_url
    if sandbox:
        os.environ["CAMP_SANDBOX"] = sandbox
    import camp.quick  # noqa: F401 - before any command imports what it keeps out

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


@main.command(short_help="Make the learner's edition of ASSIGNMENTS.")
@click.argument("assignments", nargs=-1)
@click.pass_context
def release(context: click.Context, assignments: tuple[str, ...]) -> None:
    """Make the learner's edition of ASSIGNMENTS (default: all).

    It lies in build/course/release/ASSIGNMENT/; give that folder to the class.
    """
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


_workers_option = click.option(
    "--workers", type=_Count(1), default=WORKERS, show_default=True, help="Processes that grade."
)
_scheduler_option = click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="Grade by the workers of the Dask scheduler at this address (tcp://host:8786) instead.",
)


@main.command(short_help="Grade submissions of ASSIGNMENTS.")
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
@_workers_option
@_scheduler_option
@click.pass_context
def grade(  # noqa: PLR0913 - a command's options
    context: click.Context,
    assignments: tuple[str, ...],
    source: Path | None,
    workers: int,
    scheduler: str,
    *,
    example: str | None,
) -> None:
    """Grade submissions of ASSIGNMENTS (default: all).

    Without --from and --example, grades what nbgrader has collected into build/course/submitted. What did
    not change since it was graded is not graded again; a run that was broken off goes on by the same command.

    The exit code is 1 where a submission was refused, could not be taken in or lies where none is looked
    for, each told in a line; all the others are graded.
    """
    if example and source is not None:
        raise SubmissionsError("--from and --example exclude each other; give the one or the other")
    layout = _layout(context)
    if not scheduler and not any(layout.results.glob("*/*.json")):
        _start_early()
    course = _course(layout)
    names = _chosen(course, assignments)
    from camp import classroom
    from camp.example import others
    from camp.progress import Progress

    _require_sound(course, names, scheduler)
    amiss: list[str] = []
    if example == "always" or (example and not others(layout)):
        _collect_example(layout, course, names)
    elif source is not None:
        amiss = _collect(layout, course, source, names)
    todo = classroom.submissions(layout, course, names)
    if not todo:
        raise SubmissionsError("nothing is submitted yet; give --from FOLDER or --example")
    look = _say_if_unsafe if others(layout) else _say_if_unsafe_for_ours
    progress = Progress(_console(), before=None if scheduler else look)
    try:
        with progress:
            classroom.grade_class(layout, course, todo, classroom.Means(workers, scheduler), progress)
    finally:
        refused = _told_refused(layout, progress)
    if amiss or refused:
        sys.exit(1)


def _told_refused(layout: Layout, progress: Progress) -> int:
    """Say what was refused, but for the example class, which shows how that looks; return how much."""
    from camp.example import example_learners

    invented = set(example_learners(layout)) if progress.refused else set()
    lines = [line for learner, line in progress.refused if learner not in invented]
    for line in lines:
        click.echo(f"camp: {line}", err=True)
    return len(lines)


def _start_early() -> None:
    """Where all is still to be graded: have what that takes imported beside this process."""
    from camp import warm, workers

    warm.prepare()
    workers.start_early()


def _require_sound(course: Course, names: list[str], scheduler: str) -> None:
    """Find a fault in an exercise, or a scheduler that does not answer, before anything is changed."""
    from camp.exercise import load_exercise

    for name in names:
        load_exercise(course, name)
    if scheduler:
        from camp.distant import require_scheduler

        require_scheduler(scheduler)


def _collect_example(layout: Layout, course: Course, names: list[str]) -> None:
    """Hand in for the example class, unless real submissions are there."""
    from camp.example import require_no_others, write_example_class
    from camp.inbox import collect, look_through

    require_no_others(layout)
    collect(layout, course, look_through(course, write_example_class(layout, course, names), names))


def _collect(layout: Layout, course: Course, source: Path, names: list[str]) -> list[str]:
    """Take in a folder of submissions; say what was missed, and return what was handed in in vain."""
    from camp.example import remove_example_class
    from camp.inbox import collect, look_through

    inbox = look_through(course, source, names)
    if left := remove_example_class(layout, course):
        click.echo(f"the example class is removed ({', '.join(left)}); this course now holds your class")
    collect(layout, course, inbox)
    for notice in inbox.notices:
        click.echo(f"camp: {notice}", err=True)
    return inbox.amiss


def _say_if_unsafe() -> None:
    """Where nothing protects this machine, stop; or say so loudly, where that was asked for by name.

    Raises:
        SandboxError: there is no sandbox, and nobody asked to do without.
    """
    from camp.warm import isolation, no_sandbox

    found = isolation()
    if found.backend is None:
        raise no_sandbox(found)
    if not found.safe:
        _console().print(
            "[bold red]NO SANDBOX:[/] as asked for by name, learners' code runs as you, with your files and "
            "your network.",
            soft_wrap=True,
        )


def _say_if_unsafe_for_ours() -> None:
    """The same for what comes with the course, which may run without a sandbox: no stranger wrote it."""
    from camp.warm import CHOICE, Backend, isolation

    found = isolation()
    if found.backend is None:
        os.environ[CHOICE] = Backend.NONE
        _console().print(
            f"[bold red]NO SANDBOX:[/] the course's own answers run as you. Why: {found}. See camp doctor.",
            soft_wrap=True,
        )


@main.command(short_help="Grade ASSIGNMENTS again, and show whose points change.")
@click.argument("assignments", nargs=-1)
@click.option(
    "--diff", is_flag=True, help="Show whose points would change, by how much and why; write nothing."
)
@click.option("--yes", is_flag=True, help="With --diff: show it, then write.")
@click.option("--learner", "learners", multiple=True, help="Grade this learner only; may be repeated.")
@click.option(
    "--task", "tasks", multiple=True, help="Only submissions in which this task's result changes; repeatable."
)
@_workers_option
@_scheduler_option
@click.pass_context
def regrade(  # noqa: PLR0913, PLR0917 - a command's options
    context: click.Context,
    assignments: tuple[str, ...],
    learners: tuple[str, ...],
    tasks: tuple[str, ...],
    workers: int,
    scheduler: str,
    *,
    diff: bool,
    yes: bool,
) -> None:
    """Grade again what was graded of ASSIGNMENTS (default: all), also what did not change.

    Shows whose points change, then writes the new verdicts, unless --diff is given alone. Points given by
    hand and policies stay as they are.
    """
    layout = _layout(context)
    course = _course(layout)
    names = _chosen(course, assignments)
    from camp import regrade as again
    from camp.classroom import Means
    from camp.progress import Progress

    wanted = again.Wanted(names, learners, tasks)
    again.graded(layout, course, wanted)  # a filter that nothing passes ends this at once
    _require_sound(course, names, scheduler)
    console = _console()
    with again.alone(layout):
        with Progress(console, before=None if scheduler else _say_if_unsafe) as progress:
            changes = again.grade_again(layout, course, wanted, Means(workers, scheduler), progress)
        console.print(again.table(changes) if changes.points else "no points change")
        if diff and not yes:
            console.print(again.in_words(changes, written=False))
            changes.raise_troubles()
            return
        again.write(layout, course, changes, progress)
        console.print(again.in_words(changes, written=True))
        changes.raise_troubles()


@main.command()
@click.pass_context
def report(context: click.Context) -> None:
    """Write the class report and print the class.

    The page is build/report/index.html; beside it lie grades.csv, tasks.csv and questions/, as data.
    """
    layout = _layout(context)
    course = _course(layout)
    from camp.gradebook import GradebookDoor
    from camp.paths import make_folder
    from camp.report import class_table, verdicts, write_report

    found = verdicts(layout, course)
    make_folder(layout.report)
    door, trouble, grades = GradebookDoor(layout), None, {}
    try:
        grades = {assignment.id: door.grades(assignment.id) for assignment in course.assignment}
        door.export(layout.report / "gradebook.csv")
    except GradebookError as error:
        trouble = error  # the verdicts are reported all the same
    page = write_report(layout, course, found, grades)
    console = _console()
    console.print(class_table(found, grades))
    places = {
        "book": layout.site / "index.html",
        "report": page,
        "grades": layout.report / "grades.csv",
        "feedback": layout.course / "feedback",
    }
    for name, path in places.items():
        if path.exists():
            console.print(f"{name:<9} {path.relative_to(layout.root)}", soft_wrap=True)
    if trouble:
        raise trouble


@main.command(short_help="Write the grades for Canvas, Moodle or another system.")
@click.argument("assignments", nargs=-1)
@click.option(
    "--to",
    "form",
    type=click.Choice(["canvas", "moodle", "csv", "lti"]),
    required=True,
    help="For the gradebook import of Canvas or Moodle, as plain CSV, or as LTI score objects.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file. Default: a file of that kind in build/report/export/.",
)
@click.option(
    "--like",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A gradebook exported from Canvas, whose people and columns, with Canvas's ids, are used.",
)
@click.option("--send", is_flag=True, help="With --to lti: send the scores to the configured platform.")
@click.pass_context
def export(  # noqa: PLR0913 - a command's options
    context: click.Context,
    assignments: tuple[str, ...],
    form: str,
    output: Path | None,
    like: Path | None,
    *,
    send: bool,
) -> None:
    """Write the grades of ASSIGNMENTS (default: all) for a learning management system.

    A grade stays empty where nothing was handed in or something waits for grading by hand.
    """
    if like and form != "canvas":
        raise ExportError(f"--like goes with --to canvas, not with --to {form}; leave it out")
    if send and form != "lti":
        raise ExportError(f"--send goes with --to lti; a file for {form} is imported there by hand")
    layout = _layout(context)
    course = _course(layout)
    names = _chosen(course, assignments)
    from camp.gradebook import GradebookDoor
    from camp.lms import exporter
    from camp.lti import platform

    if send:
        platform()
    plugin = exporter(form, course, names, like)
    usual = layout.report / "export" / plugin.default_target
    plugin.to = str(output or usual)
    GradebookDoor(layout).export_with(plugin)
    _console().print(f"written  {output or usual.relative_to(layout.root)}", soft_wrap=True, markup=False)
    if plugin.waiting:
        click.echo(f"camp: {plugin.waiting} wait for grading by hand; their grades are left empty", err=True)


@main.command(short_help="Prove that ASSIGNMENTS grade as their authors say.")
@click.argument("assignments", nargs=-1)
@click.option("--workers", type=_Count(1), default=WORKERS, show_default=True, help="Processes that grade.")
@click.pass_context
def lint(context: click.Context, assignments: tuple[str, ...], workers: int) -> None:
    """Prove that ASSIGNMENTS (default: all) grade as their authors say.

    The model solution and every file in right/ must earn full marks, the blank notebook 0, and every file in
    wrong/ lose exactly the points it names. The exit code is 1 where one does not.
    """
    layout = _layout(context)
    course = _course(layout)
    from camp.lint import lint as prove

    _say_if_unsafe_for_ours()
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


@main.command(short_help="Look for copied answers in ASSIGNMENT.")
@click.argument("assignment")
@click.pass_context
def similar(context: click.Context, assignment: str) -> None:
    """Look for copied answers among the submissions of ASSIGNMENT.

    Compares answers task by task, as tokens; names, comments and layout do not matter, nor does what the
    course gave. A likeness is a reason to look at both, and no proof: the page that is written says how sure
    each one is, and what false alarms look like.
    """
    layout = _layout(context)
    course = _course(layout)
    name = course.find(assignment).id
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from camp.classroom import submissions
    from camp.exercise import load_exercise
    from camp.similar import look_for_copies, write_similar

    handed_in = submissions(layout, course, [name])
    if not handed_in:
        raise SubmissionsError(f"nothing of {name} is submitted yet; camp grade --from FOLDER collects it")
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=_console(), transient=True) as bar:
        job = bar.add_task("", total=len(handed_in))
        found = look_for_copies(
            load_exercise(course, name), ((s.learner, s.path) for s in handed_in), lambda: bar.advance(job)
        )
    page = write_similar(layout, found)
    console = _console()
    for like in found.likenesses[:MAX_PAIRS]:
        tasks = ", ".join(f"{pair.first.task} {pair.share:.0%}" for pair in like.pairs)
        line = f"{like.sureness:<12}  {' and '.join(like.learners)}: {tasks}"
        console.print(line, markup=False, soft_wrap=True)
    more = len(found.likenesses) - MAX_PAIRS
    many = f"; {more} more in the page" if more > 0 else ""
    pairs = "1 pair" if len(found.likenesses) == 1 else f"{len(found.likenesses)} pairs"
    console.print(f"{pairs} among {len(handed_in)} submissions{many}")
    console.print(f"side by side  {page.relative_to(layout.root)}", soft_wrap=True, markup=False)


@main.command(short_help="Say what this machine has and what is missing.")
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


@main.command(short_help="Serve the book and JupyterLab on localhost.")
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


@main.command(short_help="Try the course with several accounts: a JupyterHub on localhost.")
@click.option("--port", type=click.IntRange(1, 65535), default=8100, show_default=True, help="Its port.")
@click.option(
    "--instructor", default="instructor", show_default=True, metavar="NAME", help="The instructor's account."
)
@click.option(
    "--example", flag_value="always", help="Accounts for the bundled example class, not the roster."
)
@click.option(
    "--example-if-alone",
    "example",
    flag_value="if alone",
    help="The same, but where class/roster.csv is there, take that.",
)
@click.option(
    "--release",
    "released",
    multiple=True,
    metavar="ASSIGNMENT",
    help="Put this assignment into the exchange; may be repeated. Default: the course's first.",
)
@click.option(
    "--exchange",
    type=click.Path(path_type=Path, file_okay=False),
    help="nbgrader's exchange. Default: build/hub/exchange.",
)
@click.option("--servers", type=_Count(1), default=6, show_default=True, help="Servers at one time at most.")
@click.option(
    "--cull",
    type=_Count(2),
    metavar="SECONDS",
    help="End a server that nobody used for so long. Default: as hub/values.yaml says.",
)
@click.option(
    "--fetch", is_flag=True, help="Only fetch the hub's proxy through npm, while there is a network."
)
@click.pass_context
def hub(  # noqa: PLR0913, PLR0917 - a command's options
    context: click.Context,
    port: int,
    instructor: str,
    example: str | None,
    released: tuple[str, ...],
    exchange: Path | None,
    servers: int,
    cull: int | None,
    *,
    fetch: bool,
) -> None:
    """Try the course with several accounts: a JupyterHub on localhost, until Ctrl-C.

    Everyone on class/roster.csv has an account, and one is the instructor's. All works on a course of its own
    below build/hub/; your class and its gradebook are not touched. A trial protects nobody from anybody:
    every server runs as you. The book's page on JupyterHub says what a real class needs.
    """
    layout = _layout(context)
    course = _course(layout)
    from camp import hub as trial
    from camp.hub_proxy import proxy_command
    from camp.serve import ENDING

    if fetch:
        proxy_command(layout, trial.require_whole(layout))
        return
    console = _console()
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    wish = trial.Wish(port, instructor, example, exchange, released, servers, cull)
    with trial.hub_alone(layout):
        ready = trial.set_up(layout, course, wish)
        with trial.hub_running(layout, ready) as running:
            console.print("\n".join(trial.told(ready)), soft_wrap=True)
            try:
                code = running.wait()
            except KeyboardInterrupt:
                console.print("\nending")
                return
    raise trial.HubError(f"JupyterHub ended by itself with code {code}; see {trial.log_file(layout)}")


@main.command(short_help="Make VERSION of the course: site, PDF and learner's edition, with checksums.")
@click.argument("version")
@click.option("--dirty", is_flag=True, help="Also with changes that are in no commit, for a trial.")
@click.option("--no-pdf", is_flag=True, help="Without the book as PDF, which needs Chromium.")
@click.pass_context
def publish(context: click.Context, version: str, *, dirty: bool, no_pdf: bool) -> None:
    """Make release VERSION of the whole course in build/dist/cann-camp-VERSION/.

    The same tree makes the same bytes. VERSION must be newer than the last one made here, and nothing may
    give an answer or a hidden check away.
    """
    layout = _layout(context)
    course = _course(layout)
    from camp.publish import Wish
    from camp.publish import publish as make

    console = _console()
    made = make(
        layout, course, Wish(version, dirty, not no_pdf), lambda what: console.print(f"making  {what}")
    )
    for path in sorted(made.folder.iterdir()):
        place = path.relative_to(layout.root)
        console.print(f"{path.stat().st_size / 1e6:8.1f} MB  {place}", soft_wrap=True, markup=False)


@main.command(short_help="Bring your course folder to a newer release; your work stays.")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="Your course folder. Default: this one."
)
@click.option(
    "--base",
    type=click.Path(path_type=Path),
    help="The release that your work began with, where it does not say.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
def upgrade(archive: Path, folder: Path, base: Path | None, *, dry_run: bool) -> None:
    """Bring your course folder to the release in ARCHIVE, a file cann-camp-VERSION-learner.zip.

    Close JupyterLab first. Your answers and the cells that you added go into the new notebooks; the old ones
    stay in backup/. Whatever goes wrong, nothing of yours is lost.
    """
    from camp.upgrade import upgrade as run

    report = run(folder, archive, base, dry_run=dry_run)
    for notebook, answers in report.answers.items():
        click.echo(f"kept  {notebook}  {answers} answer{'' if answers == 1 else 's'}")
    for place, line in report.told:
        click.echo(f"note  {place}: {line}")
    if dry_run:
        click.echo(f"{report.before} would become {report.after}; nothing was changed")
        return
    click.echo(f"{report.before} is now {report.after}; your old files are in {report.backup}")
    click.echo("now install what it needs: python -m pip install -r requirements.txt")


main.add_command(check)
main.add_command(submit)


if __name__ == "__main__":
    main()
