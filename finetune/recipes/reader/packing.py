"""Several questions about one context, or about none, as one sequence, in which what they share is computed once.

The context comes first, the questions with their answers after it, side by side: each sees the context and itself,
no other question, and its positions go on from the context's end. So every answer is learnt under exactly the
prompt that the app gives, at about a third of the tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.context import SMALL
from assistant.prompts import build_messages, plain_messages, refusal
from finetune.recipes.reader.rows import Group

if TYPE_CHECKING:
    import torch

_ROLE = {"system": "system", "human": "user", "ai": "assistant"}
_MARK = "@@question@@"
REFUSAL_FIRST = 2.0
REFUSAL_REST = 0.1
"""What the first word of a refusal counts, where it is decided, and its others, which follow by themselves."""


@dataclass(frozen=True, slots=True)
class PackedGroup:
    """Token ids, their positions, the branch of each (0 the context), and the weight of learning each."""

    ids: list[int]
    positions: list[int]
    branch: list[int]
    weight: list[float]


class Packer:
    """Turns groups into sequences, with the app's own prompt and the model's own template."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._end = str(tokenizer.eos_token)

    def pack(self, group: Group) -> PackedGroup:
        """Return the sequence of a group."""
        before, after = self._frame(group).split(_MARK)
        # Where the template has a space, it begins the question's first token.
        gap = " " if before.endswith(" ") else ""
        ids = self._ids(before.removesuffix(gap))
        shared = len(ids)
        positions, branch, weight = list(range(shared)), [0] * shared, [0.0] * shared
        for number, (question, answer) in enumerate(group.asked, 1):
            prompt = self._ids(f"{gap}{question}{after}")
            told = self._ids(f"{gap}{answer or refusal(group.language)}{self._end}")
            ids += prompt + told
            positions += range(shared, shared + len(prompt) + len(told))
            branch += [number] * (len(prompt) + len(told))
            rest = 1.0 if answer else REFUSAL_REST
            weight += [0.0] * len(prompt) + [1.0 if answer else REFUSAL_FIRST, *[rest] * (len(told) - 1)]
        return PackedGroup(ids, positions, branch, weight)

    def _frame(self, group: Group) -> str:
        """The prompt of a group's questions, with a mark where each stands."""
        if group.plain:
            asked = plain_messages(_MARK)
        else:
            asked = build_messages(
                _MARK, context=group.context or None, language=group.language, profile=SMALL
            )
        messages = [{"role": _ROLE[message.type], "content": message.text} for message in asked]
        # The app's frame begins the answer itself.
        end = {"add_generation_prompt": True} if group.plain else {"continue_final_message": True}
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False, **end))

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])


def collate(sequences: Sequence[PackedGroup], pad_id: int) -> "dict[str, torch.Tensor]":
    """Return input_ids, position_ids and weight (B, T), and the mask (B, 1, T, T) of who sees whom."""
    import torch

    width = max(len(s.ids) for s in sequences)

    def padded(lists: list[list[Any]], fill: Any, dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor([row + [fill] * (width - len(row)) for row in lists], dtype=dtype)

    branch = padded([s.branch for s in sequences], -1, torch.int64)
    own = branch[:, :, None] == branch[:, None, :]
    mask = (own | (branch[:, None, :] == 0)) & torch.ones(width, width, dtype=torch.bool).tril()
    return {
        "input_ids": padded([s.ids for s in sequences], pad_id, torch.int64),
        "position_ids": padded([s.positions for s in sequences], 0, torch.int64),
        "weight": padded([s.weight for s in sequences], 0.0, torch.float32),
        "attention_mask": mask[:, None],
    }
