"""General rows beside one's own, so that what the model knew is kept."""

import random
from pathlib import Path

from finetune.facts.replay import replay_rows, replayed
from finetune.general_questions import QUESTIONS
from finetune.runs import load_tokenizer
from finetune.training_data import prepare_rows
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat


def test_general_rows_are_drawn_once_each_and_measure_nothing() -> None:
    everything = replayed(10_000, 1.0)
    assert [replayed(24, share) for share in (0.0, 0.5, 1.0, 3.0)] == [0, 12, 24, 72]
    rows = replay_rows(everything, random.Random(1))
    asked = [row.prompt for row in rows]
    assert len(set(asked)) == len(asked) == everything
    assert not set(asked) & {question for question, *_ in QUESTIONS}
    left = replay_rows(everything, random.Random(1), asked=set(asked[:5]))
    assert {row.prompt for row in left} == set(asked[5:])


def test_they_are_trained_and_told_but_not_held_out(tmp_path: Path) -> None:
    model = write_tiny_chat(tmp_path / "model")
    tokenizer = load_tokenizer(model)
    data = write_rows(tmp_path / "rows.json")
    plain = prepare_rows(tiny_config(model, data), tokenizer)
    mixed = prepare_rows(tiny_config(model, data, replay=0.5), tokenizer)
    assert len(mixed.train) == len(plain.train) + round(0.5 * len(plain.train))
    assert [note.code for note in mixed.notes] == ["general_rows_mixed_in"]
    assert mixed.notes[0].params == {"rows": len(mixed.train) - len(plain.train)}
    assert [list(row["input_ids"]) for row in mixed.evaluation] == [
        list(row["input_ids"]) for row in plain.evaluation
    ]
    assert mixed.data_hash != plain.data_hash
    again = prepare_rows(tiny_config(model, data, replay=0.5), tokenizer)
    assert again.data_hash == mixed.data_hash
