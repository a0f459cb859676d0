"""From logits to text: drawing a token, turning ids into text as they come, stop strings, thinking.

Everything here belongs to one request and keeps its state; nothing knows a model or a document.
Imported only where an engine runs, because it needs torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from assistant.arms import Sampling

_OPEN, _CLOSE = "<think>", "</think>"


class Sampler:
    """Draws the next token of one request, repeatably for a given seed.

    Penalty, temperature, top_k and top_p are applied in this order, as transformers does, so that equal
    settings mean the same there and here.

    Args:
        opening_id: the token that `sampling.opening` begins with; None leaves the first token alone.
    """

    def __init__(
        self, sampling: Sampling, prompt_ids: Sequence[int], *, opening_id: int | None = None
    ) -> None:
        self._sampling = sampling
        self._opening_id = opening_id
        self._random = torch.Generator()
        if sampling.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(sampling.seed)
        self._seen = torch.tensor(sorted(set(prompt_ids)), dtype=torch.long)

    def draw(self, logits: torch.Tensor, *, likeliest: int | None = None) -> int:
        """Return a token id for `logits` (V,).

        Args:
            likeliest: that of the greatest, where it is known already.
        """
        sampling = self._sampling
        if self._opening_id is not None:
            likeliest = None
            logits = logits.clone()
            logits[self._opening_id] += sampling.opening_bias
            self._opening_id = None
        if sampling.repetition_penalty == 1.0 and sampling.temperature <= 0:
            return int(logits.argmax()) if likeliest is None else likeliest
        # On the CPU and in fp32, so that a seed gives the same draw on every device.
        scores = logits.float().cpu().clone()
        if sampling.repetition_penalty != 1.0:
            seen = scores[self._seen]
            penalty = sampling.repetition_penalty
            scores[self._seen] = torch.where(seen < 0, seen * penalty, seen / penalty)
        token = int(scores.argmax()) if sampling.temperature <= 0 else self._draw_from(scores)
        if sampling.repetition_penalty != 1.0:
            self._seen = torch.cat([self._seen, torch.tensor([token])]).unique()
        return token

    def _draw_from(self, scores: torch.Tensor) -> int:
        sampling = self._sampling
        scores = scores / sampling.temperature
        if 0 < sampling.top_k < len(scores):
            scores = scores.masked_fill(scores < scores.topk(sampling.top_k).values[-1], -torch.inf)
        if sampling.top_p < 1:
            ordered, order = scores.sort(descending=True)
            before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
            # The likeliest token always stays: nothing comes before it.
            scores = scores.index_fill(0, order[before >= max(sampling.top_p, 1e-9)], -torch.inf)
        return int(torch.multinomial(scores.softmax(-1), 1, generator=self._random))


class Detokenizer:
    """Turns token ids into text one by one; a character spread over several tokens comes out once, whole."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._fast = getattr(tokenizer, "backend_tokenizer", None)
        self._ids: list[int] = []
        self._shown = ""
        if self._fast is not None:
            from tokenizers.decoders import DecodeStream

            self._stream = DecodeStream(skip_special_tokens=True)

    def step(self, token_id: int) -> str:
        """Return the text that `token_id` completes; "" while a character is unfinished."""
        if self._fast is not None:
            return self._stream.step(self._fast, token_id) or ""
        # Tokenizers without a fast backend decode everything again: slow for long answers, but right.
        self._ids.append(token_id)
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        if text.endswith("\ufffd") or not text.startswith(self._shown):
            return ""
        new, self._shown = text[len(self._shown) :], text
        return new


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that may be shown now."""

    text: str
    thinking: bool = False


class ThinkingSplitter:
    """Separates what stands between <think> and </think> from the answer.

    Args:
        thinking: whether the prompt already ended with an open <think>, as some templates make it.
    """

    def __init__(self, *, thinking: bool = False) -> None:
        self._thinking = thinking
        self._held = ""
        self._trim = False

    def feed(self, text: str) -> list[Piece]:
        """Return the pieces that are certain; the start of a possible tag is held back."""
        self._held += text
        pieces: list[Piece] = []
        while self._held:
            tag = _CLOSE if self._thinking else _OPEN
            at = self._held.find(tag)
            if at < 0:
                keep = _overlap(self._held, (tag,))
                self._emit(self._held[: len(self._held) - keep], pieces)
                self._held = self._held[len(self._held) - keep :]
                break
            self._emit(self._held[:at], pieces)
            self._held = self._held[at + len(tag) :]
            self._thinking = not self._thinking
            self._trim = True
        return pieces

    def flush(self) -> list[Piece]:
        """Return what was held back; nothing more comes."""
        pieces: list[Piece] = []
        self._emit(self._held, pieces)
        self._held = ""
        return pieces

    def _emit(self, text: str, pieces: list[Piece]) -> None:
        if self._trim:
            # The blank lines around the tags belong to neither side.
            text = text.lstrip("\n")
            self._trim = not text
        if text:
            pieces.append(Piece(text, self._thinking))


class StopMatcher:
    """Ends an answer at the first stop string; never lets a part of one through."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Return the text that is certain; sets `stopped` when a stop string is complete."""
        if not self._stops:
            return text
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            sure, self._held = self._held[: min(found)], ""
            return sure
        keep = _overlap(self._held, self._stops)
        sure, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return sure

    def flush(self) -> str:
        """Return what was held back; nothing more comes."""
        rest, self._held = self._held, ""
        return rest


def _overlap(text: str, marks: Sequence[str]) -> int:
    """Length of the longest end of `text` that begins one of `marks`."""
    longest = min(len(text), max(len(mark) for mark in marks) - 1)
    for length in range(longest, 0, -1):
        if any(mark.startswith(text[-length:]) for mark in marks):
            return length
    return 0


class AnswerStream:
    """Token ids in, pieces that may be shown out: detokenizer, thinking and stop strings in a row.

    Stop strings end the answer, not the thinking before it.

    Args:
        prompt_end: the end of the prompt's text; an open <think> there means that thinking comes first.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str], *, prompt_end: str) -> None:
        self._text = Detokenizer(tokenizer)
        self._split = ThinkingSplitter(thinking=prompt_end.rstrip().endswith(_OPEN))
        self._stop = StopMatcher(stops)

    @property
    def stopped(self) -> bool:
        """Whether a stop string is complete."""
        return self._stop.stopped

    def feed(self, token_id: int) -> list[Piece]:
        """Return the pieces that this token makes certain."""
        return self._through_stop(self._split.feed(self._text.step(token_id)))

    def flush(self) -> list[Piece]:
        """Return what was held back; nothing more comes."""
        if self.stopped:
            return []
        pieces = self._through_stop(self._split.flush())
        rest = "" if self.stopped else self._stop.flush()
        return [*pieces, Piece(rest)] if rest else pieces

    def _through_stop(self, pieces: Sequence[Piece]) -> list[Piece]:
        shown: list[Piece] = []
        for piece in pieces:
            if piece.thinking:
                shown.append(piece)
            elif not self.stopped and (text := self._stop.feed(piece.text)):
                shown.append(Piece(text))
        return shown
