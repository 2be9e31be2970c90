"""The policy of a class: what counts of a submission, for whom, whatever the verdict says."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from camp.cli import main
from camp.course import load_course
from camp.gradebook import GradebookDoor, verdict_path
from camp.inbox import collect, look_through
from camp.paths import Layout
from camp.policy import Late, Policy, PolicyError, load_policy, penalty
from camp.records import submitted_folder
from camp.roster import Learner, RosterError, load_roster
from camp.standing import ClassRules, Submitted, load_class, submitted_at, unknown
from camp.verdict import read_verdict
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)
durations = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=40))
percents = st.floats(0, 100)
points = st.floats(0, 1000)
rules = st.builds(
    Late,
    percent=percents,
    per=st.sampled_from(["hour", "day"]),
    grace=durations,
    cap=percents,
    nothing_after=st.none() | durations,
)


def _written(layout, text, roster=None):
    layout.class_data.mkdir(parents=True)
    (layout.class_data / "policy.toml").write_text(text, encoding="utf-8")
    if roster is not None:
        (layout.class_data / "roster.csv").write_text(roster, encoding="utf-8")
    return load_class(layout, load_course(layout.exercises))


@given(rules, durations, points)
def test_penalty_within_the_points(rule, late, earned):
    """A penalty takes between nothing and all points: it raises none, and leaves none below zero."""
    assert 0 <= penalty(rule, late, earned) <= earned


@given(rules, durations, durations, points)
def test_later_is_never_cheaper(rule, late, more, earned):
    """Who hands in later keeps no more points."""
    assert penalty(rule, late + more, earned) >= penalty(rule, late, earned)


@given(rules, durations, durations, durations, points)
def test_extension_never_lowers(rule, late, by, until, earned):
    """An extension, whatever it says, leaves no fewer points than none."""

    def off(extensions):
        policy = Policy(late=rule, due=[{"assignment": "a", "at": DUE}], extension=extensions)
        submitted = {"ada": Submitted(DUE + late, stamped=True)}
        (standing,) = ClassRules(policy, None).standings("a", "ada", submitted)
        return standing.penalty(earned)

    given_time = [{"learner": "ada", "by": by}, {"learner": "ada", "until": DUE + until - timedelta(days=9)}]
    assert off(given_time) <= off([])
    assert off([{"learner": "bo", "by": by}]) == off([]), "another's extension is another's"


@given(st.permutations(["ada", "bo", "cleo", "dima"]), st.lists(durations, min_size=2, max_size=4))
def test_order_of_members_does_not_matter(order, times):
    """Whose submission counts for a group depends on the times alone: the latest, for all members."""
    policy = Policy(due=[{"assignment": "a", "at": DUE}], groups="all")
    submitted = {
        name: Submitted(DUE + time, stamped=True)
        for name, time in zip(["bo", "ada", "dima", "cleo"], times, strict=False)
    }

    def standings(names):
        roster = {name: Learner(id=name, group="red") for name in names}
        return [ClassRules(policy, roster).standings("a", name, submitted) for name in sorted(names)]

    told = standings(order)
    assert told == standings(sorted(order))
    assert all(each == told[0] for each in told), "every member is told the same"
    counts = told[0][0]
    assert submitted[counts.submitter].at == max(s.at for s in submitted.values())
    assert [s.learner for s in told[0]] == sorted(order)


@pytest.mark.parametrize(
    ("late", "share"),
    [
        (timedelta(), 0),
        (timedelta(minutes=10), 0),
        (timedelta(minutes=11), 10),
        (timedelta(days=1), 10),
        (timedelta(days=1, seconds=1), 20),
        (timedelta(days=6), 40),
        (timedelta(days=7), 40),
        (timedelta(days=7, seconds=1), 100),
    ],
)
def test_started_days(late, share):
    """Every started day costs its percent, after the grace, up to the cap; then nothing is left."""
    rule = Late(percent=10, grace="10 minutes", cap=40, nothing_after="1 week")
    assert rule.share(late) == share
    assert penalty(rule, late, 20) == 20 * share / 100


def test_policy_file(toy):
    """Times without a zone are of the file's zone; what an assignment says of itself goes before the rest."""
    rules = _written(
        toy,
        """
        timezone = "Asia/Shanghai"
        groups = ["a2-words"]
        late = { percent = 10 }
        [[due]]
        assignment = "a1-sums"
        at = 2026-03-01T20:00:00
        [[due]]
        assignment = "a2-words"
        at = 2026-03-01T12:00:00+00:00
        late = { percent = 50, per = "hour" }
        [[extension]]
        learner = "ada"
        by = "1 day 12 hours"
        """,
        "id,group\nada,red\nbo,red\n李娜,\n",
    )
    policy = rules.policy
    assert policy.due_at("a1-sums") == policy.due_at("a2-words") == DUE
    assert policy.due_for("a1-sums", "ada") == DUE + timedelta(hours=36)
    assert policy.due_for("a1-sums", "bo") == DUE
    assert policy.rule("a1-sums").percent == 10
    assert policy.rule("a2-words").per == "hour"
    assert rules.members("a1-sums", "ada") == ["ada"]
    assert rules.members("a2-words", "ada") == rules.members("a2-words", "bo") == ["ada", "bo"]
    assert rules.members("a2-words", "李娜") == ["李娜"]
    assert rules.strangers(["bo", "zoe", "ada"]) == ["zoe"]
    assert "zoe (1); add a line to" in str(unknown(toy, ["zoe"]))


def test_no_class_data_changes_nothing(toy):
    """Without a policy and a roster nothing is due, nobody is a stranger, and nothing is taken off."""
    rules = load_class(toy, load_course(toy.exercises))
    assert rules.strangers(["anyone"]) == []
    (standing,) = rules.standings("a1-sums", "anyone", {"anyone": Submitted(DUE, stamped=True)})
    assert (standing.due, standing.late, standing.penalty(5)) == (None, timedelta(), 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("late = { percent = 101 }", r"late\.percent: .* \(it is 101\)"),
        ("late = { percnt = 10 }", r"late\.percnt: Extra inputs"),
        ('late = { grace = "soon" }', r"late\.grace: write a duration .*\(it is 'soon'\)"),
        ('late = { grace = "999999999 weeks" }', r"late\.grace: write a duration of at most 1000 days"),
        ('timezone = "Mars/Base"', r"timezone: is no time zone"),
        (
            '[[due]]\nassignment = "a1-sums"\nat = 2026-03-01',
            r"due\.0\.at: write a date with its time of day",
        ),
        ('[[due]]\nassignment = "a1-sums"\nat = "tomorrow"', r"due\.0\.at: write a date .*'tomorrow'"),
        (
            '[[due]]\nassignment = "a9"\nat = 2026-03-01T12:00:00',
            r"names 'a9'; the course has a1-sums, a2-words",
        ),
        ('[[extension]]\nlearner = "zoe"', r"extends for 'zoe', who is not on the roster"),
        ('groups = "all"', r"has groups, but roster\.csv beside it names none"),
        ('groups = ["a9"]', r"names 'a9'"),
        ("timezone = ", r"is not TOML: .*mend that line"),
    ],
)
def test_wrong_policy_is_one_line(toy, text, says):
    """A wrong policy is one line with the place, the value and the remedy."""
    with pytest.raises(PolicyError, match=says) as caught:
        _written(toy, text, "id\nada\n")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name\nada\n", "has a column 'name'; the first line names columns of id, first_name"),
        ("", "needs one column 'id'"),
        ("id,id\n", "needs one column 'id'"),
        ("id,email\nada,a@b\n,c@d\n", "line 3: has no id"),
        ("id\nada\nbo\nada\n", "line 4: 'ada' is there twice"),
        ("id\nada,bo\n", "line 2: has more values than columns"),
        ('id\n"ada\n', "line 1: .*mend that line"),
        (b"id\n\xff\n", "is not UTF-8; save it as 'CSV UTF-8'"),
    ],
)
def test_wrong_roster_is_one_line(tmp_path, text, says):
    """A wrong roster is one line with the place and the remedy."""
    path = tmp_path / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RosterError, match=says) as caught:
        load_roster(path)
    assert "\n" not in str(caught.value)


def test_roster_from_a_spreadsheet(tmp_path):
    """A roster with a byte order mark, Chinese names and quoted commas is read; empty fields are empty."""
    path = tmp_path / "roster.csv"
    lines = [
        "\ufeffid,first_name,last_name,email,group,lms_id",
        "李 娜,娜,李,,,",
        'bo,"Bo, Jr.",Berg,b@c,red,7',
        "",
    ]
    path.write_text("\r\n".join(lines), encoding="utf-8", newline="")
    assert load_roster(path) == {
        "李 娜": Learner(id="李 娜", first_name="娜", last_name="李"),
        "bo": Learner(id="bo", first_name="Bo, Jr.", last_name="Berg", email="b@c", group="red", lms_id="7"),
    }


def test_when_it_came(tmp_path):
    """A timestamp.txt says when a submission came; without one, or with a broken one, the file's own time."""
    assert submitted_at(tmp_path, "sums") is None
    (tmp_path / "sums.ipynb").write_text("{}")
    changed = datetime.fromtimestamp((tmp_path / "sums.ipynb").stat().st_mtime, UTC)
    assert submitted_at(tmp_path, "sums") == Submitted(changed, stamped=False)
    (tmp_path / "timestamp.txt").write_text("2026-03-01 20:00:00.000000 Asia/Shanghai\n")
    assert submitted_at(tmp_path, "sums") == Submitted(DUE, stamped=True)
    for broken in ("", "never", "99999999999999999999"):
        (tmp_path / "timestamp.txt").write_text(broken)
        assert submitted_at(tmp_path, "sums") == Submitted(changed, stamped=False)


def test_unreadable_files_are_one_line(toy):
    """A policy or a roster that is a folder is one line."""
    course = load_course(toy.exercises)
    (toy.class_data / "policy.toml").mkdir(parents=True)
    with pytest.raises(PolicyError, match=r"policy\.toml cannot be read"):
        load_policy(toy.class_data / "policy.toml", course)
    (toy.class_data / "roster.csv").mkdir()
    with pytest.raises(RosterError, match=r"roster\.csv cannot be read"):
        load_class(Layout(toy.root), course)


def test_collecting_keeps_times(toy, hand_in, right):
    """A collected submission keeps its time; the same bytes handed in again came when they first did."""
    course = load_course(toy.exercises)

    def collected(at):
        inbox = hand_in("ada", right)
        os.utime(inbox / "ada" / "a1-sums" / "sums.ipynb", (at, at))
        collect(toy, course, look_through(course, inbox, ["a1-sums"]))
        return submitted_at(submitted_folder(toy, "a1-sums", "ada"), "sums").at.timestamp()

    assert collected(1_000_000) == 1_000_000
    assert collected(2_000_000) == 1_000_000
    assert collected(500_000) == 500_000
    right["double"] += "\n"
    assert collected(3_000_000) == 3_000_000, "other bytes are another submission"


def test_collecting_takes_the_timestamp_along(toy, hand_in, right):
    """A timestamp.txt beside a submission counts; one that is a link, or huge, is not taken."""
    course = load_course(toy.exercises)
    inbox = hand_in("ada", right)
    stamp = inbox / "ada" / "a1-sums" / "timestamp.txt"
    stamp.write_text("2026-03-01 12:00:00 UTC")
    target = submitted_folder(toy, "a1-sums", "ada")

    def collected():
        collect(toy, course, look_through(course, inbox, ["a1-sums"]))
        return submitted_at(target, "sums")

    assert collected() == Submitted(DUE, stamped=True)
    stamp.rename(inbox / "elsewhere.txt")
    stamp.symlink_to(inbox / "elsewhere.txt")
    assert not collected().stamped
    stamp.unlink()
    stamp.write_text("2026-03-01 12:00:00 UTC" + " " * 1000)
    assert not collected().stamped
    assert not (target / "timestamp.txt").exists()


@pytest.mark.slow
def test_stranger_is_not_graded(toy, hand_in, right):
    """Who is not on the roster is told in one line and not graded; the others are, and the exit code is 1."""
    toy.class_data.mkdir()
    (toy.class_data / "roster.csv").write_text("id,last_name\nada,Lovelace\n")
    hand_in("ada", right)
    inbox = hand_in("zoe", right)
    result = CliRunner().invoke(main, ["--root", str(toy.root), "grade", "--from", str(inbox)])
    told = [line for line in result.output.splitlines() if "roster" in line]
    assert result.exit_code == 1
    assert len(told) == 1
    assert "not on the roster and not graded: zoe (1); add a line to" in told[0]
    assert read_verdict(verdict_path(toy, "a1-sums", "ada")).points == 5
    assert not verdict_path(toy, "a1-sums", "zoe").exists()
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 5}
