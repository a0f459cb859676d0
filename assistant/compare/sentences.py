"""Sentences of a verdict: codes with parameters, and what arms and points are called in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assistant.compare.cells import adapter_of, cell_of, settings_of
from assistant.messages import Language, render

_LABELS: dict[str, dict[Language, str]] = {
    "base": {"en": "the model alone", "zh": "仅模型"},
    "rag": {"en": "retrieval (RAG)", "zh": "检索（RAG）"},
    "sft": {"en": "fine-tuning (SFT)", "zh": "微调（SFT）"},
    "rag+sft": {"en": "retrieval with fine-tuning", "zh": "检索加微调"},
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence; parameters that differ by language are pairs of English and Chinese."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """The sentence in `language`."""
        chosen = {
            key: value[language] if isinstance(value, dict) else value for key, value in self.params.items()
        }
        text = render(self.code, chosen, language)
        return text[:1].upper() + text[1:]  # the name of an arm may begin it


def arm_label(arm: str) -> dict[Language, str]:
    """What an arm is called in a sentence."""
    named, adapter, own = _LABELS[cell_of(arm)], adapter_of(arm), settings_of(arm)
    en, zh = named["en"], named["zh"]
    if adapter:
        en, zh = f"{en} “{adapter}”", f"{zh}“{adapter}”"
    return {"en": f"{en} ({own})", "zh": f"{zh}（{own}）"} if own else {"en": en, "zh": zh}


def points(share: float, digits: int) -> str:
    """A share as points of 100, without the sign of a nought."""
    text = f"{100 * share:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text
