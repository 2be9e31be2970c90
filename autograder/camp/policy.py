"""The policy of a class: due dates, what being late costs, extensions, groups; from `class/policy.toml`.

A policy never touches a verdict, which says what a submission is worth. It says what of that counts.
"""

from __future__ import annotations

import math
import re
import tomllib
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from camp.course import first_fault
from camp.errors import CampError

if TYPE_CHECKING:
    from pathlib import Path

    from camp.course import Course

POLICY_FILE = "policy.toml"
ALL = "all"
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_UNITS["week"] = 7 * _UNITS["day"]
_LONGEST = timedelta(days=1000)


class PolicyError(CampError):
    """`policy.toml` cannot be read, or does not fit the course."""


def _duration(value: Any) -> timedelta:
    """Read `"90 minutes"` or `"1 day 12 hours"`."""
    if isinstance(value, timedelta):
        return value
    parts = re.findall(r"(\d+)\s*(minute|hour|day|week)s?\b", value) if isinstance(value, str) else []
    total = sum((min(int(number), 10_000) * _UNITS[unit] for number, unit in parts), timedelta())
    if not parts or total > _LONGEST or re.sub(r"(\d+)\s*(minute|hour|day|week)s?\b|\s", "", value):
        raise ValueError('write a duration of at most 1000 days as "90 minutes", "12 hours" or "3 days"')
    return total


def _moment(value: Any) -> datetime:
    """Take a date with a time of day: which midnight a mere date means is what people disagree about."""
    if not isinstance(value, datetime):
        raise ValueError("write a date with its time of day, without quotes, as 2026-03-01T23:59:00")  # noqa: TRY004
    return value


Moment = Annotated[datetime, BeforeValidator(_moment)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Late(_Strict):
    """What being late costs. Without any of it: nothing."""

    percent: float = Field(default=0, ge=0, le=100)
    """Percent of the points earned that each started `per` takes away."""
    per: Literal["hour", "day"] = "day"
    grace: Duration = timedelta()
    """Up to so late is not late."""
    cap: float = Field(default=100, ge=0, le=100)
    """Percent that are taken away at most."""
    nothing_after: Duration | None = None
    """Later than this, no points are left, whatever the cap."""

    def share(self, late: timedelta) -> float:
        """The percent of the points that are taken away from what came so late."""
        if late <= self.grace or late <= timedelta():
            return 0
        if self.nothing_after is not None and late > self.nothing_after:
            return 100
        started = math.ceil(late / _UNITS[self.per])
        return min(self.cap, started * self.percent)


class Due(_Strict):
    """When an assignment is due."""

    assignment: str
    at: Moment
    late: Late | None = None
    """What being late costs here, if not what it costs elsewhere."""


class Extension(_Strict):
    """More time for one learner: until a time, or by a duration."""

    learner: str
    assignment: str = ALL
    until: Moment | None = None
    by: Duration = timedelta()


class Policy(_Strict):
    """The whole of `policy.toml`. The empty policy changes nothing."""

    timezone: str = "UTC"
    """Of the times that are written without one."""
    late: Late = Late()
    due: list[Due] = []
    extension: list[Extension] = []
    groups: Literal["all"] | list[str] = []
    """The assignments that the groups of the roster hand in together."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError('is no time zone; write one as "Asia/Shanghai" or "Europe/Berlin"') from None
        return name

    @field_validator("due")
    @classmethod
    def _once(cls, due: list[Due]) -> list[Due]:
        names = [entry.assignment for entry in due]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"assignment due twice: {', '.join(twice)}")
        return due

    def due_at(self, assignment: str) -> datetime | None:
        """When an assignment is due for all, in UTC; None if never."""
        return next((self._utc(due.at) for due in self.due if due.assignment == assignment), None)

    def due_for(self, assignment: str, learner: str) -> datetime | None:
        """When an assignment is due for a learner, in UTC; an extension never shortens."""
        due = self.due_at(assignment)
        if due is None:
            return None
        given = [e for e in self.extension if e.learner == learner and e.assignment in {assignment, ALL}]
        return max([due, *(due + e.by for e in given), *(self._utc(e.until) for e in given if e.until)])

    def rule(self, assignment: str) -> Late:
        """What being late costs in an assignment."""
        own = next((due.late for due in self.due if due.assignment == assignment), None)
        return own or self.late

    def in_groups(self, assignment: str) -> bool:
        """Whether groups hand in an assignment together."""
        return self.groups == ALL or assignment in self.groups

    def _utc(self, when: datetime) -> datetime:
        if when.tzinfo is None:
            when = when.replace(tzinfo=zoneinfo.ZoneInfo(self.timezone))
        return when.astimezone(UTC)


def penalty(rule: Late, late: timedelta, points: float) -> float:
    """The points that are taken away from so many points that came so late: between 0 and all of them."""
    if points <= 0:
        return 0.0
    return min(points, round(points * rule.share(late) / 100, 2))


def load_policy(path: Path, course: Course) -> Policy:
    """Read a policy; the empty one where there is no file.

    Raises:
        PolicyError: it cannot be read, is wrong, or names an assignment that the course does not have.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Policy()
    except OSError as error:
        raise PolicyError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} is not TOML: {error}; mend that line") from None
    try:
        policy = Policy(**data)
    except ValidationError as error:
        raise PolicyError(f"{path}: {first_fault(error, data)}; mend that entry") from None
    named = [due.assignment for due in policy.due] + [e.assignment for e in policy.extension]
    named += policy.groups if isinstance(policy.groups, list) else []
    known = {ALL, *(assignment.id for assignment in course.assignment)}
    if unknown := [name for name in named if name not in known]:
        raise PolicyError(f"{path} names {unknown[0]!r}; the course has {', '.join(sorted(known - {ALL}))}")
    return policy
