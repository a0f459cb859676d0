"""Markdown: headings, fences, tables, lists and front matter, written as people read them."""

import re
from html import unescape

from knowledge.documents import ParsedDocument
from knowledge.parsing.builder import DocumentBuilder, clean
from knowledge.parsing.plain import read_text
from knowledge.parsing.request import Request

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})(?!.*`)")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_RULE = re.compile(r"^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
_TABLE_RULE = re.compile(r"^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_COMMENT = re.compile(r"<!--.*?-->")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)")
_LINK = re.compile(
    r"\[((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]\(\s*<?([^()\s>]*(?:\([^()\s]*\)[^()\s>]*)*)>?[^()\n]*\)"
)
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>\n]*)?/?>")
_MARKUP = re.compile(r"[`\[<&]|\*\*|__")
_CODE_SPAN = re.compile(r"(`+)(.+?)\1")


def _link(match: re.Match[str]) -> str:
    label, target = match.group(1), match.group(2)
    if target.startswith(("http://", "https://")) and target != label:
        return f"{label} ({target})" if label.strip() else target
    return label


def inline(text: str) -> str:
    """Write a line's links, images, emphasis and tags as plain text; code spans stay as they are."""
    if not _MARKUP.search(text):
        return text
    spans: list[str] = []

    def keep(match: re.Match[str]) -> str:
        spans.append(match.group(0))
        return f"\x00{len(spans) - 1}\x00"

    text = _CODE_SPAN.sub(keep, text)
    text = _LINK.sub(_link, _IMAGE.sub(r"\1", _COMMENT.sub("", text)))
    text = _STRONG.sub(r"\2", text)
    text = unescape(_TAG.sub("", _BREAK.sub(" ", text)))
    return re.sub(r"\x00(\d+)\x00", lambda match: spans[int(match.group(1))], text)


def split_row(line: str) -> list[str]:
    """Cut a pipe table's row into cells; an escaped pipe is part of its cell."""
    line = line.strip()
    line = line[1:] if line.startswith("|") else line
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [inline(cell.strip().replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", line)]


def add_markdown(builder: DocumentBuilder, text: str) -> None:
    """Add a Markdown text without front matter."""
    lines = text.split("\n")
    pending: list[str] = []
    kind = "paragraph"

    def flush() -> None:
        if pending and kind == "list":
            builder.items([inline(line) for line in pending])
        elif pending:
            builder.paragraph("\n".join(inline(line) for line in pending))
        pending.clear()

    position = 0
    while position < len(lines):
        line = lines[position]
        following = lines[position + 1] if position + 1 < len(lines) else ""
        if fence := _FENCE.match(line):
            flush()
            position = _add_fence(builder, lines, position, fence.group(1))
            continue
        if line.lstrip().startswith("<!--") and "-->" not in line:
            end = next((n for n in range(position, len(lines)) if "-->" in lines[n]), None)
            if end is not None:
                lines[end] = lines[end].partition("-->")[2]
                position = end
                continue
        if heading := _HEADING.match(line):
            flush()
            builder.heading(inline(heading.group(2)), len(heading.group(1)))
        elif "|" in line and _TABLE_RULE.match(following) and "|" in following:
            flush()
            end = position + 2
            while end < len(lines) and "|" in lines[end] and lines[end].strip():
                end += 1
            builder.table([split_row(line), *map(split_row, lines[position + 2 : end])])
            position = end
            continue
        elif pending and kind == "paragraph" and len(pending) == 1 and _UNDERLINE.match(line):
            title = pending.pop()
            builder.heading(inline(title), 1 if line.strip().startswith("=") else 2)
        elif _RULE.match(line):
            flush()
        elif not line.strip():
            # A list goes on after a blank line when an item or an indented line follows.
            if kind != "list" or not (_ITEM.match(following) or following.startswith(("  ", "\t"))):
                flush()
        elif _ITEM.match(line):
            if kind != "list":
                flush()
            kind = "list"
            pending.append(line)
            position += 1
            continue
        else:
            if not pending:
                kind = "paragraph"
            pending.append(line[1:].lstrip() if line.startswith(">") else line)
        if not pending:
            kind = "paragraph"
        position += 1
    flush()


def _add_fence(builder: DocumentBuilder, lines: list[str], position: int, mark: str) -> int:
    """Add the fenced code that begins at `position`; return the line after it."""
    end = position + 1
    while end < len(lines):
        stripped = lines[end].strip()
        if stripped.startswith(mark) and not stripped.strip(mark[0]):
            break
        end += 1
    body = "\n".join(lines[position + 1 : end])
    if body.strip():
        builder.code(f"{lines[position].strip()}\n{body}\n{mark}")
    return end + 1


def parse_markdown(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a Markdown file; the front matter gives the title and is left out."""
    text, encoding = read_text(request, builder)
    text, hidden = clean(text)
    if hidden:
        builder.notice("hidden_characters", count=hidden)
    title = ""
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        if found := _TITLE.search(front.group(1)):
            title = found.group(1)
    add_markdown(builder, text)
    return builder.build(title=title, media_type="text/markdown", encoding=encoding)
