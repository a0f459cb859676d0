"""A conversation as the text the tokenizer's own chat template makes of it, and what in that text is whose.

Works with any template, `{% generation %}` or not. The template is rendered once per order of roles with marks in
place of the contents, which shows where each content lands, where the assistant's part begins (where the
generation prompt ends) and which token stops it. Every row is then rendered for real and compared with that
picture; where they differ, because the template looks into the content, the row is traced by its prefixes.

Thinking. Templates of thinking models drop the thinking of earlier turns, put an empty block before an answer
that has none, or open the block in the generation prompt. `thinking` says what of that is trained:

    "keep"   what the data thinks is trained. Where it does not think, the empty block that the template wants is
             context and not trained, so the model does not learn to skip thinking.
    "empty"  as "keep", and the empty block is trained: the model learns to answer without thinking.
    "none"   thinking in the data is left out; a block that the template insists on is context.

Source: https://huggingface.co/docs/transformers/chat_templating
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from finetune.errors import DatasetError
from finetune.examples import Message
from finetune.formats.conversation import Note, RowRefusedError
from finetune.template_pieces import Piece, Rendered, cut_up, fill, repairs, trimmed

Thinking = Literal["keep", "empty", "none"]
OPEN, CLOSE = "<think>\n", "\n</think>\n\n"

THOUGHT_KEYS = ("reasoning_content", "thinking", "reasoning")

_opener = re.compile(r"<think>\s*\Z")
_empty_block = re.compile(r"\s*(?:<think>)?\s*</think>\s*")


@dataclass(frozen=True, slots=True)
class _Shape:
    """The picture of one order of roles: as the template has it, and as it is trained."""

    native: tuple[Piece, ...]
    trained: tuple[Piece, ...]
    untrained: frozenset[int]


class ChatTemplate:
    """The chat template of a tokenizer.

    Raises:
        DatasetError: `template_missing`: the tokenizer has none.
    """

    def __init__(self, tokenizer: Any, *, thinking: Thinking = "keep") -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise DatasetError("template_missing", model=str(getattr(tokenizer, "name_or_path", "?")))
        self.tokenizer = tokenizer
        self.thinking = thinking
        source = tokenizer.get_chat_template()
        self._knows_calls = "tool_calls" in source
        self._knows_tools = re.search(r"\btools\b", source) is not None
        specials = {str(token) for token in tokenizer.all_special_tokens}
        specials |= {str(t) for t in tokenizer.added_tokens_decoder.values() if getattr(t, "special", False)}
        ordered = sorted(map(re.escape, specials - {""}), key=len, reverse=True)
        self._special = re.compile("|".join(ordered)) if ordered else None
        self._shapes: dict[tuple[tuple[str, bool], ...], _Shape | None] = {}
        self._call_arguments: Callable[[Any], Any] = _as_they_are
        self._thought_key = self._find_thought_key(source)
        self._opens_thinking, self._stop = self._find_habits()
        if self._knows_calls and not self._takes_call_objects():
            self._call_arguments = _as_json

    # ---- rendering

    def render(
        self,
        messages: Sequence[dict[str, Any]],
        *,
        generation_prompt: bool = False,
        tools: Sequence[Any] = (),
    ) -> str:
        """Return the template's text of messages in the library's form.

        Raises:
            RowRefusedError: `template_refused`, with what the template says.
        """
        try:
            return self.tokenizer.apply_chat_template(
                list(messages),
                tools=list(tools) or None,
                tokenize=False,
                add_generation_prompt=generation_prompt,
            )
        except Exception as error:  # a template is foreign code and may raise anything
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RowRefusedError("template_refused", reason=reason) from error

    def as_dicts(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Return the messages in the form that this template takes, thinking and tool calls included."""
        rows = []
        for message in messages:
            row: dict[str, Any] = {"role": message.role, "content": message.content}
            if message.thinking is not None and self.thinking != "none":
                if self._thought_key:
                    row[self._thought_key] = message.thinking
                else:
                    row["content"] = OPEN + message.thinking + CLOSE + message.content
            if message.tool_calls and self._knows_calls:
                functions = [call["function"] for call in message.tool_calls]
                row["tool_calls"] = [
                    {"type": "function", "function": {**f, "arguments": self._call_arguments(f["arguments"])}}
                    for f in functions
                ]
                row["content"] = "" if message.content.lstrip()[:1] in ("{", "[") else message.content
            rows.append(row)
        return rows

    def trace(self, messages: Sequence[Message], *, tools: Sequence[Any] = ()) -> Rendered:
        """Return the text of a conversation and what in it is whose.

        Raises:
            RowRefusedError: the template refuses the conversation, or its text cannot be told apart.
        """
        notes: list[Note] = []
        if tools and not self._knows_tools:
            notes.append(("tools_not_shown", {}))
            tools = ()
        if self.thinking == "none" and any(m.thinking for m in messages):
            notes.append(("thinking_removed", {}))
            messages = [replace(m, thinking=None) for m in messages]
        if self._special:
            for message in messages:
                inside = self._special.search(message.content) if "<" in message.content else None
                if inside:
                    notes.append(("special_in_text", {"token": inside[0]}))
        refusal: RowRefusedError | None = None
        for repaired, extra in repairs(messages):
            try:
                rendered = self._trace(repaired, tools)
            except RowRefusedError as error:
                refusal = refusal or error
                continue
            if rendered.untrained:
                notes.append(("history_untrained", {"turns": len(rendered.untrained)}))
            return replace(rendered, notes=(*notes, *extra))
        raise refusal or RowRefusedError("template_untraceable")

    def _trace(self, messages: Sequence[Message], tools: Sequence[Any]) -> Rendered:
        native = self.render(self.as_dicts(messages), tools=tools)
        if not tools and not any(m.tool_calls for m in messages):
            key = tuple((m.role, m.thinking is not None) for m in messages)
            if key not in self._shapes:
                self._shapes[key] = self._picture(messages)
            shape = self._shapes[key]
            # A template may trim what it is given; which one does shows in the comparison.
            for trims in (False, True) if shape else ():
                assert shape is not None
                filled = [trimmed(m) for m in messages] if trims else messages
                if fill(shape.native, filled)[0] == native:
                    text, pieces = fill(shape.trained, filled)
                    return Rendered(text, pieces, tuple(filled), text == native, (), shape.untrained)
        return self._trace_by_prefix(messages, native, tools)

    # ---- the picture of an order of roles

    def _picture(self, messages: Sequence[Message]) -> _Shape | None:
        """Render with marks in place of the contents; None where they do not come out once each, in order."""
        marked = [
            Message(m.role, f"\ue000{i}\ue001", None if m.thinking is None else f"\ue000{i}t\ue001")
            for i, m in enumerate(messages)
        ]
        dicts = self.as_dicts(marked)
        text = self.render(dicts)
        cuts: list[tuple[int, int, Piece]] = []
        for i, message in enumerate(marked):
            if text.count(message.content) != 1:
                return None
            at = text.index(message.content)
            cuts.append((at, at + len(message.content), Piece("content", i)))
            if message.thinking is not None and text.count(message.thinking) == 1:
                at = text.index(message.thinking)
                cuts.append((at, at + len(message.thinking), Piece("thinking", i)))
        cuts.sort(key=lambda cut: cut[0])
        if [cut[2].turn for cut in cuts] != sorted(cut[2].turn for cut in cuts):
            return None
        starts = {i: self._start(text, dicts, i) for i, m in enumerate(marked) if m.role == "assistant"}
        pieces = cut_up(text, cuts, starts, self._special)
        last = len(marked) - 1
        thoughts = {piece.turn for piece in pieces if piece.part == "thinking"}
        untrained = frozenset(
            i for i in starts
            if self._opens_thinking and self.thinking == "keep" and i != last and i not in thoughts
        )  # fmt: skip
        return _Shape(tuple(pieces), tuple(self._with_thinking(pieces, marked, dicts)), untrained)

    def _start(self, text: str, dicts: list[dict[str, Any]], turn: int) -> int | None:
        """Where the part of `text` begins that the model writes itself in this turn: after the generation prompt."""
        if turn == 0:
            return None
        try:
            prompt = self.render(dicts[:turn], generation_prompt=True)
        except RowRefusedError:
            return None
        if text.startswith(prompt):
            return len(prompt)
        prompt = _opener.sub("", prompt)
        return len(prompt) if text.startswith(prompt) else None

    def _with_thinking(
        self, pieces: list[Piece], marked: list[Message], dicts: list[dict[str, Any]]
    ) -> list[Piece]:
        """Put back, in the last turn, the thinking block that the model will see or write at inference."""
        last = len(marked) - 1
        if marked[last].role != "assistant":
            return pieces
        at = next(k for k, piece in enumerate(pieces) if piece == Piece("content", last))
        pieces = self._with_stop(pieces, last)
        if self.thinking == "none" or any(p.turn == last and p.part in ("thinking", "block") for p in pieces):
            return pieces
        try:
            prompt = self.render(dicts[:last], generation_prompt=True)
        except RowRefusedError:
            prompt = ""
        opened = _opener.search(prompt)
        body: list[Piece] = []
        if marked[last].thinking is not None:
            opening = Piece("between", -1, opened[0]) if opened else Piece("lead", last, OPEN)
            body = [opening, Piece("thinking", last), Piece("lead", last, CLOSE)]
        elif opened:
            body = [Piece("between", -1, opened[0]), Piece("block", last, CLOSE)]
        if not body:
            return pieces
        # What the template left of the block it took out, such as its line breaks, comes with the new block.
        before = [piece for piece in pieces[:at] if not (piece.turn == last and piece.part == "lead")]
        return before + body + pieces[at:]

    def _with_stop(self, pieces: list[Piece], last: int) -> list[Piece]:
        """End the last answer by the tokenizer's stop token where the template does not."""
        eos = self.tokenizer.eos_token
        if not eos or any(piece.part == "stop" and piece.turn == last for piece in pieces):
            return pieces
        return [*pieces[: pieces.index(Piece("content", last)) + 1], Piece("stop", last, str(eos))]

    # ---- rows whose content the template looks into

    def _trace_by_prefix(self, messages: Sequence[Message], text: str, tools: Sequence[Any]) -> Rendered:
        """Find each answer between the generation prompt of what is before it and the end of what includes it."""
        dicts = self.as_dicts(messages)
        pieces: list[tuple[Piece, int, int]] = []
        untrained = set()
        at = 0
        for i, message in enumerate(messages):
            if message.role != "assistant":
                continue
            start = end = -1
            if i:
                prompt = self.render(dicts[:i], generation_prompt=True, tools=tools)
                prompt = prompt if text.startswith(prompt) else _opener.sub("", prompt)
                start = len(prompt) if text.startswith(prompt) else -1
            content = message.content.strip()
            found = text.find(content, max(start, at)) if content and not message.tool_calls else -1
            if found >= 0:
                start, end = (start if start >= 0 else found), found + len(content)
            else:
                end = self._end_of_call(text, dicts[: i + 1], start, tools)
            if any(
                m.content and m.content in text[start:end]
                for m in messages[i + 1 : i + 2]
                if m.role == "tool"
            ):
                raise RowRefusedError(
                    "template_untraceable"
                )  # the tool's words would be trained as the model's
            block = _empty_block.match(text, start, end) if message.thinking is None else None
            thinks = "</think>" in text[start:end]
            if self._opens_thinking and self.thinking == "keep" and i != len(messages) - 1 and not thinks:
                untrained.add(i)
            pieces.append((Piece("between"), at, start))
            if block:
                pieces.append((Piece("block", i), start, block.end()))
                start = block.end()
            stop = self._special.search(text, end) if self._special else None
            if stop and not text[end : stop.start()].strip():
                pieces.append((Piece("content", i), start, stop.start()))
                pieces.append((Piece("stop", i), stop.start(), stop.end()))
                at = stop.end()
            else:
                pieces.append((Piece("content", i), start, end))
                at = end
        pieces.append((Piece("between"), at, len(text)))
        kept = tuple(piece for piece in pieces if piece[1] < piece[2])
        return Rendered(text, kept, tuple(messages), True, (), frozenset(untrained))

    def _end_of_call(self, text: str, dicts: list[dict[str, Any]], start: int, tools: Sequence[Any]) -> int:
        """Where a turn ends whose content the template writes in its own way: before its stop token."""
        until = self.render(dicts, tools=tools)
        stops = list(self._special.finditer(until, max(start, 0))) if self._special else []
        if start >= 0 and text.startswith(until) and stops:
            return stops[-1].start()
        end = text.find(self._stop, start) if start >= 0 and self._stop else -1
        if end < 0:
            raise RowRefusedError("template_untraceable")
        return end

    # ---- what kind of template this is

    def _find_thought_key(self, source: str) -> str | None:
        """The message key by which the template takes thinking, None for the inline form."""
        asked = {"role": "user", "content": "\ue000"}
        for key in THOUGHT_KEYS:
            if key not in source:
                continue
            try:
                answered = self.render([asked, {"role": "assistant", "content": "\ue001", key: "\ue002"}])
            except RowRefusedError:
                continue
            if "\ue002" in answered:
                return key
        return None

    def _find_habits(self) -> tuple[bool, str]:
        """Whether the template opens a thinking block by itself, and the token that ends an answer."""
        asked = {"role": "user", "content": "\ue000"}
        try:
            answered = self.render([asked, {"role": "assistant", "content": "\ue001"}])
            stop = self._special.search(answered, answered.find("\ue001")) if self._special else None
            opens = "<think>" in answered or "<think>" in self.render([asked], generation_prompt=True)
        except RowRefusedError:
            return False, ""
        return opens, stop[0] if stop else ""

    def _takes_call_objects(self) -> bool:
        """Whether a call's arguments may be an object; some templates join them as text."""
        call = Message("assistant", "{}", tool_calls=({"function": {"name": "f", "arguments": {"a": "b"}}},))
        try:
            self.render(self.as_dicts([Message("user", "\ue000"), call]))
        except RowRefusedError:
            return False
        return True


def _as_they_are(arguments: Any) -> Any:
    return arguments


def _as_json(arguments: Any) -> str:
    return json.dumps(arguments, ensure_ascii=False)
