"""Grade passback by LTI: the score objects of Assignment and Grade Services, ready to be sent.

Camp makes them and writes them to a file. Sending needs a platform (Canvas, Moodle, ...) with which your
institution has registered a tool; give that as a `Platform`, for example `HttpPlatform` with a function that
does HTTP and a token. Source: 1EdTech, Learning Tools Interoperability Assignment and Grade Services 2.0,
section 3.4, "Score publish service" (www.imsglobal.org/spec/lti-ags/v2p0).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit, urlunsplit

from camp.errors import PassbackError
from camp.lms import LmsExportPlugin

if TYPE_CHECKING:
    from camp.graded import Graded
    from camp.lms import Learner

MEDIA_TYPE = "application/vnd.ims.lis.v1.score+json"
SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
"""The scope for which a token has to be asked."""
_SUCCESS = range(200, 300)


class ActivityProgress(StrEnum):
    """How far the learner is."""

    INITIALIZED = "Initialized"
    STARTED = "Started"
    IN_PROGRESS = "InProgress"
    SUBMITTED = "Submitted"
    COMPLETED = "Completed"


class GradingProgress(StrEnum):
    """How far the grading is. Platforms may ignore the score unless it is FULLY_GRADED."""

    FULLY_GRADED = "FullyGraded"
    PENDING = "Pending"
    PENDING_MANUAL = "PendingManual"
    FAILED = "Failed"
    NOT_READY = "NotReady"


@dataclass(frozen=True)
class Score:
    """One score of one learner.

    Raises:
        PassbackError: a value that the specification does not allow.
    """

    user_id: str
    """The platform's id of the learner: `sub` of the launch, `lms_user_id` of the roster."""
    activity_progress: ActivityProgress
    grading_progress: GradingProgress
    timestamp: datetime
    """When the score was made. A platform ignores one that is not newer than what it has."""
    score_given: float | None = None
    """None clears what the platform holds."""
    score_maximum: float | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        if not self.user_id:
            raise PassbackError(
                "a score needs the platform's id of its learner; put lms_user_id into the roster"
            )
        if self.timestamp.tzinfo is None:
            raise PassbackError(f"timestamp {self.timestamp} has no time zone; give one")
        if self.score_given is None:
            return
        if self.score_given < 0 or self.score_maximum is None or self.score_maximum <= 0:
            raise PassbackError(
                f"a score of {self.score_given} out of {self.score_maximum} cannot be sent; "
                "it starts at 0, and its maximum is above 0"
            )

    def to_dict(self) -> dict[str, object]:
        """The JSON object as it is sent; times in UTC to the millisecond."""
        when = self.timestamp.astimezone(UTC).isoformat(timespec="milliseconds")
        sent: dict[str, object] = {
            "userId": self.user_id,
            "activityProgress": str(self.activity_progress),
            "gradingProgress": str(self.grading_progress),
            "timestamp": when.replace("+00:00", "Z"),
        }
        if self.score_given is not None:
            sent |= {"scoreGiven": self.score_given, "scoreMaximum": self.score_maximum}
        return sent | ({"comment": self.comment} if self.comment else {})


def score_of(learner: Learner, grade: Graded, most: float, now: datetime, comment: str = "") -> Score:
    """Make the score of a graded submission.

    What a person still has to grade is sent as pending, without points: half a grade is not a grade.

    Args:
        learner: who, as the roster names them.
        grade: from the gradebook, penalties taken off.
        most: the points to be had.
        now: when the score was made, with a time zone.
        comment: plain text that the learner reads beside it.
    """
    return Score(
        user_id=learner.lms_id,
        activity_progress=ActivityProgress.COMPLETED if not grade.to_grade else ActivityProgress.SUBMITTED,
        grading_progress=GradingProgress.PENDING_MANUAL if grade.to_grade else GradingProgress.FULLY_GRADED,
        timestamp=now,
        score_given=None if grade.to_grade else round(grade.score, 2),
        score_maximum=None if grade.to_grade else most,
        comment=comment,
    )


class Platform(Protocol):
    """Something that takes scores: a learning management system, or a file."""

    def publish(self, line_item: str, score: Score) -> None:
        """Hand over one score for one column of the gradebook (a line item).

        Raises:
            PassbackError: it was not taken.
        """
        ...


Post = Callable[[str, dict[str, str], bytes], int]
"""Does an HTTP POST: address, headers and body in, the answer's status out."""


@dataclass(frozen=True)
class HttpPlatform:
    """A platform that is reached by HTTP.

    Args:
        post: does the POST; raises OSError when the platform cannot be reached.
        token: an OAuth 2 access token for SCOPE, which the platform gave to the registered tool.
    """

    post: Post
    token: str

    def publish(self, line_item: str, score: Score) -> None:
        """POST a score to the line item's `scores`.

        Raises:
            PassbackError: the platform could not be reached or refused it.
        """
        address = scores_address(line_item)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": MEDIA_TYPE}
        try:
            status = self.post(address, headers, json.dumps(score.to_dict()).encode())
        except OSError as error:
            raise PassbackError(
                f"{address} cannot be reached ({error}); nothing was sent, try again"
            ) from None
        if status not in _SUCCESS:
            raise PassbackError(
                f"{address} refused the score of {score.user_id} ({status}); check token and line item"
            )


def scores_address(line_item: str) -> str:
    """Where the scores of a line item go: `/scores` after its path, its query kept."""
    parts = urlsplit(line_item)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/scores"))


def platform() -> Platform:
    """The platform that scores are sent to.

    Raises:
        PassbackError: none is configured, which is how Camp comes.
    """
    raise PassbackError(
        "no LTI platform is configured; without --send the scores are written to a file, "
        "and camp.lti.HttpPlatform sends them with the token that your platform gives you"
    )


class LtiExporter(LmsExportPlugin):
    """The dry run: writes the score objects that would be sent, as a list in JSON."""

    default_target = "scores-lti.json"
    now: datetime | None = None

    def table(
        self, assignments: dict[str, float], learners: list[Learner], found: dict[str, dict[str, Graded]]
    ) -> str:
        """Write one object for each learner whom the platform knows, and list the others by name."""
        now = self.now or datetime.now(UTC)
        scores = [
            {"assignment": name, "score": score_of(who, found[name][who.id], most, now).to_dict()}
            for name, most in assignments.items()
            for who in learners
            if who.lms_id and who.id in found[name]
        ]
        unknown = [who.id for who in learners if not who.lms_id]
        return (
            json.dumps({"scores": scores, "without_lms_user_id": unknown}, indent=2, ensure_ascii=False)
            + "\n"
        )
