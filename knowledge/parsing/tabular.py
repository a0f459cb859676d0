"""CSV and TSV: one table, in whatever separator the file uses."""

import csv
import io
import re

from knowledge.documents import ParsedDocument
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.plain import read_text
from knowledge.parsing.request import Request

_SEPARATORS = ",\t;|"
_MAX_ROWS = 200_000


def parse_csv(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a CSV or TSV file as a table whose first row is the header."""
    text, encoding = read_text(request, builder)
    # Outside quotes a lone carriage return would end a row for csv but not for its reader.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if first := re.match(r"sep=(.)\n", text):
        separator, text = first.group(1), text[first.end() :]
    else:
        separator = "\t" if request.suffix in (".tsv", ".tab") else _separator(text)
    csv.field_size_limit(min(request.limits.text_chars, 2**31 - 1))
    rows: list[list[str]] = []
    escape = "\\" if re.search(r"\\[,;\t|\"]", text[:20_000]) else None
    reader = csv.reader(io.StringIO(text), delimiter=separator, escapechar=escape, doublequote=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            builder.notice("document_partly_read", part=f"{request.name}:{reader.line_num}")
            continue
        rows.append(row)
        if len(rows) > _MAX_ROWS:
            rows.pop()
            builder.notice("rows_cut", sheet=request.name, rows=_MAX_ROWS)
            break
    builder.table(rows)
    return builder.build(media_type="text/csv", encoding=encoding)


def _separator(text: str) -> str:
    """Return the separator that splits the first lines into the most columns, the same number in each."""
    lines = [line for line in text[:20_000].split("\n")[:20] if line.strip()]
    if len(text) > 20_000 and len(lines) > 1:
        lines = lines[:-1]
    best, separator = 0.0, ","
    for candidate in _SEPARATORS:
        counts = [len(row) for row in csv.reader(lines, delimiter=candidate)]
        if counts and max(counts) > 1:
            usual = max(set(counts), key=counts.count)
            score = usual * counts.count(usual) / len(counts) if usual > 1 else 0.0
            if score > best:
                best, separator = score, candidate
    return separator
