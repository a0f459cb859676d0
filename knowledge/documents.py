"""What a file becomes on its way to a ranked passage: document, block, chunk, passage.

Only data. Parsers make `ParsedDocument`, the splitter makes `Chunk`, the retriever makes `Passage`.
Every offset counts Unicode code points in `ParsedDocument.text`, half open: `text[start:end]`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling about a file that was read all the same, such as a page without text.

    `code` names a template in `knowledge.messages`; `params` fill it.
    """

    code: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide, sheet or chapter: the place that a citation names.

    Args:
        number: from 1, in reading order.
        label: what people call it ("12", "Sheet1", a chapter's title).
        start, end: its span in the document's text.
    """

    number: int
    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A run of text of one kind, never crossing a page.

    Args:
        heading_path: titles above this block, outermost first; a heading's own text is its last entry.
        level: 1 to 6 for a heading, else 0.
        page: the page's number, or None where the format has no pages.
    """

    kind: BlockKind
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file as text with structure.

    Args:
        text: everything, lines ended by "\\n"; a table is one Markdown pipe table.
        blocks: in order, not overlapping; text between them is white space only.
        pages: in order; empty where the format has none.
        title: from the file's metadata or first heading, else "".
        media_type: such as "application/pdf".
        encoding: the character set that was decoded, for text formats.
    """

    text: str
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...] = ()
    title: str = ""
    media_type: str = ""
    encoding: str | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document, small enough for the embedder.

    Args:
        ordinal: from 0, in document order.
        text: exactly `document.text[start:end]`, until a user edits it.
        token_count: in the embedder's own tokens, heading path included as it will be embedded.
    """

    ordinal: int
    text: str
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    kind: BlockKind = "paragraph"
    page_first: int | None = None
    page_last: int | None = None
    token_count: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that answered a query.

    Args:
        score: 0 to 1, higher is better: the relevance that thresholds compare with.
        dense_score: cosine similarity cut to 0..1; None when the dense leg was not asked, as when the embedder
            does not know the query's language.
        lexical_score: share of the highest BM25 score that any text could have, 0..1; None when not asked.
        rerank_score: the cross-encoder's, 0..1; None when none ran.
        dense_rank, lexical_rank: from 1 within each leg; None when the leg did not put it up.
    """

    chunk_id: int
    source_id: int
    base_id: int
    source_name: str
    text: str
    start: int
    end: int
    score: float
    heading_path: tuple[str, ...] = ()
    kind: BlockKind = "paragraph"
    page_first: int | None = None
    page_last: int | None = None
    page_label: str = ""
    dense_score: float | None = None
    dense_rank: int | None = None
    lexical_score: float | None = None
    lexical_rank: int | None = None
    rerank_score: float | None = None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What a search was asked for beside its query, so that it can be asked again.

    Args:
        base_ids: the bases that were searched as one.
        reranker: name of the model that ordered the candidates anew; "" where none did.
        candidates: passages that each leg put up.
    """

    base_ids: tuple[int, ...]
    top_k: int
    mode: Literal["hybrid", "dense", "lexical"]
    score_threshold: float
    reranker: str = ""
    candidates: int | None = None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Passages for one query, best first, with what it took to find them.

    Args:
        generation: identity of the index that answered, for the arm record.
        timings_ms: milliseconds by stage ("embed", "dense", "lexical", "fuse", "rerank", "load").
        dense_exact: True while stored vectors were searched exactly because the ANN index is being rebuilt.
        asked: what was asked for; None where the searcher did not tell.
    """

    query: str
    passages: tuple[Passage, ...]
    generation: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)
    dense_exact: bool = False
    notices: tuple[Notice, ...] = ()
    asked: SearchOptions | None = None
