"""Arms and what they say: the vocabulary that the engine's callers, pages and experiments share.

An arm is a pair: retrieval off or on, adapter none or one. Only data; `assistant.ask` makes the events.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from knowledge.documents import Passage, Retrieval

Mode = Literal["hybrid", "dense", "lexical"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """How an arm's passages are found, where it differs from what the question was asked with.

    Args:
        bases: names of the knowledge bases to search; () takes the question's.
        top_k: passages; None takes the question's.
        mode: which legs search; None takes the settings'.
    """

    bases: tuple[str, ...] = ()
    top_k: int | None = None
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to answer.

    Args:
        retrieval: whether passages are looked up and put into the prompt.
        adapter: name of a LoRA adapter, or None for the base weights.
        model: name of another model than the settings' that answers, here or on a provider's server.
        lookup: how passages are found; says nothing without `retrieval`.
    """

    retrieval: bool
    adapter: str | None = None
    model: str | None = None
    lookup: Lookup = Lookup()

    @property
    def name(self) -> str:
        """`base`, `rag`, `sft:<adapter>` or `rag+sft:<adapter>`, with what is its own after a question mark.

        Such as `rag?top_k=3&mode=dense`; `assistant.arm_names` reads it back.
        """
        if self.adapter is None:
            kind = "rag" if self.retrieval else "base"
        else:
            kind = f"rag+sft:{self.adapter}" if self.retrieval else f"sft:{self.adapter}"
        own: list[tuple[str, object]] = [("model", self.model)]
        if self.retrieval:
            look = self.lookup
            own += [("top_k", look.top_k), ("mode", look.mode), *(("base", base) for base in look.bases)]
        told = "&".join(f"{key}={_escaped(str(value))}" for key, value in own if value is not None)
        return f"{kind}?{told}" if told else kind


def _escaped(value: str) -> str:
    """A value inside an arm's name: only what would be read as the name's own signs is written in percent."""
    return "".join(f"%{ord(sign):02X}" if sign in _SIGNS or ord(sign) < 32 else sign for sign in value)


_SIGNS = "%&=?,"


BASE = Arm(retrieval=False)
RAG = Arm(retrieval=True)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    Args:
        temperature: 0 is greedy; higher is more varied.
        top_p: nucleus mass, 0..1; 1 keeps everything.
        top_k: candidates kept; 0 keeps all.
        max_new_tokens: the answer's limit.
        seed: for repeatable draws; None draws a new one.
        thinking: whether a thinking model may think; None leaves it to the model's template.
        repetition_penalty: 1 is none.
        stop: strings that end the answer and are not part of it.
        logprobs: how many of the likeliest tokens are told with each drawn one, by an engine of ours; None tells
            nothing of probabilities.
        opening: a text with which an answer may begin, such as a refusal.
        opening_bias: added to the logit of that text's first token, for the answer's first token only; below 0 makes
            the model slower to begin so.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 256
    seed: int | None = 0
    thinking: bool | None = None
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    opening: str = ""
    opening_bias: float = 0.0
    logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation; `role` is "user" or "assistant"."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered source of an answer.

    Args:
        number: from 1, as shown in the answer.
        spans: the supporting places in `passage.text`, half open, in order, not overlapping.
        score: 0..1, how well the best span supports the sentence.
    """

    number: int
    passage: Passage
    spans: tuple[tuple[int, int], ...]
    score: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer and the citations that support it.

    Args:
        start, end: its span in `Answer.text`.
        citations: numbers into `Answer.citations`; empty when nothing supports it.
        checkable: False for greetings, refusals, questions and list lead-ins, which claim nothing.
        spans: per citation number, the supporting places in that passage's text.
    """

    start: int
    end: int
    citations: tuple[int, ...] = ()
    checkable: bool = True
    spans: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    @property
    def supported(self) -> bool:
        """Whether a passage supports it, or it claims nothing."""
        return bool(self.citations) or not self.checkable


@dataclass(frozen=True, slots=True)
class AdapterCheck:
    """What the engine's self-test found when it loaded an adapter.

    Args:
        changed: greatest difference of a logit between adapter and base on a fixed prompt; 0 is an adapter that does
            nothing.
        restored: whether the base's logits, with the adapter loaded and in the same batch, are to the bit those of
            before.
    """

    changed: float
    restored: bool


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """What made an answer: everything needed to make it again.

    Args:
        prompt_sha256: of the rendered prompt.
        adapter_sha256: of the adapter's weights; None without adapter.
        adapter_check: of the adapter's self-test; None without adapter, or where another server answered.
        index_generation: of the index that was searched; "" without retrieval.
        refuse_below: 0..1, passages with a lower score were left out; None without retrieval.
        reader_profile: how passages were put to the model, "small" or "full"; "" without retrieval.
    """

    arm: str
    model: str
    model_revision: str = ""
    adapter: str | None = None
    adapter_sha256: str | None = None
    adapter_check: AdapterCheck | None = None
    prompt_sha256: str = ""
    index_generation: str = ""
    refuse_below: float | None = None
    reader_profile: str = ""
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer.

    Args:
        text: without thinking and without stop token.
        thinking: the model's thoughts, where it thinks aloud.
        refused: nothing relevant was found, or the model said so; `text` is then the refusal.
        prompt: exactly what the model read, rendered by its chat template.
        prompt_tokens, cached_tokens, completion_tokens: counted by the model's tokenizer.
        cut_tokens: passage and history tokens left out because the context was full.
        finish_reason: "stop", "length", "cancelled" or "refused".
        timings_ms: milliseconds by stage ("model", the wait until it is loaded; "condense", "retrieve", "prefill",
            "first_token", "generate", "cite", "total").
        peak_memory_bytes: the most that the process held from the question to this answer's end, model and the arms
            beside it included; of the accelerator where there is one. None where another server answered.
        own_memory_bytes: what of that was this answer's own: the keys and values of its tokens.
    """

    text: str
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    refused: bool = False
    thinking: str = ""
    prompt: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cut_tokens: int = 0
    finish_reason: str = "stop"
    timings_ms: dict[str, float] = field(default_factory=dict)
    peak_memory_bytes: int | None = None
    own_memory_bytes: int | None = None
    record: ArmRecord | None = None


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages were found for this arm; `query` is what was searched, after condensing a follow-up."""

    arm: Arm
    query: str
    retrieval: Retrieval


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text to show now; `thinking` pieces are shown folded.

    Args:
        logprobs: of the tokens drawn for it, in OpenAI's words; only where `Sampling.logprobs` asks for them.
    """

    arm: Arm
    text: str
    thinking: bool = False
    logprobs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The arm is done."""

    arm: Arm
    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    """The arm could not answer; `error` is one of ours and can be shown. Other arms go on."""

    arm: Arm
    error: Exception


Event = Retrieved | Token | Finished | Failed


def passages_of(answer: Answer) -> list[Passage]:
    """The passages that an answer cites, in the order of their numbers."""
    return [citation.passage for citation in answer.citations]


def to_json(value: Any) -> Any:
    """Turn these dataclasses into plain dicts, lists and numbers, for `--json`, exports and storage."""
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value
