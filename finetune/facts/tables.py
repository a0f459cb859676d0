"""Facts in tables: a Markdown pipe table -> for each row and column, whose value of what it is.

Three shapes are told apart. Mostly the first column names a thing and the others are its properties. Where the
first column is a code and the second a name, the thing has both. Where the first column holds properties and the
others belong to one thing each, as in a table of technical data, columns and rows change places.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from finetune.facts.material import Language, Piece

_PROPERTY_HEADS = frozenset(
    "property properties item feature parameter parameters characteristic specification data 参数 参数名 项目 属性 规格 "
    "指标 性能 参数项".split()
)
_NOT_NAMES = re.compile(
    r"mean|descri|text|what|how|value|range|default|interval|level|price|quantity|remark|用途|含义|说明|描述|数量|"
    r"默认|范围|备注|作用|级别|间隔|价格|处理|原因|怎么",
    re.IGNORECASE,
)
EMPTY = frozenset({"", "-", "–", "—", "/", "n/a", "N/A", "无"})
_code = re.compile(r"^(?=.*\d)[A-Za-z]{0,4}[-.]?[\dA-Za-z-]{1,9}$")
MOST_WORDS, MOST_CHARS = 40, 220


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table.

    Args:
        subject: whose; aliases: its other names.
        relation: of what, as the table heads it.
        span: the row as it stands in the document.
        start: of that row in the piece.
        siblings: other values of the same relation.
    """

    subject: str
    aliases: tuple[str, ...]
    relation: str
    value: str
    span: str
    start: int
    siblings: tuple[str, ...]


def rows_of(text: str) -> list[tuple[int, str, list[str]]]:
    """Return the rows of a pipe table as (where, line, cells), without the line of dashes."""
    rows = []
    at = 0
    for line in text.split("\n"):
        if line.lstrip().startswith("|") and not re.fullmatch(r"[|\s:-]+", line):
            inner = line.strip().strip("|")
            cells = [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", inner)]
            rows.append((at, line, cells))
        at += len(line) + 1
    return rows


def cells(piece: Piece, language: Language, *, topic: str) -> Iterator[Cell]:
    """Yield what a table says.

    Args:
        topic: what the table is about, where its rows are properties of that one thing.
    """
    rows = rows_of(piece.text)
    if len(rows) < 2 or len(rows[0][2]) < 2:
        return
    heads = [_plain(cell) for cell in rows[0][2]]
    body = [
        (at, line, [_plain(c) for c in found]) for at, line, found in rows[1:] if len(found) == len(heads)
    ]
    body = [row for row in body if row[2][0] not in EMPTY]
    if not body or not all(heads[1:]):
        return
    if heads[0].casefold() in _PROPERTY_HEADS and (len(heads) > 2 or language == "zh" or heads[1] == "Value"):
        yield from _by_column(heads, body, topic)
    else:
        yield from _by_row(heads, body)


def _by_column(heads: list[str], body: list[tuple[int, str, list[str]]], topic: str) -> Iterator[Cell]:
    named = len(heads) > 2 and not _NOT_NAMES.search(" ".join(heads[1:]))
    if not named:
        yield from _by_row(heads, body)
        return
    for at, line, row in body:
        values = [v for v in row[1:] if _usable(v)]
        for subject, value in zip(heads[1:], row[1:], strict=True):
            if _usable(value):
                others = tuple(v for v in values if v != value)
                yield Cell(subject, (), row[0], value, line, at, others)


def _by_row(heads: list[str], body: list[tuple[int, str, list[str]]]) -> Iterator[Cell]:
    firsts = [row[0] for _, _, row in body]
    repeated = {name for name, count in Counter(firsts).items() if count > 1}
    with_name = len(heads) > 2 and _has_names(heads, body)
    for at, line, row in body:
        if row[0] in repeated:
            continue
        subject, begin = row[0], 1
        aliases: tuple[str, ...] = ()
        if with_name:
            subject, aliases, begin = row[1], (row[0],), 2
            yield Cell(subject, (), heads[0], row[0], line, at, _siblings(body, 0, row[0]))
        for column in range(begin, len(heads)):
            value = row[column]
            if _usable(value):
                others = _siblings(body, column, value)
                yield Cell(subject, aliases, heads[column], value, line, at, others)


def _has_names(heads: list[str], body: list[tuple[int, str, list[str]]]) -> bool:
    """Whether the second column names what the first one numbers."""
    seconds = [row[1] for _, _, row in body]
    coded = sum(bool(_code.match(row[0])) for _, _, row in body)
    return (
        coded >= 0.7 * len(body)
        and len(set(seconds)) == len(seconds)
        and not _NOT_NAMES.search(heads[1])
        and all(s not in EMPTY and not s[0].isdigit() for s in seconds)
        and sum(len(s.split()) for s in seconds) <= 4 * len(seconds)
        and sum(map(len, seconds)) <= 24 * len(seconds)
    )


def _siblings(body: list[tuple[int, str, list[str]]], column: int, value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r[column] for _, _, r in body if r[column] != value and _usable(r[column])))[
        :8
    ]


def _usable(value: str) -> bool:
    return value not in EMPTY and len(value) <= MOST_CHARS and len(value.split()) <= MOST_WORDS


def _plain(cell: str) -> str:
    """A cell without Markdown marks and line breaks."""
    text = re.sub(r"<br\s*/?>", " ", cell)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\s+", " ", text.replace("**", "").replace("`", "")).strip()
