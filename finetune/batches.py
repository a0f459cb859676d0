"""Encoded rows on disk, and the batches made of them: which rows share a step, and how they become tensors.

The rows of an optimiser step depend on seed and epoch alone, not on how many of them are computed at once. So a
smaller batch after running out of memory, or a resumed run, learns from the same rows in the same order, and the
loss per trained token is the same number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finetune.encoding import IGNORE, Encoded

WINDOW = 4
"""Steps whose rows are sorted by length together."""


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Sequences to train on, as flat arrays.

    Args:
        ids: all token ids, int32.
        trained: whether each carries loss.
        offsets: (rows + 1,) where each row begins.
    """

    ids: np.ndarray
    trained: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, pieces: Sequence[Encoded]) -> "TokenRows":
        """Take encoded sequences together."""
        ids = np.concatenate([np.asarray(p.input_ids, np.int32) for p in pieces] or [np.zeros(0, np.int32)])
        trained = np.concatenate(
            [np.asarray(p.labels, np.int64) != IGNORE for p in pieces] or [np.zeros(0, bool)]
        )
        offsets = np.cumsum([0, *(len(p.input_ids) for p in pieces)])
        return cls(ids, trained, offsets.astype(np.int64))

    @classmethod
    def load(cls, path: Path) -> "TokenRows":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["ids"], file["trained"], file["offsets"])

    def save(self, path: Path) -> None:
        """Write the rows to one file."""
        np.savez(path, ids=self.ids, trained=self.trained, offsets=self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> dict[str, Any]:
        start, end = self.offsets[index], self.offsets[index + 1]
        ids = self.ids[start:end].astype(np.int64)
        return {"input_ids": ids, "labels": np.where(self.trained[start:end], ids, IGNORE)}

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""
        return np.diff(self.offsets)

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return int(self.lengths.max()) if len(self) else 0

    @property
    def trained_tokens(self) -> int:
        """Tokens that carry loss."""
        return int(self.trained.sum())

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return len(self.ids)

    def digest_parts(self) -> tuple[np.ndarray, ...]:
        """What identifies the rows: the ids, and which of them carry loss."""
        return self.ids, self.trained, self.offsets

    def take(self, indices: Sequence[int]) -> "TokenRows":
        """Return these rows only."""
        spans = [slice(self.offsets[i], self.offsets[i + 1]) for i in indices]
        return TokenRows(
            np.concatenate([self.ids[s] for s in spans] or [self.ids[:0]]),
            np.concatenate([self.trained[s] for s in spans] or [self.trained[:0]]),
            np.cumsum([0, *(s.stop - s.start for s in spans)]).astype(np.int64),
        )


def pack(rows: TokenRows, max_length: int) -> list[list[int]]:
    """Return groups of rows, each of at most `max_length` tokens together: best fit, longest first."""
    groups: list[list[int]] = []
    room: list[int] = []
    for index in np.argsort(-rows.lengths, kind="stable"):
        length = int(rows.lengths[index])
        fits = [(left, g) for g, left in enumerate(room) if left >= length]
        if fits:
            _, best = min(fits)
            groups[best].append(int(index))
            room[best] -= length
        else:
            groups.append([int(index)])
            room.append(max_length - length)
    return groups


class Packed:
    """Groups of rows as the items of a dataset; each group becomes one sequence."""

    def __init__(self, rows: TokenRows, groups: Sequence[Sequence[int]]) -> None:
        self.rows, self.groups = rows, groups

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> list[dict[str, Any]]:
        return [self.rows[i] for i in self.groups[index]]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each group."""
        return np.asarray([int(self.rows.lengths[list(group)].sum()) for group in self.groups])


class StepSampler:
    """Row numbers in the order of training, step by step.

    Args:
        lengths: (rows,) tokens of each.
        step_rows: rows of one optimiser step.
        group: sort the rows of `WINDOW` steps by length, so that a step's rows are alike; otherwise by chance. Within
            a step rows stand longest first, so that rows computed at once need little padding.
    """

    def __init__(self, lengths: np.ndarray, *, step_rows: int, seed: int, group: bool = True) -> None:
        self.lengths, self.step_rows, self.seed, self.group = lengths, step_rows, seed, group
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order `__iter__` gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        for step in self.steps(self.epoch):
            yield from step

    def steps(self, epoch: int) -> list[list[int]]:
        """The rows of every step of an epoch."""
        dice = np.random.default_rng([self.seed, epoch])
        order = dice.permutation(len(self.lengths))
        full = len(order) // self.step_rows * self.step_rows
        # The rows that fill no step come last, so that all other steps are full.
        body, rest = order[:full], order[full:]
        steps: list[list[int]] = []
        width = self.step_rows * (WINDOW if self.group else 1)
        for start in range(0, full, width):
            window = self._sorted(body[start : start + width])
            cut = [window[i : i + self.step_rows] for i in range(0, len(window), self.step_rows)]
            steps += [cut[k] for k in dice.permutation(len(cut))]
        if len(rest):
            steps.append(self._sorted(rest))
        return steps

    def _sorted(self, rows: np.ndarray) -> list[int]:
        return [int(i) for i in rows[np.argsort(-self.lengths[rows], kind="stable")]]


class Collator:
    """Rows -> padded tensors. Knows nothing of text.

    Args:
        pad_id: what fills up shorter rows; it is masked and carries no loss.
        multiple: the width is rounded up to this many tokens.
    """

    def __init__(self, pad_id: int, *, multiple: int = 1) -> None:
        self.pad_id, self.multiple = pad_id, multiple

    def __call__(self, rows: Sequence[Any]) -> dict[str, Any]:
        """Return `input_ids` and `labels`, (B, T) each, with `attention_mask` or, for packed rows, `position_ids`."""
        import torch

        packed = isinstance(rows[0], list)
        groups = rows if packed else [[row] for row in rows]
        sequences = [
            {key: np.concatenate([row[key] for row in group]) for key in ("input_ids", "labels")}
            for group in groups
        ]
        if packed:
            for group, sequence in zip(groups, sequences, strict=True):
                # No row may learn to predict the first token of the next.
                starts = np.cumsum([0, *(len(row["labels"]) for row in group)])[:-1]
                sequence["labels"][starts] = IGNORE
        width = max(len(s["input_ids"]) for s in sequences)
        width = -(-width // self.multiple) * self.multiple
        ids = torch.full((len(sequences), width), self.pad_id, dtype=torch.int64)
        labels = torch.full((len(sequences), width), IGNORE, dtype=torch.int64)
        mask = torch.zeros((len(sequences), width), dtype=torch.int64)
        for k, sequence in enumerate(sequences):
            length = len(sequence["input_ids"])
            ids[k, :length] = torch.from_numpy(sequence["input_ids"])
            labels[k, :length] = torch.from_numpy(sequence["labels"])
            mask[k, :length] = 1
        if not packed:
            return {"input_ids": ids, "labels": labels, "attention_mask": mask}
        # Positions that begin again tell transformers to keep the rows of a sequence apart; padding is one more row.
        positions = torch.zeros_like(ids)
        for k, group in enumerate(groups):
            lengths = [len(row["input_ids"]) for row in group]
            pieces = [torch.arange(n) for n in (*lengths, width - sum(lengths))]
            positions[k] = torch.cat(pieces)
        return {"input_ids": ids, "labels": labels, "position_ids": positions}
