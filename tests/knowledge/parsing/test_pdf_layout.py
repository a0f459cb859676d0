"""Lines of a page become what a reader sees: paragraphs, headings, lists, tables, code."""

from knowledge.parsing.pdf import _hidden_encoding, spans
from knowledge.parsing.pdf_layout import Part, Typography, drop_contents, drop_running_lines, parts
from knowledge.parsing.pdf_lines import Line

LEADING = 14.0


def _line(
    text: str, row: float, *, left: float = 70, size: float = 10, right: float = 500, **more: bool
) -> Line:
    bottom = 700 - LEADING * row
    return Line([(text, left, right)], left, bottom, right, bottom + size, size, **more)


def _cells(row: float, *cells: tuple[str, float, float]) -> Line:
    bottom = 700 - LEADING * row
    return Line(list(cells), cells[0][1], bottom, cells[-1][2], bottom + 10, 10)


def _parts(*lines: Line) -> list[Part]:
    return list(parts(lines, 0, Typography([lines], {})))


def _kinds(*lines: Line) -> list[tuple[str, str]]:
    return [(part.kind, part.text or "\n".join(part.items)) for part in _parts(*lines)]


def test_lines_join_by_the_rules_of_their_script() -> None:
    assert _kinds(
        _line("A word that is de", 0, hyphenated=True),
        _line("veloped, and a well-", 1),
        _line("known one.", 2, right=150),
        _line("发酵箱由主机和", 4),
        _line("水箱组成，重量为 20 kg", 5),
        _line("以上。", 6, right=110),
    ) == [
        ("paragraph", "A word that is developed, and a wellknown one."),
        ("paragraph", "发酵箱由主机和水箱组成，重量为 20 kg 以上。"),
    ]


def test_a_hyphen_stays_where_the_document_writes_it_elsewhere() -> None:
    assert _kinds(_line("It is well-known, a well-", 0), _line("known fact.", 1))[0][1].endswith(
        "a well-known fact."
    )


def test_headings_by_size_lists_by_mark_and_indents() -> None:
    found = _parts(
        _line("The Title", 0, size=20),
        _line("Part", 2.5, size=14),
        _line("Running text that is the most of all by far in this document, line after line.", 4),
        _line("It goes on here.", 5, right=160),
        _line("• first", 7),
        _line("which goes on", 8, left=82),
        _line("• second", 9),
    )
    assert [(part.kind, part.level) for part in found] == [
        ("heading", 1),
        ("heading", 2),
        ("paragraph", 0),
        ("list", 0),
    ]
    assert found[3].items == ["• first which goes on", "• second"]


def test_columns_become_a_table_and_wrapped_cells_one_row() -> None:
    (table, after) = _parts(
        _cells(0, ("Term", 70, 100), ("Meaning", 200, 250)),
        _cells(1, ("Hold", 70, 95), ("kept until you take it", 200, 330)),
        _cells(2, ("out.", 200, 220)),
        _cells(3, ("Ledger", 70, 105), ("the record", 200, 260)),
        _line("Text below the table.", 5),
    )
    assert table.rows == [
        ["Term", "Meaning"],
        ["Hold", "kept until you take it out."],
        ["Ledger", "the record"],
    ]
    assert after.text == "Text below the table."


def test_typewriter_lines_are_code_with_their_indents() -> None:
    (code,) = _parts(_line("if x:", 0, mono=True), _line("return", 1, left=94, mono=True))
    assert (code.kind, code.text) == ("code", "if x:\n    return")


def test_a_column_that_ends_within_a_sentence_goes_on_at_the_top_of_the_next() -> None:
    assert len(_parts(_line("The first column ends", 30), _line("and the second goes on.", 0, left=310))) == 1
    assert len(_parts(_line("The first column ends.", 30), _line("And the second begins.", 0, left=310))) == 2


def test_running_lines_are_kept_once() -> None:
    pages = [[_line("Manual · page 1", -5), _line(f"Body {number}.", 10)] for number in range(4)]
    drop_running_lines(pages, [780.0] * 4)
    assert [len(lines) for lines in pages] == [2, 1, 1, 1]


def test_a_table_of_contents_is_dropped_but_a_price_list_is_not() -> None:
    headings = [_line(f"{number} Chapter {number}", number) for number in range(1, 7)]
    contents = [_line(f"{number} Chapter {number} ..... {number + 2}", number) for number in range(1, 7)]
    prices = [_line(f"Item {number} 1{number}", 20 + number) for number in range(1, 7)]
    pages = [contents, headings + prices]
    drop_contents(pages)
    assert pages == [[], headings + prices]


def test_text_of_a_font_without_table_is_told_from_western_letters() -> None:
    assert _hidden_encoding("全世界无产者，联合起来".encode("gbk").decode("latin-1")) == "gbk"
    assert _hidden_encoding("Größenänderungsübersicht für Gänsefüßchen") is None


def test_page_numbers_are_written_briefly() -> None:
    assert spans([7, 1, 2, 3]) == "1-3, 7"
