"""The requests that are understood. Fields that are not named here are ignored, as OpenAI's own servers do."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

_MAX_CHOICES = 8
_MAX_STOPS = 16
_MAX_INPUTS = 2048
_MAX_RANKED = 1000
_SEED = 2**63
_MAX_LOGPROBS = 20
_TOP_K = Field(ge=-1, description="0 or -1 keeps all")
_MAX_TOKENS = Field(
    ge=1, description="of each answer; over all prompts and choices at most the setting server.max_tokens"
)

Number = StrictFloat
"""Takes whole numbers too; a union with them would name the wrong kind in its errors."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


# One string or a list of them; a schema that says so is handed out, a list is what the code sees.
Stops = Annotated[
    list[str],
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
    Field(max_length=_MAX_STOPS),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Sampled(_Request):
    """What all requests for text have in common; what is null or absent takes what suits the model."""

    model: Annotated[
        str,
        Field(
            min_length=1,
            description="base, rag, sft:<adapter> or rag+sft:<adapter>; an arm with rag searches one "
            "knowledge base with @<knowledge base> behind it, all without",
            examples=["rag"],
        ),
    ]
    temperature: Annotated[Number | None, Field(ge=0, le=2, description="0 is greedy")] = None
    top_p: Annotated[Number | None, Field(ge=0, le=1)] = None
    top_k: Annotated[StrictInt | None, _TOP_K] = None
    max_tokens: Annotated[StrictInt | None, _MAX_TOKENS] = None
    stop: Stops | None = None
    seed: Annotated[StrictInt | None, Field(ge=-_SEED, lt=_SEED)] = None
    repetition_penalty: Annotated[Number | None, Field(gt=0, le=10, description="1 is none")] = None


class StreamOptions(_Request):
    """How a stream ends."""

    include_usage: StrictBool = False


class TextPart(_Request):
    """A part of a message; only text is understood, and no address is ever fetched."""

    type: Literal["text"]
    text: str


class RefusalPart(_Request):
    """A part of an earlier answer in which another model refused."""

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        """What was said."""
        return self.refusal


class ChatMessage(_Request):
    """One message of the conversation.

    Assistant turns without text, as calls of tools are, and what tools told are left out of the history: no model
    here calls tools, so they are between the client and another model, whose answer follows as text.
    """

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[
        str | list[TextPart | RefusalPart] | None,
        Field(validate_default=True, description="null only of assistant, tool and function"),
    ] = None

    @field_validator("content")
    @classmethod
    def _said(cls, content: Any, told: ValidationInfo) -> Any:
        if content is None and told.data.get("role") in ("system", "developer", "user"):
            raise PydanticCustomError("missing", "Field required")
        return content

    @property
    def text(self) -> str:
        """The content as one string."""
        content = self.content or ""
        return content if isinstance(content, str) else "".join(part.text for part in content)


class TemplateOptions(_Request):
    """Options of the model's chat template."""

    enable_thinking: StrictBool | None = None


class ResponseFormat(_Request):
    """What the answer looks like: text is what there is."""

    type: Literal["text"]


class _Streamed(_Sampled):
    stream: StrictBool | None = False
    stream_options: StreamOptions | None = None
    n: Annotated[StrictInt | None, Field(ge=1, le=_MAX_CHOICES)] = 1


class ChatRequest(_Streamed):
    """POST /v1/chat/completions."""

    messages: Annotated[
        list[ChatMessage], Field(min_length=1, description="the last one is the user's; oldest first")
    ]
    max_completion_tokens: Annotated[StrictInt | None, Field(ge=1, description="goes before max_tokens")] = (
        None
    )
    response_format: ResponseFormat | None = None
    logprobs: Annotated[
        StrictBool | None,
        Field(
            description="null comes back where the answer is not what the model wrote, as when an arm with rag "
            "refuses or quotes a passage, or where another server, which has the model, tells none"
        ),
    ] = False
    top_logprobs: Annotated[
        StrictInt | None, Field(ge=0, le=_MAX_LOGPROBS, description="likeliest tokens told with each")
    ] = None
    tools: Annotated[Any, Field(description="read past: tools are never called")] = None
    tool_choice: Annotated[Any, Field(description="read past: tools are never called")] = None
    chat_template_kwargs: TemplateOptions | None = None


class CompletionRequest(_Sampled):
    """POST /v1/completions: the text goes on, without a chat template."""

    prompt: Annotated[
        list[str],
        BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
        Field(min_length=1, max_length=_MAX_CHOICES),
    ]
    stream: StrictBool | None = False
    stream_options: StreamOptions | None = None
    n: Annotated[StrictInt | None, Field(ge=1, le=_MAX_CHOICES)] = 1
    echo: StrictBool | None = False
    logprobs: Annotated[
        StrictInt | None, Field(ge=0, le=_MAX_LOGPROBS, description="likeliest tokens told with each")
    ] = None


class EmbeddingRequest(_Request):
    """POST /v1/embeddings."""

    model: Annotated[str, Field(min_length=1, examples=["all-minilm-l6-v2"])]
    input: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
        Field(
            min_length=1,
            max_length=_MAX_INPUTS,
            description="text; token numbers of another model's tokenizer mean nothing here",
        ),
    ]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[StrictInt | None, Field(ge=1, description="only the model's own")] = None
    input_type: Annotated[
        Literal["document", "query"], Field(description="some models embed questions in another way")
    ] = "document"


class RetrievalRequest(_Request):
    """POST /v1/retrieval: ranked passages, without a model."""

    query: Annotated[str, Field(min_length=1)]
    knowledge_bases: Annotated[list[str] | None, Field(description="names; null searches all")] = None
    top_k: Annotated[StrictInt | None, Field(ge=1, le=100)] = None
    mode: Literal["hybrid", "dense", "lexical"] | None = None
    score_threshold: Annotated[Number, Field(ge=0, le=1)] = 0.0


class RankedText(_Request):
    """A text as some clients write it."""

    text: str


class RerankRequest(_Request):
    """POST /v1/rerank, as Jina, Cohere and vLLM have it."""

    model: Annotated[
        str | None, Field(min_length=1, description="the setting models.reranker, which is the only one")
    ] = None
    query: Annotated[str, Field(min_length=1)]
    documents: Annotated[list[str | RankedText], Field(min_length=1, max_length=_MAX_RANKED)]
    top_n: Annotated[StrictInt | None, Field(ge=1, description="how many to tell; null tells all")] = None
    return_documents: StrictBool | None = False


class GenerateRequest(_Request):
    """POST /generate, and GET /generate with the same names in the address."""

    prompt: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(min_length=1)] = "rag"
    max_tokens: Annotated[int | None, _MAX_TOKENS] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    top_k: Annotated[int | None, _TOP_K] = None
    stop: Stops | None = None
    seed: Annotated[int | None, Field(ge=-_SEED, lt=_SEED)] = None
