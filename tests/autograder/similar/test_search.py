"""The search over a class's files: who is paired with whom, what page and CSV show, what it endures."""

import csv
import io
from html.parser import HTMLParser

import nbformat
import pytest
from camp.answers import fill_in
from camp.paths import Layout
from camp.similar import look_for_copies, write_similar
from camp.similar.tokens import tokens

OWN = """\
def total(numbers):
    # halves, because <b>I</b> like halves & trees
    if not numbers:
        return 0
    stack, seen = [numbers], []
    while stack:
        part = stack.pop()
        if len(part) == 1:
            seen.append(part[0])
            continue
        middle = len(part) // 2
        stack.extend([part[:middle], part[middle:]])
    answer = seen[0]
    for value in seen[1:]:
        answer = answer + value
    return answer
"""
RENAMED = OWN.replace("stack", "todo").replace("part", "piece").replace("value", "v").split("# halves")
RENAMED = RENAMED[0] + "# my own idea" + RENAMED[1].partition("trees")[2]
OTHER = """\
def total(numbers):
    from functools import reduce
    return reduce(lambda a, b: a + b, numbers, 0)
"""


class Text(HTMLParser):
    """The tags of a page and the text in its pre elements."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.pres, self._inside = set(), [], False
        self.feed(text)

    def handle_starttag(self, tag, _attrs):
        """Note a tag, and the start of a pre."""
        self.tags.add(tag)
        if tag == "pre":
            self._inside = True
            self.pres.append("")

    def handle_endtag(self, tag):
        """Note the end of a pre."""
        self._inside = self._inside and tag != "pre"

    def handle_data(self, data):
        """Collect the text of a pre."""
        if self._inside:
            self.pres[-1] += data


@pytest.fixture
def search(tmp_path, sums):
    """Search in a class of these answers to `total`, by learner; bytes are handed in as they are."""

    def run(answers):
        submitted = []
        for learner, answer in answers.items():
            path = tmp_path / f"{len(submitted)}.ipynb"
            if isinstance(answer, bytes):
                path.write_bytes(answer)
            else:
                path.write_text(nbformat.writes(fill_in(sums, {"total": answer})), encoding="utf-8")
            submitted.append((learner, path))
        return look_for_copies(sums, submitted)

    return run


def test_a_renamed_copy_is_found(search):
    """The copier is paired with the author, the others with nobody."""
    found = search({"ada": OWN, "bo": RENAMED, "cleo": OTHER, "dima": "", "eve": b"no notebook"})
    (like,) = found.likenesses
    assert like.learners == ("ada", "bo")
    assert [(p.first.task, p.share) for p in like.pairs] == [("total", 1.0)]
    assert like.pairs[0].same_names < 1
    assert like.pairs[0].same_comments == 0
    assert (found.compared, found.unjudged) == ({"double": 0, "total": 4}, {"double": 0, "total": 2})
    assert found.clusters == []


def test_same_comments_make_it_surer(search):
    """A word-for-word copy shares names and comments, which is told and counts as strong."""
    (like,) = search({"ada": OWN, "bo": OWN, "cleo": OTHER}).likenesses
    assert (like.pairs[0].same_names, like.pairs[0].same_comments) == (1.0, 1)
    assert like.sureness == "strong"


def test_who_copied_from_one_is_one_cluster(search):
    """Three who hold the same answer are one cluster, also when only some pairs are close."""
    found = search({"ada": OWN, "bo": RENAMED, "cleo": OWN, **{f"x{n}": OTHER for n in range(9)}})
    assert found.clusters == [["ada", "bo", "cleo"]]
    assert len(found.likenesses) == 3


def test_what_half_the_class_wrote_accuses_nobody(search):
    """An answer that many have is from a page or a lecture; it weighs too little to pair anybody."""
    assert search({f"x{n}": OWN if n % 2 else OTHER for n in range(40)}).likenesses == []


def test_side_by_side(search, tmp_path):
    """The page holds both answers whole, as text and not as markup; the CSV has a row for the pair."""
    page = write_similar(
        Layout(tmp_path), search({"<i>ada</i>": OWN, "=bo": OWN + "# </pre><script>x</script>\n"})
    )
    shown = Text(page.read_text(encoding="utf-8"))
    assert not {"script", "b", "i", "link", "img"} & shown.tags - {"b"}
    assert [pre.strip() for pre in shown.pres] == [OWN.strip(), OWN + "# </pre><script>x</script>"]
    assert "mark" in shown.tags
    rows = list(csv.DictReader(io.StringIO(page.with_suffix(".csv").read_text(encoding="utf-8-sig"))))
    assert [(r["first"], r["second"], r["task"]) for r in rows] == [("<i>ada</i>", "'=bo", "total")]


def test_nobody_handed_in_two_alike(search, tmp_path):
    """The page of an innocent class says that there is nothing."""
    page = write_similar(Layout(tmp_path), search({"ada": OTHER}))
    assert "no two answers share enough" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "source", ["", "def (:", "'''", "\\", "\0\x01", "f'{", "x = 'a' 'b'\r\ny=1", "王 = 1"]
)
def test_tokens_of_anything(source):
    """Text that is no Python has tokens all the same, each with its place."""
    found = tokens(source)
    assert len(found.words) == len(found.places)
    assert all(0 <= begin < end <= len(source) for begin, end in found.places)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = b + 1  # why", "x=y+1"),
        ("f(a,\n  b,\n)", "f(c, d)"),
        ("s = r'\\d' \"x\"", "t = '\\\\dx'"),
        ("self.mean = mean", "self.mu = mu"),
        ("result = torch.add(a, b)", "r = torch.add(x, y)"),
    ],
)
def test_same_tokens(one, other):
    """Names, layout, quotes and comments do not show."""
    known = frozenset({"torch"})
    assert tokens(one, known).words == tokens(other, known).words


def test_calls_do_show():
    """What is called is not a matter of taste: other functions and methods are other tokens."""
    known = frozenset({"torch"})
    assert tokens("r = torch.add(a, b)", known).words != tokens("r = torch.sub(a, b)", known).words
    assert tokens("r = len(a)").words != tokens("r = sum(a)").words
