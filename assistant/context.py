"""Shape retrieved passages into the text that the model reads, within a budget of tokens.

Pure: no model is run here but the embedder, and nothing is known of prompts. What a model of a given size
can read is a `ContextProfile`; the figures behind `SMALL` are in the README and come from `bench/reading.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from assistant.sentences import is_table_row, needs_sentence_before, rank_sentences, table_head
from knowledge.documents import Passage
from knowledge.sentences import split_sentences

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

CountTokens = Callable[[str], int]
_Chosen = dict[int, set[tuple[int, int]]]  # spans by passage, in the order in which passages were picked
_CHINESE_END = ("。", "！", "？", "；")
SMALL_MODEL_PARAMETERS = 1_000_000_000
"""Models with fewer parameters read better from a few sentences than from whole passages."""


@dataclass(frozen=True, slots=True)
class ContextProfile:
    """How much a model can read, and how its answers are treated.

    Args:
        name: "small" picks sentences, "full" keeps passages whole.
        max_passages: passages considered, from the best.
        max_sentences: sentences picked by "small"; neighbours that a pronoun needs come on top.
        max_new_tokens: a fitting length for the answer.
        repetition_penalty: for `Sampling`; 1 is none.
        stop: for `Sampling`; strings that end the answer.
        history_turns: earlier messages that are put into the prompt.
        guard: whether an answer that the passages do not support is replaced by their best sentence
            (see `assistant.extractive`).
        least_fit: 0..1; when even the best sentence fits the question less, the context is empty, which
            callers answer with a refusal. It tells questions about something else from questions about the
            documents; it cannot tell an answer from a near miss, and neither can a small model.
        least_overlap: the same without an embedder, when words alone decide.
        refusal_bias: added to the logit of the refusal's first token where an answer from passages begins; trades
            wrong refusals against invented answers. Calibrated for one model.
        trusts_refusal: whether the model's own refusal is taken at its word; otherwise it is an answer like another,
            for the guard to check.
    """

    name: Literal["small", "full"]
    max_passages: int
    max_sentences: int = 0
    max_new_tokens: int = 512
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    history_turns: int = 6
    guard: bool = False
    least_fit: float = 0.0
    least_overlap: float = 0.0
    refusal_bias: float = 0.0
    trusts_refusal: bool = True


SMALL = ContextProfile(
    name="small",
    max_passages=3,
    max_sentences=2,
    max_new_tokens=48,
    stop=("\n",),
    history_turns=0,
    guard=True,
    least_fit=0.28,
    least_overlap=0.15,
)
READER = replace(SMALL, max_sentences=3, least_fit=0.2, refusal_bias=-2.75)
"""For a small model that was trained to read; the figures are in finetune/recipes/reader/README.md."""
READER_ABROAD = replace(SMALL, trusts_refusal=False)
"""The same in a language it was not taught: there it would refuse everything, which says nothing of the passages. The
guard then quotes their best sentence, as for any small model."""
FULL = ContextProfile(name="full", max_passages=8)


def profile_for(
    parameters: int | None, *, reads: bool = False, language: Literal["en", "zh"] = "en"
) -> ContextProfile:
    """Return the profile for a model with so many parameters; None is a server's, which seldom are small.

    Args:
        reads: whether it was trained to read passages under our prompt, in English.
        language: of the question.
    """
    if reads:
        return READER if language == "en" else READER_ABROAD
    return SMALL if parameters is not None and parameters < SMALL_MODEL_PARAMETERS else FULL


@dataclass(frozen=True, slots=True)
class UsedPassage:
    """A passage that the model was shown, and which spans of its text, in order, not overlapping."""

    passage: Passage
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ShapedContext:
    """What the model reads.

    Args:
        text: passages separated by blank lines; "full" numbers them as in `used`, from 1; "small" has the
            best last, where a small model reads it best.
        used: best first.
        cut_tokens: tokens of the given passages that did not fit the budget. Sentences that "small" left
            out on purpose are not counted.
    """

    text: str
    used: tuple[UsedPassage, ...]
    cut_tokens: int = 0


def shape_context(
    question: str,
    passages: Sequence[Passage],
    *,
    count_tokens: CountTokens,
    budget: int,
    profile: ContextProfile,
    embedder: "Embedder | None" = None,
) -> ShapedContext:
    """Turn ranked passages into the text for the prompt.

    Args:
        passages: best first.
        count_tokens: of the answering model.
        budget: tokens that `text` may take; 0 or less gives an empty context.
        embedder: helps to pick sentences; pass None where it does not know the question's language.
    """
    kept = list(passages[: profile.max_passages])
    if profile.name == "full":
        return _whole_passages(kept, count_tokens, budget)
    return _best_sentences(question, kept, count_tokens, budget, profile, embedder)


def title_of(passage: Passage) -> str:
    """Return the heading path as one line, or the file's name where there is none."""
    return " > ".join(passage.heading_path) or passage.source_name


def _whole_passages(passages: list[Passage], count_tokens: CountTokens, budget: int) -> ShapedContext:
    """Keep passages whole, numbered by rank; the last that fits is cut at a sentence's end."""
    parts: list[str] = []
    used: list[UsedPassage] = []
    cut = 0
    for passage in passages:
        head = f"[{len(parts) + 1}] {title_of(passage)}"
        whole = f"{head}\n{passage.text}"
        if _fits([*parts, whole], count_tokens, budget):
            parts.append(whole)
            used.append(UsedPassage(passage, ((0, len(passage.text)),)))
            continue
        end = _largest_prefix(passage, parts, head, count_tokens, budget)
        if cut == 0 and end:
            parts.append(f"{head}\n{passage.text[:end]}")
            used.append(UsedPassage(passage, ((0, end),)))
            cut += count_tokens(passage.text[end:])
        else:
            cut += count_tokens(passage.text)
            # A lower passage must not take the place of a better one.
            budget = 0
    return ShapedContext("\n\n".join(parts), tuple(used), cut)


def _largest_prefix(
    passage: Passage, parts: list[str], head: str, count_tokens: CountTokens, budget: int
) -> int:
    """End of the longest run of whole sentences from the passage's start that fits; 0 if none does."""
    best = 0
    for _, end in split_sentences(passage.text):
        if not _fits([*parts, f"{head}\n{passage.text[:end]}"], count_tokens, budget):
            break
        best = end
    return best


def _fits(parts: list[str], count_tokens: CountTokens, budget: int) -> bool:
    return count_tokens("\n\n".join(parts)) <= budget


def _best_sentences(
    question: str,
    passages: list[Passage],
    count_tokens: CountTokens,
    budget: int,
    profile: ContextProfile,
    embedder: "Embedder | None",
) -> ShapedContext:
    """Pick the sentences that fit the question best; within a passage they keep the document's order."""
    ranked = rank_sentences(question, passages, embedder=embedder)
    least = profile.least_fit if embedder is not None else profile.least_overlap
    if not ranked or ranked[0].score < least:
        return ShapedContext("", ())
    sentences = [split_sentences(passage.text) for passage in passages]
    chosen: _Chosen = {}
    cut = 0
    for candidate in ranked[: profile.max_sentences]:
        at = candidate.passage
        span = (candidate.start, candidate.end)
        with_companions = {span, *_companions(passages[at].text, sentences[at], span)}
        for spans in (with_companions, {span}):
            trial = _added(chosen, at, spans)
            if count_tokens(_render(passages, trial)) <= budget:
                chosen = trial
                break
        else:
            cut += count_tokens(passages[at].text[span[0] : span[1]])
    used = tuple(UsedPassage(passages[at], tuple(sorted(spans))) for at, spans in chosen.items())
    return ShapedContext(_render(passages, chosen), used, cut)


def _added(chosen: _Chosen, at: int, spans: set[tuple[int, int]]) -> _Chosen:
    """A copy of `chosen` with `spans` of one passage more; insertion order is kept."""
    copy = {i: set(kept) for i, kept in chosen.items()}
    copy.setdefault(at, set()).update(spans)
    return copy


def _companions(text: str, sentences: list[tuple[int, int]], span: tuple[int, int]) -> set[tuple[int, int]]:
    """What a sentence cannot be read without: the one before a pronoun, the head row of a table."""
    head = table_head(text, sentences, span)
    if head is not None:
        return {head}
    at = sentences.index(span)
    if at > 0 and needs_sentence_before(text[span[0] : span[1]]):
        return {sentences[at - 1]}
    return set()


def _render(passages: list[Passage], chosen: _Chosen) -> str:
    """The chosen sentences under their titles; the passage with the best one last, nearest to the question."""
    parts = []
    for at, spans in reversed(chosen.items()):
        text = passages[at].text
        lines = [title_of(passages[at])]
        for start, end in sorted(spans):
            piece = " ".join(text[start:end].split())
            flows = len(lines) > 1 and not is_table_row(piece) and not is_table_row(lines[-1])
            if flows:
                lines[-1] += ("" if lines[-1].endswith(_CHINESE_END) else " ") + piece
            else:
                lines.append(piece)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)
