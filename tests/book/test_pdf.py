"""The printed book: chapters in order, Chinese that a search finds, links that lead somewhere, none cut."""

from __future__ import annotations

import ctypes
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from pypdf import PdfReader

# isort: split
import pdf

import build

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
CURLY = "\N{RIGHT SINGLE QUOTATION MARK}"
ORDER = pdf.reading_order(ROOT / "book")
CHAPTERS = [
    pdf.Chapter("index", "", "The camp", '<h2 id="index--the-camp">The camp</h2>'),
    pdf.Chapter("part1/a", "1 · One", 'A "first" & last', '<h2 id="part1-a--a">A first</h2>'),
    pdf.Chapter("part1/b", "1 · One", "B", '<h2 id="part1-b--b">B</h2><p><a href="#part1-a">A</a></p>'),
]


@pytest.fixture(scope="module")
def printed(site: Path) -> Path:
    """The whole book, printed by the command that authors use."""
    del site
    command = [sys.executable, str(ROOT / "book" / "pdf.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "pdf" / pdf.NAME


@pytest.fixture(scope="module")
def sheets(printed: Path) -> list[str]:
    """The text of each sheet, as a viewer's search finds it."""
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(printed)]


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    "word", ["昇腾", "梯度", "损失缩放", "自动迁移", "混合精度", "主权重", "华为集合通信库"]
)
def test_chinese_words_are_text(sheets, word):
    """A Chinese term is found by a search, and no sheet names a radical in place of a character."""
    assert any(word in text for text in sheets)
    assert [n for n, text in enumerate(sheets, 1) if any("\u2e80" <= char <= "\u2fdf" for char in text)] == []


@pytest.fixture(scope="module")
def marks(printed: Path) -> list[tuple[int, str, int]]:
    """The outline's first two levels: level, title with plain quotes, and sheet, counted from 1."""
    toc = list(pypdfium2.PdfDocument(printed).get_toc())
    return [
        (mark.level, mark.get_title().replace(CURLY, "'"), mark.get_dest().get_index() + 1)
        for mark in toc
        if mark.level <= 1
    ]


@pytest.mark.slow
@pytest.mark.browser
def test_outline_has_every_chapter_in_order(marks):
    """The outline names the parts, and in them the chapters, in the order of the table of contents."""
    wanted = dict.fromkeys(part for _, part in ORDER if part)
    assert [title for level, title, _ in marks if level == 0] == ["Contents", *wanted]
    chapters = pdf.course_map.read_chapters(ROOT / "book")
    assert [title for level, title, _ in marks if level == 1][1:] == [chapter.title for chapter in chapters]


@pytest.mark.slow
@pytest.mark.browser
def test_sheets_carry_numbers_and_titles(marks, sheets):
    """Sheets have their number, a chapter's its title; the contents tell where it begins."""
    for number, text in enumerate(sheets[1:], start=2):
        assert str(number) in text.split()
    contents = "".join("".join(sheets[1:3]).split()).replace(CURLY, "'")
    for title, number in [(title, number) for level, title, number in marks if level == 1]:
        assert sheets[number - 1].replace(CURLY, "'").startswith(title)
        assert f"{''.join(title.split())}{number}" in contents


def _leads_to(document, link):
    """The index of the sheet that a link leads to, or its address."""
    place = pdfium.FPDFLink_GetDest(document, link)
    if place:
        return pdfium.FPDFDest_GetDestPageIndex(document, place)
    action = pdfium.FPDFLink_GetAction(link)
    buffer = ctypes.create_string_buffer(4096)
    pdfium.FPDFAction_GetURIPath(document, action, buffer, len(buffer))
    return buffer.value.decode()


@pytest.mark.slow
@pytest.mark.browser
def test_links_lead_to_sheets_or_out(printed):
    """Each link leads to a sheet of the book or to an address elsewhere."""
    document = pypdfium2.PdfDocument(printed)
    inside = outside = 0
    for page in document:
        position, link = ctypes.c_int(0), pdfium.FPDF_LINK()
        while pdfium.FPDFLink_Enumerate(page, ctypes.byref(position), ctypes.byref(link)):
            target = _leads_to(document, link)
            if isinstance(target, int):
                assert 0 <= target < len(document)
                inside += 1
            else:
                assert target.startswith(("http://", "https://", "mailto:"))
                assert pdf.HOME not in target
                outside += 1
    assert inside > 300
    assert outside > 100


@pytest.mark.slow
@pytest.mark.browser
def test_no_sheet_is_blank(sheets):
    """Each sheet says more than its number."""
    assert [number for number, text in enumerate(sheets, start=1) if len(text.split()) < 3] == []


@pytest.mark.slow
@pytest.mark.browser
def test_nothing_is_printed_twice(printed):
    """What is there and current is not printed again."""
    before = printed.stat().st_mtime_ns
    command = [sys.executable, str(ROOT / "book" / "pdf.py")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert "up to date" in said
    assert printed.stat().st_mtime_ns == before


# --- the parts of it ---------------------------------------------------------------------------------


@pytest.fixture
def print_pages(browser: Browser, tmp_path: Path):
    """Print chapters as the book is printed, with nothing of the site but what they hold."""

    def run(chapters):
        page = browser.new_page()
        try:
            return pdf.print_with_numbers(page, tmp_path, chapters, [], "Release 1.2.0")
        finally:
            page.close()

    return run


@pytest.mark.slow
@pytest.mark.browser
def test_contents_name_the_sheets(print_pages):
    """Printed until the contents are true: a chapter's number there is the sheet it begins on."""
    data = print_pages(CHAPTERS)
    found = pdf.sheets(data)
    assert (found["index"], found["part-1-one"], found["part1-a"], found["part1-b"]) == (3, 4, 5, 6)
    text = PdfReader(io.BytesIO(data)).pages[1].extract_text()
    assert [line.split()[-1] for line in text.splitlines() if line[-1:].isdigit()][-4:] == [
        "3",
        "4",
        "5",
        "6",
    ]


@pytest.mark.slow
@pytest.mark.browser
def test_same_pages_make_the_same_file(print_pages):
    """Two prints of the same chapters are the same to the byte, whenever they were made."""
    first, second = (pdf.finished(print_pages(CHAPTERS)) for _ in range(2))
    assert first == second
    assert len(PdfReader(io.BytesIO(first)).pages) == 6


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("inside", "error", "says"),
    [
        ('<div style="width: 900px">long</div>', pdf.TooWideError, "part1-c: <div> is .* px wider .*: long"),
        ('<p><a href="#part9-none">x</a></p>', pdf.BrokenLinkError, "'part9-none', which is not printed"),
    ],
)
def test_what_cannot_be_printed_well_is_refused(print_pages, inside, error, says):
    """What runs off the sheet, and a link to what is not there, stop the print with the place."""
    chapter = pdf.Chapter("part1/c", "1 · One", "C", f"<h2>C</h2>{inside}")
    with pytest.raises(error, match=says):
        print_pages([*CHAPTERS, chapter])


@pytest.mark.slow
@pytest.mark.browser
def test_wide_code_and_tables_are_folded(print_pages):
    """A long line of code and a table of long words end at the margin, and every letter is there."""
    words = "x" * 300
    table = f'<table class="table"><tr><td>{words}</td><td>{words}</td></tr></table>'
    data = print_pages([pdf.Chapter("c", "", "C", f"<h2>C</h2><pre>{words}</pre>{table}")])
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    assert text.count("x") == 900


def test_titles_are_quoted():
    """A title with quotes and an ampersand breaks neither the styles nor the contents."""
    text = pdf.document(CHAPTERS, [], "", {})
    assert r'content: "A \"first\" & last"' in text
    assert "A &quot;first&quot; &amp; last" in text


def test_unknown_times_are_refused():
    """A file whose times are not where they were is not passed off as reproducible."""
    with pytest.raises(pdf.PdfError, match="wrote 0 times"):
        pdf.finished(b"%PDF-1.4")


def test_missing_browser_is_one_line(monkeypatch):
    """Without Chromium the error names the package to install."""
    monkeypatch.setattr(pdf.shutil, "which", lambda _name: None)
    with pytest.raises(pdf.NoBrowserError, match="install the package chromium"):
        pdf.browser()


def test_site_must_be_there(tmp_path):
    """Without a current site there is nothing to print, and the error says what makes one."""
    layout = build.Layout(tmp_path)
    for folder in (layout.book, tmp_path / "simulator", tmp_path / "tests" / "simulator"):
        folder.mkdir(parents=True)
    with pytest.raises(pdf.PdfError, match=r"run book/build\.py first"):
        pdf.require_site(layout)


class Shifting:
    """An element that a diagram further up pushes down while its first pictures are taken."""

    def __init__(self, pushes: int) -> None:
        self.left, self.pictures = pushes, 0

    def evaluate(self, script: str) -> list[int] | None:
        """Where it is, if that was asked."""
        return [0, -self.left, 9, 9] if script == pdf.PLACE else None

    def screenshot(self, **_: object) -> bytes:
        """A picture, after which it may lie elsewhere."""
        self.pictures += 1
        self.left = max(self.left - 1, 0)
        return b"picture %d" % self.pictures


def test_what_shifts_is_pictured_again():
    """A picture counts only if its element stayed where it was; one that never does is an error."""
    assert pdf.picture_of(Shifting(0)) == b"picture 1"
    assert pdf.picture_of(Shifting(2)) == b"picture 3"
    with pytest.raises(pdf.PdfError, match="does not stand still"):
        pdf.picture_of(Shifting(1000))


@pytest.mark.slow
@pytest.mark.browser
def test_what_a_cell_printed_stays_beside_its_widget(browser: Browser):
    """Of a cell's output only the widget becomes a picture; what the cell printed stays text."""
    page = browser.new_page()
    try:
        page.set_content(
            '<div class="cell_output"><pre>3267 frames</pre>'
            '<div class="widget-subarea"><p>the film</p></div></div>'
            '<div class="camp-live">the slider</div>'
        )
        for shown in page.locator(".cell_output, .camp-live").all():
            shown.evaluate(pdf.STILL, ["", "http://book.invalid/a"])
        assert page.locator(".cell_output > pre").inner_text() == "3267 frames"
        texts = [image.get_attribute("alt") or "" for image in page.locator("img").all()]
        assert [text.rpartition(": ")[2] for text in texts] == ["the film", "the slider"]
    finally:
        page.close()
