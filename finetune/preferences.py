"""Rows that say which answers are better: pairs of a chosen and a rejected answer (DPO), or answers labelled good or
bad (KTO), encoded by the same function as everything else that is trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from finetune.batches import TokenRows
from finetune.config import Stage
from finetune.encoding import IGNORE, Encoded, EncodedRow
from finetune.errors import TrainingError
from finetune.examples import Example

Preference = Literal["dpo", "kto"]


@dataclass(frozen=True, slots=True)
class PreferenceRows:
    """Prompts with answers to compare.

    Args:
        kind: "dpo" pairs, or "kto" labels.
        answers: each prompt with its chosen, or its only answer; what is trained is the answer.
        rejected: the same prompts with the rejected answers; empty for "kto".
        labels: (rows,) bool, whether `answers` are good ones; all are for "dpo".
    """

    kind: Preference
    answers: TokenRows
    rejected: TokenRows
    labels: np.ndarray

    @classmethod
    def of(cls, kind: Preference, rows: Sequence[tuple[EncodedRow, Example]]) -> "PreferenceRows":
        """Take encoded rows together; `rows` hold what each example became, refused ones left out."""
        answers: list[Encoded] = []
        rejected: list[Encoded] = []
        for row, _ in rows:
            if row.pair is None:
                answers.append(row.pieces[0])
                continue
            prompt = row.pair.prompt_ids
            answers.append(_whole(prompt, row.pair.chosen_ids))
            rejected.append(_whole(prompt, row.pair.rejected_ids))
        labels = np.asarray([example.label is not False for _, example in rows], bool)
        return cls(kind, TokenRows.of(answers), TokenRows.of(rejected), labels)

    def save(self, path: Path) -> None:
        """Write the rows to one file."""
        arrays: dict[str, Any] = {}
        for name, rows in (("", self.answers), ("rejected_", self.rejected)):
            arrays |= {f"{name}ids": rows.ids, f"{name}trained": rows.trained, f"{name}offsets": rows.offsets}
        np.savez(path, kind=np.asarray(self.kind), labels=self.labels, **arrays)

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row; of a pair, those of the longer side."""
        if self.kind == "kto":
            return self.answers.lengths
        return np.maximum(self.answers.lengths, self.rejected.lengths)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return int(self.lengths.max()) if len(self) else 0

    @property
    def trained_tokens(self) -> int:
        """Tokens of all answers."""
        return self.answers.trained_tokens + self.rejected.trained_tokens

    @property
    def tokens(self) -> int:
        """Tokens of all sequences."""
        return int(self.answers.lengths.sum() + self.rejected.lengths.sum())

    def digest_parts(self) -> tuple[np.ndarray, ...]:
        """What identifies the rows."""
        return (*self.answers.digest_parts(), *self.rejected.digest_parts(), self.labels)

    def imitated(self) -> TokenRows:
        """The good answers as rows to imitate: what the checks ask about."""
        return self.answers.take([int(i) for i in np.flatnonzero(self.labels)])

    def columns(self) -> dict[str, list[Any]]:
        """The columns that trl's trainers read in place of texts."""
        prompts, answers = _split(self.answers)
        if self.kind == "dpo":
            return {"prompt_ids": prompts, "chosen_ids": answers, "rejected_ids": _split(self.rejected)[1]}
        return {"prompt_ids": prompts, "completion_ids": answers, "label": [bool(x) for x in self.labels]}

    def mismatched(self, seed: int) -> TokenRows:
        """Every prompt of "kto" rows with the answer of another row, by which KTO estimates how far the model moved."""
        prompts, answers = _split(self.answers)
        order = np.random.default_rng(seed).permutation(len(self))
        other = np.empty_like(order)
        other[order] = np.roll(order, 1)
        return TokenRows.of(
            [_whole(prompt, answers[int(k)]) for prompt, k in zip(prompts, other, strict=True)]
        )


def load_rows(path: Path) -> "TokenRows | PreferenceRows":
    """Read encoded rows of either sort."""
    with np.load(path, allow_pickle=False) as file:
        if "kind" not in file:
            return TokenRows(file["ids"], file["trained"], file["offsets"])
        answers, rejected = (
            TokenRows(file[f"{name}ids"], file[f"{name}trained"], file[f"{name}offsets"])
            for name in ("", "rejected_")
        )
        kind: Preference = "dpo" if str(file["kind"]) == "dpo" else "kto"
        return PreferenceRows(kind, answers, rejected, file["labels"])


def stage_of(examples: Sequence[Example], asked: Stage) -> Literal["sft", "dpo", "kto"]:
    """What the rows will be used for.

    Raises:
        TrainingError: the rows are of several kinds, or do not hold what was asked for.
    """
    kinds = {"sft" if example.kind == "text" else example.kind for example in examples} or {"sft"}
    if asked == "auto":
        if len(kinds) > 1:
            raise TrainingError("rows_of_several_kinds", kinds=", ".join(sorted(kinds)))
        return next(iter(kinds))
    usable = {"sft": {"sft", "dpo", "kto"}, "dpo": {"dpo"}, "kto": {"dpo", "kto"}}[asked]
    if not kinds <= usable:
        raise TrainingError("rows_not_of_stage", stage=asked, kinds=", ".join(sorted(kinds - usable)))
    return asked


def as_stage(examples: Sequence[Example], stage: Literal["sft", "dpo", "kto"]) -> list[Example]:
    """Return the rows as `stage` reads them: pairs become two labelled answers, or the chosen one alone; bad
    answers are nothing to imitate.
    """
    found: list[Example] = []
    for example in examples:
        if example.kind == "dpo" and stage != "dpo":
            for message, good in ((example.chosen, True), (example.rejected, False)):
                if message is not None and (good or stage == "kto"):
                    turned = replace(
                        example, messages=(*example.messages, message), chosen=None, rejected=None
                    )
                    found.append(replace(turned, kind=stage, label=good if stage == "kto" else None))
        elif example.kind == "kto" and stage == "sft":
            if example.label:
                found.append(replace(example, kind="sft", label=None))
        else:
            found.append(example)
    return found


def _whole(prompt: Sequence[int], answer: Sequence[int]) -> Encoded:
    return Encoded([*prompt, *answer], [*[IGNORE] * len(prompt), *answer])


def _split(rows: TokenRows) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts and answers: an answer goes from the first trained token to the last."""
    prompts: list[list[int]] = []
    answers: list[list[int]] = []
    for start, end in zip(rows.offsets[:-1], rows.offsets[1:], strict=True):
        trained = np.flatnonzero(rows.trained[start:end])
        first, last = start + trained[0], start + trained[-1] + 1
        prompts.append(rows.ids[start:first].tolist())
        answers.append(rows.ids[first:last].tolist())
    return prompts, answers
