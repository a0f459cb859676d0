"""What can be set about storing and searching. Sections of settings files live in `assistant.settings`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnowledgeConfig:
    """Options of an open knowledge folder.

    Args:
        embedder: name of the embedder that new bases use.
        candidates: passages that each leg puts up for fusion, or for the reranker. On SciFact 50 rank as well as
            100 and cost half.
        index_from: chunks; a smaller base is searched exactly and gets no Chroma generation, because
            exact search is then as fast and needs no second copy.
        rebuild_share: 0..1; a generation is rebuilt when more than this share of the chunks is new since.
            Until then the new ones are searched exactly beside it.
        parse_workers: child processes that parse while this process embeds.
        batch_chunks: chunks embedded together, across files; also the unit that a stop waits for.
        free_space_mb: MiB that must stay free on the disk; indexing stops before it is reached.
        background: whether generations are built by a background thread when something changed.
    """

    embedder: str = "all-minilm-l6-v2"
    candidates: int = 50
    index_from: int = 64
    rebuild_share: float = 0.2
    parse_workers: int = 2
    batch_chunks: int = 256
    free_space_mb: int = 64
    background: bool = True
