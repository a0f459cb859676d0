"""The shapes of what is answered, for the OpenAPI description and the tests that hold answers against it.

Answers are made as plain dictionaries where they arise; nothing is validated while serving.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from assistant.arms import ArmRecord, Citation, Sentence


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorDetail(_Reply):
    """What is wrong; `code` is for programs, `message` for people."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(_Reply):
    """Every error."""

    error: ErrorDetail


class Model(_Reply):
    """A model that requests may name; `kind` says for which, `parent` which one it is an adapter of."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    kind: Literal["chat", "embedding", "reranker"]
    parent: str | None


class ModelList(_Reply):
    """GET /v1/models."""

    object: Literal["list"]
    data: list[Model]


class _CachedTokens(_Reply):
    cached_tokens: int


class UsageReply(_Reply):
    """Tokens, counted by the model's tokenizer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _CachedTokens


class _Provenance(_Reply):
    """Where an answer comes from."""

    citations: list[Citation]
    sentences: list[Sentence]
    refused: bool
    record: ArmRecord | None
    timings_ms: dict[str, float]


class Likelihood(_Reply):
    """A token and how likely it was; no bytes where it is a part of a character."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLikelihood(Likelihood):
    """A drawn token beside the likeliest ones."""

    top_logprobs: list[Likelihood]


class Logprobs(_Reply):
    """Every token's."""

    content: list[TokenLikelihood]
    refusal: None


class CompletionLogprobs(_Reply):
    """Every token's, in the words of the older interface; offsets count characters of the answer."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class AnswerMessage(_Reply):
    """What the assistant says; `reasoning_content` is there when the model thought aloud."""

    role: Literal["assistant"]
    content: str
    refusal: None
    reasoning_content: str | None = None


class ChatChoice(_Provenance):
    """One answer."""

    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length"]


class ChatReply(_Reply):
    """POST /v1/chat/completions without stream."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: UsageReply


class Delta(_Reply):
    """What comes on."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    reasoning_content: str | None = None


class ChunkChoice(_Reply):
    """A piece of one answer; the last one says where the answer comes from."""

    index: int
    delta: Delta
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length"] | None
    citations: list[Citation] | None = None
    sentences: list[Sentence] | None = None
    refused: bool | None = None
    record: ArmRecord | None = None
    timings_ms: dict[str, float] | None = None


class ChatChunk(_Reply):
    """POST /v1/chat/completions with stream: the data of one event."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: UsageReply | None = None


class TextChoice(_Reply):
    """One text, or a piece of it in a stream."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"] | None


class CompletionReply(_Reply):
    """POST /v1/completions; in a stream the data of one event."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    usage: UsageReply | None = None


class Vector(_Reply):
    """One text's embedding: numbers, or the base64 of little-endian 32-bit floats."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class _EmbeddingUsage(_Reply):
    prompt_tokens: int
    total_tokens: int


class EmbeddingReply(_Reply):
    """POST /v1/embeddings."""

    object: Literal["list"]
    model: str
    data: list[Vector]
    usage: _EmbeddingUsage


class _Found(_Reply):
    """A passage as `knowledge.documents.Passage` describes it."""

    knowledge_base: str
    chunk_id: int
    source_id: int
    base_id: int
    source_name: str
    text: str
    start: int
    end: int
    score: float
    heading_path: list[str]
    kind: str
    page_first: int | None
    page_last: int | None
    page_label: str
    dense_score: float | None
    dense_rank: int | None
    lexical_score: float | None
    lexical_rank: int | None
    rerank_score: float | None


class RetrievalReply(_Reply):
    """POST /v1/retrieval; passages best first, each with the name of its knowledge base."""

    object: Literal["list"]
    query: str
    data: list[_Found]
    generation: str
    timings_ms: dict[str, float]


class _RankedDocument(_Reply):
    text: str


class _Ranked(_Reply):
    index: int
    relevance_score: float
    document: _RankedDocument | None = None


class _RerankUsage(_Reply):
    total_tokens: int


class RerankReply(_Reply):
    """POST /v1/rerank; best first, each with its place in the request; scores are 0 to 1, tokens an estimate."""

    object: Literal["list"]
    model: str
    results: list[_Ranked]
    usage: _RerankUsage


class GenerateReply(_Provenance):
    """GET and POST /generate."""

    response: str
    model: str


class Health(_Reply):
    """GET /health: `stage` is "ready" once the models are in memory; requests before that wait for them."""

    status: Literal["ok", "failed"]
    stage: Literal["starting", "fetching", "loading", "ready", "failed"]
    model: str
