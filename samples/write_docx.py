"""Writes one volume of the sample manual as a Word document: real heading styles, lists, tables, page numbers."""

import zipfile
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table
from docx.text.paragraph import Paragraph
from markdown_it.token import Token

GREEN, DARK = RGBColor(0x2F, 0x5A, 0x46), RGBColor(0x23, 0x46, 0x3A)
EDITION_DATE = datetime(2026, 3, 1)
LATIN_FONT = "Calibri"
CHINESE_FONT = "Microsoft YaHei"
TEXT_WIDTH_CM = 16.6


def write_docx(meta: dict[str, str], tokens: list[Token], target: Path) -> None:
    """Write a volume.

    Args:
        meta: the front matter of the source.
        tokens: the body as markdown-it tokens; headings of level 2 and 3, paragraphs, flat lists, tables, block quotes.
        target: the file to write. The same input gives the same bytes.
    """
    document = Document()
    _set_styles(document)
    _set_language(document)
    _set_page(document, meta)
    _set_properties(document, meta)
    document.add_paragraph(meta["title"], style="Title")
    document.add_paragraph(meta["subtitle"], style="Subtitle")
    for key in ("company", "models", "applies"):
        document.add_paragraph(meta[key])
    document.add_paragraph(f"{meta['number']} · {meta['edition']}")
    _write_body(document, tokens)
    buffer = BytesIO()
    document.save(buffer)
    _write_undated(buffer, target)


def _write_body(document: WordDocument, tokens: list[Token]) -> None:
    position, style, numbering = 0, "Normal", 0
    while position < len(tokens):
        token = tokens[position]
        if token.type == "table_open":
            end = next(i for i in range(position, len(tokens)) if tokens[i].type == "table_close")
            _add_table(document, tokens[position:end])
            position = end
        elif token.type == "heading_open":
            style = f"Heading {int(token.tag[1]) - 1}"
        elif token.type == "ordered_list_open":
            style, numbering = "List Number", _restart_numbering(document)
        elif token.type == "bullet_list_open":
            style, numbering = "List Bullet", 0
        elif token.type == "blockquote_open":
            style = "Intense Quote"
        elif token.type in ("heading_close", "ordered_list_close", "bullet_list_close", "blockquote_close"):
            style, numbering = "Normal", 0
        elif token.type == "inline":
            paragraph = document.add_paragraph(style=style)
            _add_runs(paragraph, token)
            if numbering:
                _number(paragraph, numbering)
        position += 1


def _add_runs(paragraph: Paragraph, inline: Token) -> None:
    bold = False
    for child in inline.children or []:
        if child.type in ("strong_open", "strong_close"):
            bold = child.type == "strong_open"
        elif child.type == "softbreak":
            paragraph.add_run(" ")
        elif child.content:
            paragraph.add_run(child.content).bold = bold or None


def _rows(tokens: list[Token]) -> Iterator[list[Token]]:
    row: list[Token] = []
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(token)
        elif token.type == "tr_close":
            yield row


def _add_table(document: WordDocument, tokens: list[Token]) -> None:
    rows = list(_rows(tokens))
    table = document.add_table(rows=0, cols=len(rows[0]))
    table.autofit = False
    _draw_rules(table)
    widths = _column_widths(rows)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    for index, row in enumerate(rows):
        cells = table.add_row().cells
        for cell, inline, width in zip(cells, row, widths, strict=True):
            cell.width = Cm(width)
            paragraph = cell.paragraphs[0]
            paragraph.style = "Table Text" if index else "Table Head"
            _add_runs(paragraph, inline)
            # Short tables stay on one page; the head of a long one at least keeps its first rows.
            paragraph.paragraph_format.keep_with_next = index < (len(rows) - 1 if len(rows) <= 14 else 3)
            if index == 0:
                _append(cell._tc.get_or_add_tcPr(), "w:shd", val="clear", color="auto", fill="E5EEEA")
        properties = table.rows[index]._tr.get_or_add_trPr()
        _append(properties, "w:cantSplit")
        if index == 0:
            _append(properties, "w:tblHeader")
    document.add_paragraph().paragraph_format.space_after = Pt(0)


def _append(parent: BaseOxmlElement, tag: str, **attributes: str) -> BaseOxmlElement:
    """Append an element of WordprocessingML with `w:` attributes, which python-docx has no call for."""
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    parent.append(element)
    return element


def _draw_rules(table: Table) -> None:
    borders = OxmlElement("w:tblBorders")
    for side, size, color in (("top", "8", "6F9582"), ("bottom", "8", "6F9582"), ("insideH", "4", "CFD9D4")):
        _append(borders, f"w:{side}", val="single", sz=size, space="0", color=color)
    # The schema fixes the order of these elements: borders come before the layout.
    table._tbl.tblPr.find(qn("w:tblLayout")).addprevious(borders)


def _column_widths(rows: list[list[Token]]) -> list[float]:
    """Centimetres per column, by the longest cell, within bounds so that no column starves."""
    longest = [
        max(sum(2 if ord(c) > 0x2E80 else 1 for c in row[i].content) for row in rows)
        for i in range(len(rows[0]))
    ]
    shares = [min(max(length, 11), 40) for length in longest]
    return [TEXT_WIDTH_CM * share / sum(shares) for share in shares]


def _restart_numbering(document: WordDocument) -> int:
    """A new numbering instance that starts at 1 again, for the list that follows."""
    numbering = document.part.numbering_part.element
    style = document.styles["List Number"].element
    first = style.find(".//" + qn("w:numId")).get(qn("w:val"))
    number = next(n for n in numbering.findall(qn("w:num")) if n.get(qn("w:numId")) == first)
    created = numbering.add_num(int(number.find(qn("w:abstractNumId")).get(qn("w:val"))))
    created.add_lvlOverride(ilvl=0).add_startOverride(1)
    return int(created.numId)


def _number(paragraph: Paragraph, numbering: int) -> None:
    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_ilvl().val = 0
    properties.get_or_add_numId().val = numbering


def _set_font(
    style: ParagraphStyle, size: float, *, bold: bool | None = None, color: RGBColor | None = None
) -> None:
    style.font.name = LATIN_FONT
    style.font.size = Pt(size)
    if bold is not None:
        style.font.bold = bold
    if color is not None:
        style.font.color.rgb = color
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    # The template's headings name a theme font, which would win over the names given here.
    for attribute in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{attribute}"), None)
    fonts.set(qn("w:eastAsia"), CHINESE_FONT)


def _set_styles(document: WordDocument) -> None:
    styles = document.styles
    _set_font(styles["Normal"], 10.5)
    styles["Normal"].paragraph_format.space_after = Pt(6)
    styles["Normal"].paragraph_format.line_spacing = 1.15
    _set_font(styles["Title"], 26, bold=True, color=GREEN)
    styles["Title"].element.find(".//" + qn("w:bottom")).set(qn("w:color"), "6F9582")
    _set_font(styles["Subtitle"], 15, color=GREEN)
    styles["Subtitle"].font.italic = False
    for name, size, before in (("Heading 1", 16, 20), ("Heading 2", 12, 12)):
        _set_font(styles[name], size, bold=True, color=GREEN)
        styles[name].paragraph_format.space_before = Pt(before)
        styles[name].paragraph_format.space_after = Pt(4)
        styles[name].paragraph_format.keep_with_next = True
    for name in ("List Number", "List Bullet"):
        _set_font(styles[name], 10.5)
        styles[name].paragraph_format.space_after = Pt(3)
    _set_notice(styles["Intense Quote"])
    for name, bold in (("Table Text", False), ("Table Head", True)):
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = styles["Normal"]
        _set_font(style, 9.5, bold=bold, color=DARK if bold else None)
        style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(2)
        style.paragraph_format.line_spacing = 1.05


def _set_language(document: WordDocument) -> None:
    """Name both languages: without it a Chinese text may be drawn with another region's glyphs."""
    language = document.styles.element.find(".//" + qn("w:rPrDefault") + "//" + qn("w:lang"))
    language.set(qn("w:val"), "en-GB")
    language.set(qn("w:eastAsia"), "zh-CN")


def _set_notice(style: ParagraphStyle) -> None:
    """A warning: upright, shaded, with a bar on its left."""
    _set_font(style, 10.5, bold=False, color=RGBColor(0x1D, 0x2A, 0x30))
    style.font.italic = False
    style.paragraph_format.left_indent = style.paragraph_format.right_indent = Cm(0.4)
    properties = style.element.get_or_add_pPr()
    for border in properties.findall(qn("w:pBdr")):
        properties.remove(border)
    borders, shade = OxmlElement("w:pBdr"), OxmlElement("w:shd")
    _append(borders, "w:left", val="single", sz="18", space="8", color="C98A2B")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", "FDF6EA")):
        shade.set(qn(f"w:{name}"), value)
    spacing = properties.find(qn("w:spacing"))
    spacing.addprevious(borders)
    spacing.addprevious(shade)


def _set_page(document: WordDocument, meta: dict[str, str]) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin, section.bottom_margin = Cm(2.2), Cm(2.0)
    footer = section.footer.paragraphs[0]
    footer.style = document.styles["Normal"]
    footer.paragraph_format.tab_stops.add_tab_stop(Cm(TEXT_WIDTH_CM), WD_TAB_ALIGNMENT.RIGHT)
    footer.add_run(f"{meta['title']} · {meta['subtitle']}\t")
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        run = footer.add_run()._r
        if kind is not None:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run.append(mark)


def _set_properties(document: WordDocument, meta: dict[str, str]) -> None:
    properties = document.core_properties
    properties.title = f"{meta['title']} · {meta['subtitle']}"
    properties.author = meta["company"]
    properties.language = "zh-CN" if meta["lang"] == "zh" else "en-GB"
    properties.comments = ""
    properties.last_modified_by = meta["company"]
    properties.created = properties.modified = EDITION_DATE


def _write_undated(buffer: BytesIO, target: Path) -> None:
    """Copy the zip archive with a fixed date on every member, so that a rebuild does not change the file."""
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, date_time=EDITION_DATE.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, source.read(name))
