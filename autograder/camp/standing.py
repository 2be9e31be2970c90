"""What of a submission counts for whom: when it came, when it was due, whose submission a group hands in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nbgrader.utils import parse_utc

from camp.policy import POLICY_FILE, Late, Policy, PolicyError, load_policy, penalty
from camp.records import submitted_folder
from camp.roster import ROSTER_FILE, Learner, RosterError, load_roster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from camp.course import Course
    from camp.paths import Layout

TIMESTAMP_FILE = "timestamp.txt"
MAX_NAMED = 20


@dataclass(frozen=True)
class Submitted:
    """When a submission came."""

    at: datetime
    """In UTC."""
    stamped: bool
    """Whether nbgrader's `timestamp.txt` says so, and not only the file's own time."""


@dataclass(frozen=True)
class Standing:
    """How a learner stands with an assignment."""

    learner: str
    submitter: str
    """Whose submission counts: the learner's own, or that of another member of the group."""
    submitted: datetime
    """When it came, in UTC."""
    due: datetime | None
    """When it was due for this learner, in UTC."""
    extension: timedelta
    """How much later than for the others."""
    rule: Late
    stamped: bool = True
    """Whether nbgrader's `timestamp.txt` says when it came, and not only the file's own time."""

    @property
    def late(self) -> timedelta:
        """How late it came; zero if in time."""
        return max(timedelta(), self.submitted - self.due) if self.due else timedelta()

    def penalty(self, points: float) -> float:
        """Points off for being late, from so many points."""
        return penalty(self.rule, self.late, points)

    def to_json(self) -> str:
        """All that the gradebook's entry depends on besides the verdict."""
        known = [self.submitter, str(self.due), str(self.extension), self.rule.model_dump_json()]
        return json.dumps([*known, str(self.submitted)] if self.due or self.stamped else known)


@dataclass(frozen=True)
class ClassRules:
    """The data of one class: its policy and its roster."""

    policy: Policy
    roster: dict[str, Learner] | None

    def strangers(self, learners: Iterable[str]) -> list[str]:
        """Those who are not on the roster, by name; nobody where there is none."""
        return sorted(set(learners) - self.roster.keys()) if self.roster is not None else []

    def members(self, assignment: str, learner: str) -> list[str]:
        """Those who hand in an assignment together with a learner, the learner included, by name."""
        roster = self.roster or {}
        group = roster[learner].group if learner in roster else ""
        if not group or not self.policy.in_groups(assignment):
            return [learner]
        return sorted(other.id for other in roster.values() if other.group == group)

    def standings(self, assignment: str, learner: str, submitted: dict[str, Submitted]) -> list[Standing]:
        """How a learner, and every other member of the group, stands with what was handed in.

        Args:
            assignment: which.
            learner: one of the group.
            submitted: when each member who handed in did so. The latest counts, of two at the same time that
                of the name which comes last.
        """
        members = self.members(assignment, learner)
        counts = max((m for m in members if m in submitted), key=lambda m: (submitted[m].at, m))
        return [self._standing(assignment, m, counts, submitted[counts]) for m in members]

    def _standing(self, assignment: str, learner: str, submitter: str, submitted: Submitted) -> Standing:
        for_all, own = self.policy.due_at(assignment), self.policy.due_for(assignment, learner)
        extension = own - for_all if own and for_all else timedelta()
        rule = self.policy.rule(assignment)
        return Standing(learner, submitter, submitted.at, own, extension, rule, submitted.stamped)


def load_class(layout: Layout, course: Course) -> ClassRules:
    """Read policy and roster from `class/`; where a file is missing, it changes nothing.

    Raises:
        PolicyError, RosterError: a file is wrong, or the two do not fit.
    """
    roster = load_roster(layout.class_data / ROSTER_FILE)
    path = layout.class_data / POLICY_FILE
    policy = load_policy(path, course)
    rules = ClassRules(policy, roster)
    if strangers := rules.strangers(extension.learner for extension in policy.extension):
        raise PolicyError(f"{path} extends for {strangers[0]!r}, who is not on the roster; mend the name")
    if policy.groups and not (roster and any(learner.group for learner in roster.values())):
        raise PolicyError(
            f"{path} has groups, but {ROSTER_FILE} beside it names none; fill its column 'group'"
        )
    return rules


def counting(layout: Layout, course: Course, rules: ClassRules) -> Callable[[str, str], str]:
    """A function of assignment and learner that names whose submission counts for them."""

    def counts(assignment: str, learner: str) -> str:
        members = rules.members(assignment, learner)
        if len(members) == 1:
            return learner
        notebook = course.find(assignment).notebook
        found = {m: submitted_at(submitted_folder(layout, assignment, m), notebook) for m in members}
        submitted = {member: when for member, when in found.items() if when}
        return rules.standings(assignment, learner, submitted)[0].submitter if submitted else learner

    return counts


def unknown(layout: Layout, strangers: Iterable[str]) -> RosterError:
    """What to tell of learners who are not on the roster."""
    names = sorted(strangers)
    named = ", ".join(names[:MAX_NAMED]) + (", …" if len(names) > MAX_NAMED else "")
    return RosterError(
        f"not on the roster and not graded: {named} ({len(names)}); add a line to "
        f"{layout.class_data / ROSTER_FILE}, or remove the folder from {layout.course / 'submitted'}"
    )


def submitted_at(folder: Path, notebook: str) -> Submitted | None:
    """When a submission came: what nbgrader's `timestamp.txt` says, or else the file's own time.

    None where nothing was submitted.
    """
    try:
        changed = (folder / f"{notebook}.ipynb").lstat().st_mtime
    except OSError:
        return None
    try:
        text = (folder / TIMESTAMP_FILE).read_text(encoding="utf-8").strip()
        return Submitted(parse_utc(text).replace(tzinfo=UTC), stamped=True)
    except (OSError, ValueError, OverflowError):
        return Submitted(datetime.fromtimestamp(changed, UTC), stamped=False)
