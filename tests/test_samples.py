"""The sample manual and its questions: complete, the same in both languages, every quote where it is said to be."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import docx
import pypdfium2
import pytest
from docx.document import Document as WordDocument
from docx.table import Table

from samples.build import LANGUAGES, SAMPLES, Volume, load_volumes, parse_markdown, squeeze

MONTHS = "January February March April May June July August September October November December".split()
KINDS = {"fact", "number", "procedure", "table", "definition", "comparison", "multi-hop"}
FIELDS = [
    "id",
    "pair",
    "lang",
    "question",
    "answer",
    "answerable",
    "kind",
    "source",
    "section",
    "quote",
    "page",
]
PAGES = {"en": 16, "zh": 16}


def built(volume: Volume) -> Path:
    return SAMPLES / "manual" / volume.meta["lang"] / volume.file


def volume_of(language: str, kind: str) -> Volume:
    return next(volume for volume in load_volumes(language) if volume.meta["format"] == kind)


@cache
def sections(language: str, file: str) -> dict[str, str]:
    """Heading -> the text below it, without markup, cells and paragraphs separated by a blank."""
    volume = next(volume for volume in load_volumes(language) if volume.file == file)
    found: dict[str, str] = {}
    heading, is_heading = "", False
    for token in parse_markdown(volume.body):
        if token.type == "heading_open":
            is_heading = True
        elif token.type == "inline":
            text = "".join(
                child.content or " " for child in token.children or [] if "strong" not in child.type
            )
            if is_heading:
                heading, is_heading = text, False
                assert heading not in found, heading
                found[heading] = ""
            else:
                found[heading] += text + " "
    return found


@cache
def pdf_pages(path: Path) -> list[str]:
    """Text of every page; the footer, which the PDF writes first, is cut off."""
    with pypdfium2.PdfDocument(path) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return [texts[0], *(text.split("\n", 1)[1] for text in texts[1:])]


@cache
def docx_text(path: Path) -> str:
    document: WordDocument = docx.Document(str(path))
    parts = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            parts += [cell.text for row in block.rows for cell in row.cells]
        else:
            parts.append(block.text)
    return " ".join(parts)


@cache
def built_text(path: Path) -> str:
    if path.suffix == ".pdf":
        return " ".join(pdf_pages(path))
    if path.suffix == ".docx":
        return docx_text(path)
    # Parsed once more, because a list's numbers stand between its items.
    tokens = parse_markdown(path.read_text(encoding="utf-8"))
    return " ".join(token.content for token in tokens if token.type == "inline")


@cache
def questions(language: str) -> list[dict]:
    lines = (SAMPLES / "questions" / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def numbers(text: str) -> Counter[str]:
    """Every number in a text, with thousands unmarked and English month names counted as Chinese months are."""
    for index, month in enumerate(MONTHS, 1):
        text = text.replace(month, str(index))
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    return Counter(re.findall(r"\d+(?:\.\d+)*", text))


def test_three_formats_per_language() -> None:
    for language in LANGUAGES:
        assert [volume.meta["format"] for volume in load_volumes(language)] == ["pdf", "docx", "md"]
        folder = SAMPLES / "manual" / language
        assert {path.name for path in folder.iterdir()} == {volume.file for volume in load_volumes(language)}
        assert all(path.stat().st_size < 1_000_000 for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["pdf", "docx", "md"])
def test_both_languages_give_the_same_numbers_in_every_section(kind: str) -> None:
    english, chinese = (sections(language, volume_of(language, kind).file) for language in ("en", "zh"))
    assert [title.split()[0] for title in english] == [title.split()[0] for title in chinese]
    for (title, left), right in zip(english.items(), chinese.values(), strict=True):
        assert numbers(left) == numbers(right), title


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_passage_is_printed_twice(language: str) -> None:
    paragraphs = Counter(
        token.content
        for volume in load_volumes(language)
        for token in parse_markdown(volume.body)
        if token.type == "inline" and len(token.content) > (30 if language == "zh" else 60)
    )
    assert [text for text, count in paragraphs.items() if count > 1] == []


@pytest.mark.parametrize("kind", ["pdf", "docx", "md"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_built_file_holds_all_of_its_source(language: str, kind: str) -> None:
    volume = volume_of(language, kind)
    text = squeeze(built_text(built(volume)))
    for title, body in sections(language, volume.file).items():
        assert squeeze(title) in text
        assert all(squeeze(sentence) in text for sentence in re.split(r"(?<=[.。])\s", body)), title


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf_has_cover_contents_and_bookmarks(language: str) -> None:
    volume = volume_of(language, "pdf")
    pages = pdf_pages(built(volume))
    assert abs(len(pages) - PAGES[language]) <= 1
    assert volume.meta["subtitle"] in pages[0]
    with pypdfium2.PdfDocument(built(volume)) as document:
        bookmarks = [(entry.get_title(), entry.get_dest().get_index() + 1) for entry in document.get_toc()]
    assert [title for title, _ in bookmarks] == list(sections(language, volume.file))
    for title, page in bookmarks:
        assert squeeze(title) in squeeze(pages[page - 1])
        assert squeeze(f"{title}{page}") in squeeze(pages[1]), "the contents name another page"


def test_chinese_text_can_be_taken_from_the_pdf() -> None:
    text = " ".join(pdf_pages(built(volume_of("zh", "pdf"))))
    assert len(re.findall(r"[\u4e00-\u9fff]", text)) > 5000
    # Radicals and private characters in place of letters are how a broken font mapping shows.
    assert re.findall(r"[\u2e80-\u2fdf\ue000-\uf8ff\ufffd]", text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_docx_has_real_headings_lists_and_tables(language: str) -> None:
    volume = volume_of(language, "docx")
    document = docx.Document(str(built(volume)))
    tokens = parse_markdown(volume.body)
    styles = Counter(paragraph.style.name for paragraph in document.paragraphs if paragraph.style)
    assert styles["Heading 1"] == sum(token.type == "heading_open" and token.tag == "h2" for token in tokens)
    assert styles["Heading 2"] == sum(token.type == "heading_open" and token.tag == "h3" for token in tokens)
    assert styles["List Number"] > 20
    assert len(document.tables) == sum(token.type == "table_open" for token in tokens) >= 8
    assert all(table.rows[0]._tr.xpath("./w:trPr/w:tblHeader") for table in document.tables)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_120_questions_one_in_five_unanswerable(language: str) -> None:
    rows = questions(language)
    assert len(rows) == 120
    assert all(list(row) == FIELDS and row["lang"] == language and row["kind"] in KINDS for row in rows)
    assert len({row["id"] for row in rows}) == len({row["question"] for row in rows}) == 120
    assert {row["kind"] for row in rows if row["answerable"]} == KINDS
    for row in rows:
        if not row["answerable"]:
            assert row["answer"] == ""
            assert row["source"] is row["section"] is row["quote"] is row["page"] is None
    assert sum(not row["answerable"] for row in rows) == 24
    per_file = Counter(row["source"] for row in rows if row["answerable"])
    assert len(per_file) == 3
    assert min(per_file.values()) >= 15


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_quote_stands_in_its_section_and_in_the_built_file(language: str) -> None:
    for row in questions(language):
        if not row["answerable"]:
            continue
        quote = squeeze(row["quote"])
        places = [
            (volume.file, title)
            for volume in load_volumes(language)
            for title, body in sections(language, volume.file).items()
            if quote in squeeze(body)
        ]
        assert places == [(row["source"], row["section"])], row["id"]
        path = SAMPLES / "manual" / language / row["source"]
        assert quote in squeeze(built_text(path)), row["id"]
        if path.suffix == ".pdf":
            assert quote in squeeze(pdf_pages(path)[row["page"] - 1]), row["id"]
        else:
            assert row["page"] is None


def test_pairs_ask_the_same_and_agree_in_every_number() -> None:
    for english, chinese in zip(questions("en"), questions("zh"), strict=True):
        assert english["pair"] == chinese["pair"]
        assert english["answerable"] is chinese["answerable"]
        assert english["kind"] == chinese["kind"]
        assert (english["section"] or "").split()[:1] == (chinese["section"] or "").split()[:1]
        assert numbers(english["answer"]) == numbers(chinese["answer"]), english["id"]
        assert english["page"] is None or chinese["page"] is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_are_short_and_questions_are_not_copied(language: str) -> None:
    for row in questions(language):
        if row["answerable"]:
            length = len(squeeze(row["answer"])) if language == "zh" else len(row["answer"].split())
            assert 1 <= length <= (40 if language == "zh" else 15), row["id"]
            assert squeeze(row["quote"]) not in squeeze(row["question"]), row["id"]
