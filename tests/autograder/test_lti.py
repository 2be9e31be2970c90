"""LTI grade passback: score objects as 1EdTech specifies them, and one error where nothing can be sent."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from camp.errors import PassbackError
from camp.graded import Graded
from camp.lms import Learner
from camp.lti import (
    MEDIA_TYPE,
    ActivityProgress,
    GradingProgress,
    HttpPlatform,
    LtiExporter,
    Score,
    platform,
    score_of,
    scores_address,
)

NOW = datetime(2026, 3, 2, 13, 0, 0, 5000, tzinfo=timezone(timedelta(hours=1)))
ADA = Learner("ada", "Lovelace", "Ada", "ada@x.org", "sub-71")


def _graded(score=3.5, *, to_grade=False):
    return Graded(score=score, penalty=0.5, to_grade=("explain",) if to_grade else ())


def test_a_finished_grade():
    """userId, points, maximum, both progresses, and the time in UTC with its fraction."""
    assert score_of(ADA, _graded(), 5, NOW, comment="well done").to_dict() == {
        "userId": "sub-71",
        "scoreGiven": 3.5,
        "scoreMaximum": 5,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "timestamp": "2026-03-02T12:00:00.005Z",
        "comment": "well done",
    }


def test_half_a_grade_is_not_sent():
    """While a person still has to grade, the platform hears of it and gets no points."""
    sent = score_of(ADA, _graded(to_grade=True), 5, NOW).to_dict()
    assert (sent["activityProgress"], sent["gradingProgress"]) == ("Submitted", "PendingManual")
    assert not {"scoreGiven", "scoreMaximum"} & set(sent)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"user_id": ""}, "lms_user_id"),
        ({"timestamp": datetime(2026, 3, 2)}, "time zone"),  # noqa: DTZ001 - that is what is refused
        ({"score_given": -1.0}, "starts at 0"),
        ({"score_maximum": 0.0}, "above 0"),
        ({"score_maximum": None}, "above 0"),
    ],
)
def test_what_the_specification_forbids(change, says):
    """A score that a platform would refuse cannot be made."""
    right = {
        "user_id": "sub-71",
        "activity_progress": ActivityProgress.COMPLETED,
        "grading_progress": GradingProgress.FULLY_GRADED,
        "timestamp": NOW,
        "score_given": 1.0,
        "score_maximum": 5.0,
    }
    Score(**right)
    with pytest.raises(PassbackError, match=says):
        Score(**(right | change))


def test_more_than_the_maximum_is_allowed():
    """Extra credit: the specification lets scoreGiven be above scoreMaximum."""
    assert score_of(ADA, _graded(6.0), 5, NOW).to_dict()["scoreGiven"] == 6.0


@pytest.mark.parametrize(
    ("line_item", "address"),
    [
        ("https://lms.example/items/7", "https://lms.example/items/7/scores"),
        ("https://lms.example/items/7/?type=a&b=1", "https://lms.example/items/7/scores?type=a&b=1"),
    ],
)
def test_where_scores_go(line_item, address):
    """`/scores` comes after the path of the line item, before its query."""
    assert scores_address(line_item) == address


def test_sending_by_http():
    """A score is posted with the token and the media type of the specification."""
    posted = []

    def post(address, headers, body):
        posted.append((address, headers, json.loads(body)))
        return 204

    score = score_of(ADA, _graded(), 5, NOW)
    HttpPlatform(post, "secret").publish("https://lms.example/items/7", score)
    headers = {"Authorization": "Bearer secret", "Content-Type": MEDIA_TYPE}
    assert posted == [("https://lms.example/items/7/scores", headers, score.to_dict())]


def test_a_platform_that_refuses_or_is_away():
    """Each is one error that names the address and never the token."""

    def away(*_):
        raise ConnectionRefusedError("connection refused")

    for post, says in ((lambda *_: 403, "403"), (away, "connection refused")):
        with pytest.raises(PassbackError, match=says) as caught:
            HttpPlatform(post, "secret").publish("https://lms.example/7", score_of(ADA, _graded(), 5, NOW))
        assert "lms.example/7/scores" in str(caught.value)
        assert "secret" not in str(caught.value)


def test_no_platform_is_configured():
    """Camp comes without one, and says so in one line with the way out."""
    with pytest.raises(PassbackError, match=r"^no LTI platform is configured; without --send .*$"):
        platform()


def test_dry_run():
    """The file holds each score as it would be sent, and names those whom the platform does not know."""
    plugin = LtiExporter()
    plugin.now = NOW.astimezone(UTC)
    unknown = Learner("bo", "", "", "", "")
    text = plugin.table({"01": 5.0}, [ADA, unknown], {"01": {"ada": _graded(), "bo": _graded()}})
    assert json.loads(text) == {
        "scores": [{"assignment": "01", "score": score_of(ADA, _graded(), 5.0, NOW).to_dict()}],
        "without_lms_user_id": ["bo"],
    }
