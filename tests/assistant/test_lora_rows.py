"""Adapters in buffers whose places stay."""

from typing import Any

import torch

from assistant.lora_rows import LoraBank, LoraPair
from tests.assistant.in_slots import Rows


def test_adapters_have_places_until_others_need_them() -> None:
    rows = Rows(loaded=False)
    shelf, shapes = rows.lean.adapters, rows.lean._shapes
    for number in range(7):
        shelf.put(
            str(number), {(0, "q_proj"): LoraPair(torch.full((2, 64), number + 1.0), torch.ones(64, 2))}
        )
    options: dict[str, Any] = {"dtype": torch.float32, "device": torch.device("cpu")}
    bank = LoraBank(shelf, shapes, most_bytes=10**7, **options)
    assert bank.numbers([None, None]) == [0, 0]
    assert bank.version == 0
    assert bank.numbers(["0", None, "1", "0"]) == [1, 0, 2, 1]
    assert bank.numbers(["2", "3"]) == [3, 4]
    assert bank.version == 1
    # The one that was used longest ago goes, and not one of this step.
    assert bank.numbers(["0", "4"]) == [1, 2]
    assert bank.numbers(["1"]) == [3]
    assert bank.version == 1
    assert set(bank.a[0][48 * 2 : 48 * 3].unique().tolist()) == {0.0, 2.0}
    assert bank.numbers([str(number) for number in range(6)]) == [1, 2, 3, 4, 5, 6]
    assert bank.version == 2
    shelf.put("0", {(0, "q_proj"): LoraPair(torch.full((1, 64), 9.0), torch.ones(64, 1))})
    assert bank.numbers(["0"]) == [1]
    assert set(bank.a[0][:48].unique().tolist()) == {0.0, 9.0}
    assert LoraBank(shelf, shapes, most_bytes=1000, **options).numbers(["0"]) is None
