"""The book proof-read: links, pictures, headings, spelling, terms and minutes of every page."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .conftest import ROOT

BOOK = ROOT / "book"
PAGES = [BOOK / "index.md", *sorted(BOOK.glob("part*/*.md"))]
GLOSSARY = BOOK / "part5" / "glossary.md"
WORDS = Path(__file__).with_name("words.txt")
HAN = re.compile(r"[\u3400-\u9fff]")
FENCE = re.compile(r"^ *(`{3,})[^\n]*\n.*?^ *\1 *$", re.DOTALL | re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


def source(page: Path) -> str:
    """The page without its header."""
    return re.sub(r"\A---\n.*?^---\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """What its author says: no code, no addresses, no list of sources; lines stay where they are."""
    text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), source(page))
    text = re.sub(r"^## Sources\n.*", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", " ", text)
    return re.sub(r"\]\([^)\n]*\)|<https?:[^>]*>", "]", text)


# --- headings and pictures ------------------------------------------------------------------------


@each_page
def test_headings_go_down_one_level_at_a_time(page: Path) -> None:
    """One title at the top; below a heading comes the next level, never the one after; no heading twice."""
    headings = re.findall(r"^(#+) (.+)$", FENCE.sub("", source(page)), re.MULTILINE)
    levels = [len(marks) for marks, _ in headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    inside = [text for marks, text in headings if len(marks) == 2]
    assert [text for text, count in Counter(inside).items() if count > 1] == []


@each_page
def test_every_drawing_says_what_it_shows(page: Path) -> None:
    """A picture or diagram has a text for those who cannot see it."""
    text = source(page)
    assert re.findall(r"!\[\s*\]\([^)]*\)", text) == []
    for directive in ("image", "figure", "mermaid"):
        for options in re.findall(
            rf"^ *`{{3,}}\{{{directive}\}}[^\n]*\n((?: *:[\w-]+:[^\n]*\n)*)", text, re.MULTILINE
        ):
            assert re.search(r":alt: *\S", options), f"{directive} without :alt: in {page.name}"


@pytest.mark.parametrize("path", sorted((BOOK / "_images").glob("*.html")), ids=lambda path: path.stem)
def test_every_svg_has_a_name(path: Path) -> None:
    """A drawing in SVG is an image with a label, or with a title and a description that it refers to."""
    text = path.read_text(encoding="utf-8")
    drawings = re.findall(r"<(?:svg|div)\b[^>]*role=\"img\"[^>]*>", text)
    assert drawings
    assert len(re.findall(r"<svg\b", text)) <= len(drawings)
    for tag in drawings:
        names = re.findall(r'aria-labelledby="([^"]+)"', tag)
        assert "aria-label=" in tag or (names and all(f'id="{name}"' in text for name in names[0].split()))


@each_page
def test_every_column_of_a_table_has_a_name(page: Path) -> None:
    """Who hears a table read out is told the column's name with each cell."""
    heads = re.findall(r"^(\|.*)\n\|[ :|-]+\|$", FENCE.sub("", source(page)), re.MULTILINE)
    assert [head for head in heads if any(not cell.strip() for cell in head.strip("|").split("|"))] == []


# --- spelling and terms ---------------------------------------------------------------------------


def test_no_word_is_misspelt() -> None:
    """No word of pages, drawings, assignments and files at the root is a typing error known to codespell."""
    places = [*BOOK.glob("part*"), *BOOK.glob("*.md"), BOOK / "_images", BOOK / "explorables"]
    places += [*(ROOT / "exercises").glob("*/*.md"), ROOT / "exercises" / "camp.toml", *ROOT.glob("*.md")]
    command = [sys.executable, "-m", "codespell_lib", "--builtin", "clear,rare,names", "-I", str(WORDS)]
    done = subprocess.run([*command, *map(str, places)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


# A program for a computer and a story that is told are spelt so in Britain as well; the others are names.
SPELT_SO = {
    "program",
    "programs",
    "story",
    "stories",
    "optimizer",
    "optimizers",
    "finalize",
    "initialize",
    "initialized",  # as Python says it of a module
    "optimization",
}


@cache
def american() -> dict[str, str]:
    """American spellings with the British ones, from codespell's dictionary."""
    import codespell_lib

    path = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
    pairs = (line.split("->") for line in path.read_text(encoding="utf-8").splitlines())
    return {us.split(",")[0].strip(): gb for gb, us in pairs}


@each_page
def test_spelling_is_british_throughout(page: Path) -> None:
    """Colour, normalise, licence: one spelling in the whole book. Names in code keep theirs."""
    words = set(re.findall(r"[a-z]+", prose(page).lower())) - SPELT_SO
    assert {word: american()[word] for word in words if word in american()} == {}


# What a concept or product is not called here, and what it is.
VARIANTS = {
    r"AI core|AiCore|Ai Core": "AI Core",
    r"(?<![\w/.@-])(?:pytorch|Pytorch)(?![\w/.-])": "PyTorch",
    r"Da Vinci|davinci|Davinci": "DaVinci",
    r"AscendCl|Ascend CL": "AscendCL",
    r"[Pp]age-locked": "pinned memory",
    r"[Mm]ulti-?card": "several cards",
    r"[Aa]ll ?reduce|AllReduce": "all-reduce",
    r"[Hh]alf-precision": "half precision, or float16",
    r"[Cc]olour map|[Tt]imeline": "time line",
    r"[Ww]ork-around": "workaround",
    r"[Pp]re-processing": "preprocessing",
    r"[Oo]n-line": "online",
    r"[Gg]ra?dient[- ]scaler": "gradient scaler is GradScaler; the method is loss scaling",
    r"[Ll]oss scaler?\b(?!s)(?! of)": "loss scaling",
    r"华为芯片|升腾|异腾": "昇腾",
    r"混合精度度|混精": "混合精度",
    r"页锁定内存|固定内存": "锁页内存",
    r"多卡训练": "数据并行",
    r"应用日志": "应用类日志",
}


@each_page
def test_things_are_called_by_one_name(page: Path) -> None:
    """None of the other names that a concept has elsewhere is used in the text."""
    text = prose(page)
    found = [(m[0], name) for variant, name in VARIANTS.items() for m in re.finditer(variant, text)]
    names_of_products = {("Pre-Processing", "preprocessing")}
    assert [pair for pair in found if pair not in names_of_products] == []


@cache
def terms() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """The glossary's rows: the English names and the Chinese ones of each."""
    rows = []
    for line in source(GLOSSARY).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and HAN.search(cells[1]) and cells[1] != "中文":
            english = [name.lower() for name in cells[0].split(", ")]
            if english[0] in {"static", "dynamic"}:  # "static, dynamic AIPP": the noun belongs to both
                english[0] += f" {english[-1].partition(' ')[2]}"
            rows.append((tuple(english), tuple(cells[1].split("、"))))
    return tuple(rows)


def test_a_concept_has_one_english_and_one_chinese_name() -> None:
    """No name stands in two rows of the glossary."""
    english, chinese = (Counter(name for row in terms() for name in row[side]) for side in (0, 1))
    assert len(terms()) > 100
    assert [name for name, count in chinese.items() if count > 1] == []
    assert [name for name, count in english.items() if count > 1] == []


@each_page
def test_chinese_names_are_the_glossarys(page: Path) -> None:
    """Where a term of the glossary is followed by a Chinese name in brackets, it is the glossary's name."""
    by_english = {name: set(chinese) for english, chinese in terms() for name in english}
    wrong = []
    for before, inside in re.findall(r"([^\n()|]*)\(([^()\n]*[\u3400-\u9fff][^()\n]*)\)", prose(page)):
        named = re.sub(r"[*\]\[]", "", before).strip().lower()
        term = max(
            (name for name in by_english if re.search(rf"(?:^|\W){re.escape(name)}$", named)),
            key=len,
            default="",
        )
        given = {name.strip() for name in re.split(r"、|, ", inside) if HAN.search(name)}
        if term and not given & by_english[term]:
            wrong.append((term, given, by_english[term]))
    assert wrong == []


# --- minutes --------------------------------------------------------------------------------------

WORDS_A_MINUTE = 75  # read in a foreign language, with the figures
MINUTES_A_CELL = 0.75  # looked at with its output
LINES_A_MINUTE = 12  # of code
MINUTES_AT_LEAST = 5  # the opening and the questions at the end
MINUTES_A_QUESTION = 0.75  # of a self-test that a page brings
BETWEEN = (2 / 3, 3 / 2)


def expected_minutes(page: Path) -> float:
    """How long a page takes by its words, cells and lines of code."""
    text = source(page)
    cells = [
        cell
        for cell in re.findall(r"^```\{code-cell\}.*?^```", text, re.DOTALL | re.MULTILINE)
        if "remove-" not in cell
    ]
    lines = sum(bool(line.strip()) and line[0] != ":" for cell in cells for line in cell.splitlines()[1:-1])
    words = len(re.findall(r"[A-Za-z][\w'\u2019-]*", prose(page)))
    topics = tomllib.loads((BOOK / "explorables" / "self_test.toml").read_text(encoding="utf-8"))["topic"]
    questions = sum(len(topic["questions"]) for topic in topics) if "self_test" in text else 0
    return (
        MINUTES_AT_LEAST
        + words / WORDS_A_MINUTE
        + MINUTES_A_CELL * len(cells)
        + lines / LINES_A_MINUTE
        + MINUTES_A_QUESTION * questions
    )


@each_page
def test_minutes_fit_the_words(page: Path) -> None:
    """What a page says that it takes is between two thirds and one and a half of what its length suggests."""
    told = re.search(r"^Time\n: (\d+) minutes", source(page), re.MULTILINE)
    if told is None:
        assert page.parent.name in {"book", "part5"}, "a chapter says how long it takes"
        return
    minutes = int(told[1])
    assert minutes % 5 == 0
    low, high = (share * expected_minutes(page) for share in BETWEEN)
    assert low <= minutes <= high, (
        f"{page.stem} says {minutes} minutes; its length is for {low:.0f} to {high:.0f}"
    )


# --- links ----------------------------------------------------------------------------------------


@cache
def labels() -> set[str]:
    """The names that pages give to headings of theirs: `(error-mixed)=`."""
    return {name for page in PAGES for name in re.findall(r"^\(([\w-]+)\)=$", source(page), re.MULTILINE)}


@each_page
def test_links_in_the_source_name_files_that_exist(page: Path) -> None:
    """A link to a page or file beside it leads to one."""
    text = re.sub(r"`[^`\n]*`", " ", FENCE.sub("", source(page)))
    for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", text):
        assert urlsplit(target).scheme or target in labels() or (page.parent / target).is_file(), target


def test_what_the_home_page_and_the_map_name_exists() -> None:
    """Commands of make and of camp, files and addresses in the first pages and the README are there."""
    from camp.cli import main as camp

    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = set(camp.commands)
    for path in (BOOK / "index.md", *(BOOK / "part0").glob("*.md"), ROOT / "README.md"):
        text = path.read_text(encoding="utf-8")
        assert (
            set(re.findall(r"\bmake ([a-z]+)\b", " ".join(re.findall(r"`[^`]+`|```.*?```", text, re.DOTALL))))
            <= rules
        )
        assert set(re.findall(r"(?:`|^)camp ([a-z]+)\b", text, re.MULTILINE)) <= commands
        for folder in re.findall(r"`((?:book|exercises|autograder|simulator|tests)/[\w./-]*)`", text):
            assert (ROOT / folder).exists(), f"{path.name} names {folder}"


class Links(HTMLParser):
    """Collects what a page of the site links to and loads, its names, and pictures without a text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.names: set[str] = set()
        self.mute: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        found = dict(attrs)
        self.targets |= {found[key] or "" for key in ("href", "src") if key in found}
        self.names |= {found[key] or "" for key in ("id", "name") if key in found}
        if tag == "img" and "alt" not in found:
            self.mute.append(str(attrs))


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    """Pages, headings, pictures, scripts and styles that a page names are there; pictures have a text."""
    found = [
        path for path in site.rglob("*.html") if path.relative_to(site).parts[0] not in {"vendor", "_static"}
    ]
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in found}
    assert len(pages) > 40
    lost = []
    for path, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = aim.is_file() or (aim / "index.html").is_file()
            named = not parts.fragment or aim not in pages or unquote(parts.fragment) in pages[aim].names
            if not (there and named) and not (path.name == "search.html" and parts.fragment):
                lost.append((path.relative_to(site).as_posix(), target))
        assert links.mute == [], path
    assert lost == []


@pytest.mark.slow
def test_no_page_shows_a_path_of_the_machine_that_built_it(site: Path) -> None:
    """Outputs would change with the folder, and tell a stranger about it."""
    at = [path.name for path in site.rglob("*.html") if str(ROOT) in path.read_text(encoding="utf-8")]
    assert at == []


@pytest.mark.slow
def test_no_table_stands_there_as_its_source(site: Path) -> None:
    """A table that a cell makes is drawn as one, not as lines of bars."""
    at = [
        path.name
        for path in site.rglob("*.html")
        if re.search(r"<p>\|.*\|", path.read_text(encoding="utf-8"))
    ]
    assert at == []
