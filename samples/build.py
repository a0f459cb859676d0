"""Builds the sample manual from its Markdown source: one PDF, one DOCX and one Markdown file per language.

    python -m samples.build [--language en|zh] [--chromium PATH] [--fonts FOLDER]

The PDF is printed by Chromium in two passes: the first tells on which page each heading lands, the second
prints the contents with those numbers. Dates are fixed, so that the same source, fonts and Chromium give
the same bytes. Afterwards the page numbers in `questions/*.jsonl` are brought up to date.
"""

import argparse
import html
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pypdfium2
from markdown_it import MarkdownIt
from markdown_it.token import Token

from samples.write_docx import write_docx

SAMPLES = Path(__file__).resolve().parent
NOTO = Path("/usr/share/fonts/opentype/noto")
LANGUAGES = ("en", "zh")
FORMATS = ("pdf", "docx", "md")
FIGURE = re.compile(r"<!-- figure: (?P<file>\S+) \| (?P<caption>.+?) -->")
CONTENTS_TITLE = {"en": "Contents", "zh": "目录"}
# 1 March 2026, the edition's date; of the same length as what Chromium writes, which keeps the PDF's offsets true.
PDF_DATE = rb"(D:20260301000000+00'00')"
BOOKMARK = re.compile(
    rb"/Title (?:\((?P<mark>\\376\\377|\xfe\xff|)(?P<text>(?:\\.|[^\\)])+)\)|<(?P<hexmark>FEFF|)(?P<hex>[0-9A-Fa-f]+)>)"
)
UNIT = re.compile(r"(?<=\d) (?=%|°C|℃|mm|mL|L\b|kg|g\b|W\b|h\b|min\b)")


@dataclass(frozen=True)
class Volume:
    """One volume of the manual: the front matter of its source and the Markdown below it."""

    meta: dict[str, str]
    body: str

    @property
    def file(self) -> str:
        """Name of the built file."""
        return self.meta["file"]


def load_volume(path: Path) -> Volume:
    """Read a source file: `key: value` lines between two `---` lines, then Markdown."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    return Volume(
        meta=dict(line.split(": ", 1) for line in head.strip().splitlines()), body=body.strip() + "\n"
    )


def load_volumes(language: str) -> list[Volume]:
    """All volumes of a language, in the order PDF, DOCX, Markdown."""
    volumes = [load_volume(path) for path in sorted((SAMPLES / "source" / language).glob("*.md"))]
    return sorted(volumes, key=lambda volume: FORMATS.index(volume.meta["format"]))


def parse_markdown(text: str) -> list[Token]:
    """CommonMark with tables, as a flat list of tokens."""
    return MarkdownIt("commonmark").enable("table").parse(text)


def write_markdown(volume: Volume, target: Path) -> None:
    """The source without its front matter, under a title."""
    meta = volume.meta
    head = f"# {meta['title']}: {meta['subtitle']}\n\n{meta['models']}. {meta['number']}. {meta['edition']}. {meta['applies']}.\n\n"
    if meta["lang"] == "zh":
        head = f"# {meta['title']}：{meta['subtitle']}\n\n{meta['models']}。{meta['number']}。{meta['edition']}。{meta['applies']}。\n\n"
    target.write_text(head + volume.body, encoding="utf-8")


def _body_html(volume: Volume) -> tuple[str, list[tuple[int, str]]]:
    """The body with anchors on its headings and its figures inlined, and the headings as (level, title)."""
    headings: list[tuple[int, str]] = []
    tokens = parse_markdown(volume.body)
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", f"h{len(headings)}")
            headings.append((int(token.tag[1]), following.content))
        elif token.type == "blockquote_open":
            token.attrSet("class", "notice")
    rendered = (
        MarkdownIt("commonmark").enable("table").renderer.render(tokens, MarkdownIt("commonmark").options, {})
    )

    def figure(match: re.Match[str]) -> str:
        drawing = (SAMPLES / "source" / "figures" / match["file"]).read_text(encoding="utf-8")
        return f"<figure>{drawing}<figcaption>{html.escape(match['caption'])}</figcaption></figure>"

    # A unit must not begin a line.
    rendered = FIGURE.sub(figure, UNIT.sub("\u00a0", rendered))
    # A table of two columns reads as term and explanation; wide ones need the smaller type.
    rendered = re.sub(
        r"<table>\s*<thead>\s*<tr>(.*?)</tr>",
        lambda m: m[0].replace("<table>", f'<table class="c{m[1].count("<th")}">'),
        rendered,
        flags=re.DOTALL,
    )
    return rendered, headings


def render_html(volume: Volume, pages: list[int], *, font_rules: str) -> str:
    """The whole volume as one page of HTML.

    Args:
        volume: what to print.
        pages: page number of each heading, counted from 1, in their order; empty in the first pass.
        font_rules: style rules that define the family "Manual".
    """
    body, headings = _body_html(volume)
    rows = "".join(
        f'<li class="l{level}"><a href="#h{index}"><span>{html.escape(title)}</span>'
        f"<b>{pages[index] if pages else '00'}</b></a></li>"
        for index, (level, title) in enumerate(headings)
    )
    meta = {key: html.escape(value) for key, value in volume.meta.items()}
    style = (SAMPLES / "source" / "print.css").read_text(encoding="utf-8")
    drawing = (SAMPLES / "source" / "figures" / "cover.svg").read_text(encoding="utf-8")
    footer = f'@page {{ @bottom-left {{ content: "{meta["title"]} · {meta["subtitle"]}"; }} }}'
    return f"""<!doctype html>
<html lang="{"zh-CN" if meta["lang"] == "zh" else "en"}"><head><meta charset="utf-8">
<title>{meta["title"]} · {meta["subtitle"]}</title><style>{font_rules}{style}{footer}</style></head><body>
<section class="cover"><p class="company">{meta["company"]}</p>{drawing}
<div class="title">{meta["title"]}</div><div class="subtitle">{meta["subtitle"]}</div>
<p>{meta["models"]}</p><p class="edition">{meta["number"]} · {meta["edition"]}<br>{meta["applies"]}</p></section>
<nav><div class="contents">{CONTENTS_TITLE[meta["lang"]]}</div><ul>{rows}</ul></nav>
<main>{body}</main></body></html>"""


def _print(page: Path, target: Path, chromium: str) -> None:
    """Let Chromium print `page` into `target`, with an outline made from the headings."""
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--no-pdf-header-footer", "--generate-pdf-document-outline", f"--print-to-pdf={target}"]
        # The clock of the machine must not reach the file.
        subprocess.run(
            [*command, page.as_uri()],
            check=True,
            capture_output=True,
            timeout=180,
            env={**os.environ, "TZ": "UTC"},
        )


def heading_pages(path: Path) -> list[int]:
    """Page, counted from 1, of every heading in a PDF's outline."""
    with pypdfium2.PdfDocument(path) as document:
        return [bookmark.get_dest().get_index() + 1 for bookmark in document.get_toc()]


def mend_bookmarks(data: bytes) -> bytes:
    """Take back a fault of Chromium: a heading that opens a page is written twice over in its bookmark.

    What is cut is made up with blanks after the string, so that every offset in the file stays true.
    """

    def mend(match: re.Match[bytes]) -> bytes:
        text = match["text"] or match["hex"]
        half = text[: len(text) // 2]
        if half + half != text:
            return match[0]
        return match[0].replace(text, half, 1) + b" " * len(half)

    return BOOKMARK.sub(mend, data)


def write_pdf(volume: Volume, target: Path, *, chromium: str, fonts: Path) -> None:
    """Print a volume with cover, contents, page numbers and bookmarks.

    Raises:
        RuntimeError: the pages of the headings were not the same in both passes.
    """
    # fontTools is needed for building only; whoever merely reads the questions need not have it.
    from samples.subset_fonts import write_fonts

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "volume.html"
        draft = Path(folder) / "volume.pdf"
        # Digits and the bullets of lists come from the style, not from the text.
        text = render_html(volume, [], font_rules="") + "0123456789•"
        font_rules = write_fonts(text, Path(folder), fonts=fonts)
        page.write_text(render_html(volume, [], font_rules=font_rules), encoding="utf-8")
        _print(page, draft, chromium)
        pages = heading_pages(draft)
        page.write_text(render_html(volume, pages, font_rules=font_rules), encoding="utf-8")
        _print(page, draft, chromium)
        if heading_pages(draft) != pages:
            raise RuntimeError(f"{volume.file}: the headings moved between the two passes")
        data = draft.read_bytes()
    target.write_bytes(mend_bookmarks(re.sub(rb"\(D:\d{14}\+00'00'\)", PDF_DATE, data)))


def squeeze(text: str) -> str:
    """Text without white space, table bars and Markdown marks: the form in which quotes are compared."""
    return re.sub(r"[\s|*`\u200b\ufffe]+", "", text)


def update_pages(language: str, pdf: Path) -> None:
    """Write into the questions of a language on which page of the PDF each quote is found."""
    path = SAMPLES / "questions" / f"{language}.jsonl"
    if not path.exists():
        return
    with pypdfium2.PdfDocument(pdf) as document:
        texts = [squeeze(page.get_textpage().get_text_range()) for page in document]
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        if row["source"] == pdf.name:
            quote = squeeze(row["quote"])
            row["page"] = next((number for number, text in enumerate(texts, 1) if quote in text), None)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def build(language: str, *, chromium: str, fonts: Path) -> None:
    """Build the three files of one language and bring its questions up to date."""
    target = SAMPLES / "manual" / language
    target.mkdir(parents=True, exist_ok=True)
    for volume in load_volumes(language):
        path = target / volume.file
        if volume.meta["format"] == "pdf":
            write_pdf(volume, path, chromium=chromium, fonts=fonts)
            update_pages(language, path)
        elif volume.meta["format"] == "docx":
            write_docx(volume.meta, parse_markdown(volume.body), path)
        else:
            write_markdown(volume, path)


def main() -> None:
    """Command line: build one language or both."""
    parser = argparse.ArgumentParser(description="Build the sample manual from samples/source.")
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="only this one; default both")
    parser.add_argument("--chromium", default="chromium", help="program that prints the PDF")
    parser.add_argument("--fonts", type=Path, default=NOTO, help="folder with NotoSansCJK-Regular.ttc")
    arguments = parser.parse_args()
    for language in arguments.language or LANGUAGES:
        build(language, chromium=arguments.chromium, fonts=arguments.fonts)


if __name__ == "__main__":
    main()
