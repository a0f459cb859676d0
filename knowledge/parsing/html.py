"""HTML: the article's headings, paragraphs, lists, tables and code; scripts, menus and footers are dropped."""

import re
from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import CData, NavigableString, PreformattedString, Tag

from knowledge.documents import ParsedDocument
from knowledge.parsing.builder import DocumentBuilder, one_line
from knowledge.parsing.encodings import decode
from knowledge.parsing.request import Request

_CHARSET = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)|<\?xml[^>]+encoding=[\"']([A-Za-z0-9_-]+)", re.I
)
_DROPPED = frozenset(
    "script style noscript template svg math nav footer aside iframe object embed canvas head form button select "
    "input textarea dialog audio video map".split()
)
_DROPPED_ROLES = frozenset("navigation banner contentinfo search dialog".split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark q rp rt ruby s samp small "
    "span strike strong sub sup time tt u var wbr nobr".split()
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_MAX_DEPTH = 200


def declared_charset(data: bytes) -> str | None:
    """Return the character set that an HTML or XML file names in its first bytes."""
    match = _CHARSET.search(data[:4096])
    return (match.group(1) or match.group(2)).decode("ascii") if match else None


def parse_html(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read an HTML file."""
    data = request.path.read_bytes()
    text, encoding, gaps = decode(data, name=request.name, declared=declared_charset(data))
    builder.decoded(encoding, gaps)
    title = add_html(builder, text)
    return builder.build(title=title, media_type="text/html", encoding=encoding)


def add_html(builder: DocumentBuilder, markup: str) -> str:
    """Add the readable part of an HTML text; return its title, "" without one."""
    soup = BeautifulSoup(_without_xml_declaration(markup), "lxml")
    title = one_line(soup.title.get_text()) if soup.title else ""
    body: Tag = soup.body or soup
    articles = body.find_all(["main", "article"])
    # Where a page marks its article, what stands around it is furniture.
    if len(articles) == 1 and len(articles[0].get_text()) > 0.4 * len(body.get_text()):
        body = articles[0]
    _Reader(builder, in_article=body.name in ("main", "article")).read(body)
    return title


def _without_xml_declaration(markup: str) -> str:
    """Drop the declaration: its encoding is settled, and lxml would refuse a decoded text that names one."""
    return re.sub(r"\A\s*<\?xml[^>]*\?>", "", markup)


class _Reader:
    """Walks a tree once; text of inline elements flows together into the block around them."""

    def __init__(self, builder: DocumentBuilder, *, in_article: bool) -> None:
        self.builder = builder
        self.in_article = in_article
        self.words: list[str] = []

    def read(self, root: Tag) -> None:
        self._children(root, 0)
        self._flush()

    def _flush(self) -> None:
        text = "".join(self.words)
        self.words.clear()
        self.builder.paragraph("\n".join(one_line(line) for line in text.split("\x00")))

    def _children(self, tag: Tag, depth: int) -> None:
        for child in tag.children:
            if isinstance(child, Tag):
                if depth < _MAX_DEPTH:
                    self._tag(child, depth + 1)
                else:
                    self.words.append(" " + child.get_text(" "))
            elif _is_text(child):
                self.words.append(str(child))

    def _tag(self, tag: Tag, depth: int) -> None:
        name = tag.name.lower()
        if self._dropped(tag, name):
            return
        if name == "br":
            self.words.append("\x00")
        elif name in _INLINE:
            self._children(tag, depth)
        else:
            self._flush()
            self._block(tag, name, depth)
            self._flush()

    def _block(self, tag: Tag, name: str, depth: int) -> None:
        if name in _HEADINGS:
            self.builder.heading(_text(tag), _HEADINGS[name])
        elif name == "table":
            self._table(tag, depth)
        elif name in ("ul", "ol", "menu", "dir"):
            self.builder.items(_items(tag, 0))
        elif name == "pre":
            self.builder.code(tag.get_text())
        else:
            self._children(tag, depth)

    def _table(self, table: Tag, depth: int) -> None:
        if table.find("table") is not None or table.find(list(_HEADINGS)) is not None:
            self._children(table, depth)  # a table that lays out a page
            return
        caption = table.find("caption")
        if isinstance(caption, Tag):
            self.builder.paragraph(_text(caption))
        self.builder.table(_rows(table))

    def _dropped(self, tag: Tag, name: str) -> bool:
        if name in _DROPPED:
            return name != "form" or tag.find(["p", "table", "h1", "h2", "h3"]) is None
        # A header inside an article holds its title; the page's own holds a menu.
        if name == "header" and not self.in_article and tag.find("h1") is None:
            return True
        attributes: dict[str, Any] = tag.attrs or {}
        return (
            attributes.get("role") in _DROPPED_ROLES
            or "hidden" in attributes
            or bool(_HIDDEN_STYLE.search(str(attributes.get("style", ""))))
        )


def _is_text(node: Any) -> bool:
    return isinstance(node, NavigableString) and (
        not isinstance(node, PreformattedString) or isinstance(node, CData)
    )


def _text(tag: Tag) -> str:
    for unwanted in tag.find_all(["script", "style", "button", "template"]):
        unwanted.extract()
    for line_break in tag.find_all("br"):
        line_break.replace_with(" ")
    return one_line(tag.get_text())


def _items(tag: Tag, depth: int) -> Iterator[str]:
    """Write a list's items as Markdown does, nested ones indented."""
    for number, item in enumerate(tag.find_all("li", recursive=False), 1):
        nested = [child.extract() for child in item.find_all(["ul", "ol"], recursive=False)]
        mark = f"{number}." if tag.name == "ol" else "-"
        if words := _text(item):
            yield f"{'  ' * depth}{mark} {words}"
        if depth < 20:
            for child in nested:
                yield from _items(child, depth + 1)


def _rows(table: Tag) -> list[list[str]]:
    """Read a table's cells; a cell over several columns or rows is repeated so that columns stay in line."""
    rows: list[list[str]] = []
    below: dict[int, tuple[int, str]] = {}
    for row in table.find_all("tr"):
        cells: list[str] = []
        waiting = list(row.find_all(["td", "th"], recursive=False))
        while waiting or len(cells) in below:
            column = len(cells)
            if column in below:
                left, words = below.pop(column)
                if left > 1:
                    below[column] = (left - 1, words)
                cells.append(words)
                continue
            cell = waiting.pop(0)
            words = _text(cell)
            for offset in range(_span(cell, "colspan")):
                if (height := _span(cell, "rowspan")) > 1:
                    below[column + offset] = (height - 1, words)
                cells.append(words if not offset else "")
        rows.append(cells)
    return rows


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1"))
    return min(max(int(value), 1), 50) if value.isdigit() else 1
