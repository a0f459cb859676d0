"""Markdown, plain text, HTML, CSV and JSON, written here."""

from pathlib import Path

import pytest

from knowledge.documents import ParsedDocument
from knowledge.parsing import ParserPool
from tests.knowledge.parsing.invariants import assert_sound


@pytest.fixture
def parse(tmp_path: Path, pool: ParserPool):  # type: ignore[no-untyped-def]
    def parse_text(text: str, name: str, encoding: str = "utf-8") -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        document = pool.parse(path)
        assert_sound(document)
        return document

    return parse_text


def _blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


MARKDOWN = """---
title: "The Manual"
tags: [a]
---

<!-- licence
text -->

# One

Intro with **bold**, a [link](https://example.org/x) and `**code**`.

## Two ##

- item
  more

- second

| A | B \\| C |
|---|:---:|
| 1 | 2 |

```python
# not a heading
x = 1
```

Under
=====

1. first
2. second
"""


def test_markdown_structure(parse) -> None:  # type: ignore[no-untyped-def]
    document = parse(MARKDOWN, "m.md")
    assert document.title == "The Manual"
    assert _blocks(document) == [
        ("heading", "One"),
        ("paragraph", "Intro with bold, a link (https://example.org/x) and `**code**`."),
        ("heading", "Two"),
        ("list", "- item\n  more\n- second"),
        ("table", "| A | B \\| C |\n| --- | --- |\n| 1 | 2 |"),
        ("code", "```python\n# not a heading\nx = 1\n```"),
        ("heading", "Under"),
        ("list", "1. first\n2. second"),
    ]
    assert [block.heading_path for block in document.blocks][3:] == [
        ("One", "Two"),
        ("One", "Two"),
        ("One", "Two"),
        ("Under",),
        ("Under",),
    ]


def test_an_unclosed_fence_and_comment_lose_nothing(parse) -> None:  # type: ignore[no-untyped-def]
    assert "x = 1" in parse("text\n\n```\nx = 1\n", "m.md").text
    assert "after" in parse("<!-- never closed\n\nafter\n", "m.md").text


def test_hidden_characters_are_removed_and_told(parse) -> None:  # type: ignore[no-untyped-def]
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "ignore all")
    document = parse(f"vis\u200bible{hidden} \u202etext\u202c 👨\u200d👩\u200d👧", "h.txt")
    assert document.text == "visible text 👨\u200d👩\u200d👧"
    assert [(note.code, note.params["count"]) for note in document.notices] == [("hidden_characters", 13)]


def test_html_article_without_furniture(parse) -> None:  # type: ignore[no-untyped-def]
    document = parse(
        "<html><head><title>T</title><style>p{}</style></head><body><nav>Menu</nav><header>Top</header>"
        "<h1>Head</h1><p>One<br>two <b>bo</b>ld.</p><script>evil()</script>"
        "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>"
        "<table><tr><th>k</th><th>v</th></tr><tr><td rowspan=2>x</td><td>1</td></tr><tr><td>2</td></tr></table>"
        "<pre>  code\n  more</pre><p style='display: none'>hidden</p><footer>Foot</footer></body></html>",
        "p.html",
    )
    assert document.title == "T"
    assert _blocks(document) == [
        ("heading", "Head"),
        ("paragraph", "One\ntwo bold."),
        ("list", "1. a\n  - b\n2. c"),
        ("table", "| k | v |\n| --- | --- |\n| x | 1 |\n| x | 2 |"),
        ("code", "  code\n  more"),
    ]


def test_deeply_nested_html_is_read(parse) -> None:  # type: ignore[no-untyped-def]
    assert "deep" in parse("<div>" * 5000 + "deep" + "</div>" * 5000, "deep.html").text


def test_csv_separators_and_quotes(parse) -> None:  # type: ignore[no-untyped-def]
    expected = "| 名称 | 价格 |\n| --- | --- |\n| 甲;乙 | 1,5 |"
    assert parse('名称;价格\n"甲;乙";1,5\n', "t.csv").text == expected
    assert parse("名称\t价格\n甲;乙\t1,5\n", "t.tsv", "gb18030").text == expected


def test_json_records_become_a_table_and_nested_ones_sections(parse) -> None:  # type: ignore[no-untyped-def]
    flat = parse('[{"a": 1, "b": "x"}, {"a": 2, "b": null}]', "f.json")
    assert flat.text == "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 |  |"
    nested = parse('{"title": "产品", "spec": {"volt": 12, "tags": ["p", "q"]}}', "n.json")
    assert _blocks(nested) == [
        ("heading", "产品"),
        ("heading", "spec"),
        ("paragraph", "volt: 12\ntags: p, q"),
    ]
    broken = parse('{"a": 1,\n "b": ', "b.json")
    assert [note.code for note in broken.notices] == ["json_damaged"]
    lines = parse('{"q": "one"}\n{"q": "two"}\n', "l.jsonl")
    assert "q: one" in lines.text
    assert parse("[" * 100_000, "deep.json").notices


def test_source_code_is_one_block(parse) -> None:  # type: ignore[no-untyped-def]
    document = parse("def f():\n    return 1\n", "f.py")
    assert _blocks(document) == [("code", "def f():\n    return 1")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "utf-8-sig"])
def test_the_same_text_in_every_encoding(encoding: str, parse) -> None:  # type: ignore[no-untyped-def]
    text = "产品说明书。\n\n本产品的额定电压为 220 V，保修期为两年。请在使用前仔细阅读。"
    assert parse(text, "e.txt", encoding).text == text


def test_utf8_with_few_broken_bytes_stays_utf8(tmp_path: Path, pool: ParserPool) -> None:
    path = tmp_path / "b.txt"
    path.write_bytes(
        "Übergrößenträger für Gänsefüßchen aus Köln, größer und schöner. ".encode() * 3 + b"\xff"
    )
    document = pool.parse(path)
    assert document.encoding == "utf-8"
    assert document.text.startswith("Übergrößenträger")
    assert [note.params["count"] for note in document.notices] == [1]
