"""What of an answer is shown while it is written, and its thoughts told apart from its text."""

from collections.abc import Callable

from langchain_core.messages import BaseMessage

from assistant.arms import Arm, Event, Token
from assistant.messages import Language
from assistant.prompts import may_become_refusal, without_documents

Put = Callable[[Event], None]
"""Takes what happens to an arm."""


class Writing:
    """Shows an answer as it is written; a beginning that may become a refusal is held until it is one or is not.

    Args:
        rewords: whether a refusal of a model without documents is put into our words.
    """

    def __init__(self, arm: Arm, put: Put, *, language: Language, rewords: bool) -> None:
        self._arm, self._put = arm, put
        self._language, self._rewords = language, rewords
        self._begun = False
        self._held = ""

    def add(self, piece: BaseMessage) -> None:
        """Show the next piece, thoughts apart, as far as it may be shown."""
        logprobs = tuple(piece.response_metadata.get("logprobs", {}).get("content", ()))
        thought = piece.additional_kwargs.get("reasoning_content", "")
        if thought:
            self._put(Token(self._arm, thought, thinking=True, logprobs=logprobs))
            logprobs = ()
        text = str(piece.text) if self._begun else piece.text.lstrip()
        if text and self._rewords and (self._held or not self._begun):
            text = self._held + text
            self._begun = True
            self._held = text if may_become_refusal(text) else ""
            text = "" if self._held else without_documents(text, self._language)
        if text or logprobs:
            self._begun = self._begun or bool(text)
            self._put(Token(self._arm, text, logprobs=logprobs))

    def end(self) -> None:
        """Show what is still held."""
        if self._held:
            self._put(Token(self._arm, self._held))


def thoughts_apart(message: BaseMessage) -> tuple[str, str]:
    """The thoughts and the answer of a message."""
    thinking = message.additional_kwargs.get("reasoning_content", "")
    text = message.text.strip()
    if "</think>" in text:
        # A template that opens the thoughts itself leaves only their end in the answer.
        before, _, text = (part.strip() for part in text.partition("</think>"))
        thinking = f"{thinking}\n{before}".strip()
    return thinking, text
