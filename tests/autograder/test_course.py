"""The course as data: what is wrong in camp.toml is said in one line that names it."""

import pytest
from camp.course import load_course
from camp.errors import CourseError, UnknownAssignmentError

FAULTS = {
    "a misspelt key": ('title = "Sums"', 'titel = "Sums"', "titel", "Sums"),
    "an empty title": ('title = "Sums"', 'title = ""', "assignment 'a1-sums', title", "''"),
    "an id with a blank": ('id = "a1-sums"', 'id = "a1 sums"', "assignment 'a1 sums', id", "a1 sums"),
    "an id with a plus": ('id = "a1-sums"', 'id = "a1+sums"', "assignment 'a1+sums', id", "a1+sums"),
    "an id that leaves the folder": ('id = "a1-sums"', 'id = "../a1"', "assignment '../a1', id", "../a1"),
    "a task id in capitals": (
        'id = "double"',
        'id = "Double"',
        "assignment 'a1-sums', task 'Double', id",
        "Double",
    ),
    "a task id too long": ('id = "double"', f'id = "{"d" * 41}"', "assignment 'a1-sums', task 'dddd", "dddd"),
    "no minutes": ("minutes = 4\n", "", "assignment 'a1-sums', task 'double', minutes", "Field required"),
    "minutes below one": ("minutes = 4", "minutes = 0", "assignment 'a1-sums', task 'double', minutes", "0"),
    "minutes as words": (
        "minutes = 4",
        'minutes = "four"',
        "assignment 'a1-sums', task 'double', minutes",
        "four",
    ),
    "a timeout of nothing": (
        "cell_timeout = 3",
        "cell_timeout = 0",
        "assignment 'a1-sums', cell_timeout",
        "0",
    ),
    "two hints": ('"Multiply.", ', "", "assignment 'a1-sums', task 'double', hints", "has 2 hints"),
    "an empty hint": ('"Multiply."', '""', "assignment 'a1-sums', task 'double', hints.1", "''"),
    "a task id twice": ('id = "total"', 'id = "double"', "assignment 'a1-sums', task", "double"),
    "an assignment id twice": ('id = "a2-words"', 'id = "a1-sums"', "assignment", "a1-sums"),
    "an assignment without an id": ('id = "a1-sums"\n', "", "assignment.0.id", "Field required"),
    "a task without an id": ('id = "double"\n', "", "assignment 'a1-sums', task.0.id", "Field required"),
    "no seed but a word": ("seed = 7", 'seed = "x"', "course.seed", "'x'"),
    "a key of ours": ('[course]\nid = "toy"', 'folder = "x"\n[course]\nid = "toy"', "folder", "folder"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_field_is_named(toy, fault):
    """A fault in camp.toml is one line that names the file, the field and the value."""
    old, new, field, value = FAULTS[fault]
    path = toy.exercises / "camp.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CourseError) as caught:
        load_course(toy.exercises)
    message = str(caught.value)
    assert field in message
    assert value in message
    assert "camp.toml" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "data",
    [b"", b"[course", b"\xff\xfe", b"[course]\nid = 'x'\ntitle = 'x'\n", b"assignment = []", b"course = 3"],
    ids=["empty", "not TOML", "not UTF-8", "no assignment", "no tasks", "wrong types"],
)
def test_file_that_is_no_course(toy, data):
    """Whatever the file holds, one line says what to mend."""
    (toy.exercises / "camp.toml").write_bytes(data)
    with pytest.raises(CourseError, match=r"camp\.toml") as caught:
        load_course(toy.exercises)
    assert "\n" not in str(caught.value)
    for internal in ("PosixPath", "CourseInfo", "Value error"):
        assert internal not in str(caught.value)


def test_missing_file(tmp_path):
    """A folder without camp.toml is said to be one, with what to do."""
    with pytest.raises(CourseError, match="does not exist; run camp in"):
        load_course(tmp_path)


def test_folder_in_the_place_of_the_file(tmp_path):
    """A folder called camp.toml is one line, not a traceback."""
    (tmp_path / "camp.toml").mkdir()
    with pytest.raises(CourseError, match="cannot be read"):
        load_course(tmp_path)


def test_long_values_are_cut(toy):
    """A value of many characters does not make a line of many characters."""
    path = toy.exercises / "camp.toml"
    text = path.read_text(encoding="utf-8").replace('id = "toy"', f'id = "{"+" * 5000}"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError) as caught:
        load_course(toy.exercises)
    assert len(str(caught.value).replace(str(path), "")) < 300


def test_the_nearest_assignment_is_named(sums):
    """A slip of the pen is met with the name that was meant."""
    with pytest.raises(UnknownAssignmentError, match="'a1-sum'; did you mean 'a1-sums'"):
        sums.course.find("a1-sum")


def test_where_none_is_near_all_are_named(sums):
    """A name that resembles nothing is met with all there is."""
    with pytest.raises(UnknownAssignmentError, match="a1-sums, a2-words"):
        sums.course.find("zzz")
