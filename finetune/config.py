"""What can be set about data and training. Sections of settings files live in `assistant.settings`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DataConfig:
    """How rows become training data.

    Args:
        max_length: tokens; LLaMA-Factory's `cutoff_len`.
        train_on: the last answer, every answer of the assistant, or all tokens.
        thinking: "keep" trains what the data thinks and no empty block, "empty" trains the empty block too,
            "none" leaves thinking out (`finetune.chat_template`).
        overlong: "cut" keeps question and stop token (`finetune.cutting`), "drop" leaves the row out.
        max_dropped_share: 0..1; more rows lost than this stops before any compute.
        near_duplicate_share: 0..1; question and answer at least this much alike are reported.
        test_overlap_share: 0..1; a question at least this much like one of the test set is reported.
        drop_duplicates: leave out rows that are exactly like an earlier one.
        drop_test_overlap: leave out rows whose question is in the test set.
    """

    max_length: int = 2048
    train_on: Literal["last", "assistant", "all"] = "assistant"
    thinking: Literal["keep", "empty", "none"] = "keep"
    overlong: Literal["cut", "drop"] = "cut"
    max_dropped_share: float = 0.1
    near_duplicate_share: float = 0.8
    test_overlap_share: float = 0.8
    drop_duplicates: bool = False
    drop_test_overlap: bool = False
