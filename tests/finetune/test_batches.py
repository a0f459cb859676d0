"""Which rows share a step, how they become tensors, and that the loss is the same however they are cut."""

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from finetune.batches import Collator, Packed, StepSampler, TokenRows, pack
from finetune.encoding import IGNORE, Encoded
from finetune.supervised_loss import CHUNK, token_loss


def rows_of(*lengths: int, seed: int = 0) -> TokenRows:
    dice = np.random.default_rng(seed)
    pieces = []
    for length in lengths:
        ids = dice.integers(20, 500, length).tolist()
        start = int(dice.integers(1, length - 1))
        pieces.append(Encoded(ids, [IGNORE] * start + ids[start:]))
    return TokenRows.of(pieces)


@pytest.fixture(scope="module")
def model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=600, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=4096)
    ).eval()  # fmt: skip


def plain_loss(model, rows: TokenRows) -> float:
    """Row by row, all logits, no padding: what a textbook would compute."""
    total = count = 0.0
    for k in range(len(rows)):
        ids = torch.tensor(rows[k]["input_ids"])[None]
        labels = torch.tensor(rows[k]["labels"])
        logits = model(ids).logits[0, :-1]
        total += float(functional.cross_entropy(logits, labels[1:], ignore_index=IGNORE, reduction="sum"))
        count += int((labels[1:] != IGNORE).sum())
    return total / count


def mean_loss(model, batches) -> float:
    with torch.no_grad():
        losses = torch.cat([token_loss(model, batch)[0] for batch in batches])
    return float(losses.mean())


def test_rows_come_back_from_the_disk(tmp_path):
    rows = rows_of(5, 9, 3)
    rows.save(tmp_path / "rows.npz")
    again = TokenRows.load(tmp_path / "rows.npz")
    assert len(again) == 3
    assert again.longest == 9
    for k in range(3):
        assert again[k]["input_ids"].tolist() == rows[k]["input_ids"].tolist()
        assert again[k]["labels"].tolist() == rows[k]["labels"].tolist()
    taken = rows.take([2, 0])
    assert taken[0]["labels"].tolist() == rows[2]["labels"].tolist()
    assert taken[1]["labels"].tolist() == rows[0]["labels"].tolist()


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_loss_is_that_of_all_logits_whatever_the_batch(model, size):
    rows = rows_of(40, 7, 22, 13, 31, 5, 18, 9)
    collate = Collator(0)
    batches = [collate([rows[k] for k in range(i, min(i + size, 8))]) for i in range(0, 8, size)]
    assert mean_loss(model, batches) == pytest.approx(plain_loss(model, rows), abs=2e-6)


def test_packed_rows_do_not_see_each_other(model):
    rows = rows_of(40, 7, 22, 13, 31, 5, 18, 9)
    groups = pack(rows, 64)
    assert sorted(k for group in groups for k in group) == list(range(8))
    assert all(rows.lengths[group].sum() <= 64 for group in groups)
    assert len(groups) == 3
    packed = Packed(rows, groups)
    batch = Collator(0)([packed[k] for k in range(len(packed))])
    assert mean_loss(model, [batch]) == pytest.approx(plain_loss(model, rows), abs=2e-6)


def test_a_row_longer_than_a_pack_stands_alone():
    assert pack(rows_of(50, 10), 32) == [[0], [1]]


def test_gradients_are_those_of_all_logits(model):
    rows = rows_of(CHUNK + 400, 300)  # more trained tokens than one chunk
    batch = Collator(0)([rows[0], rows[1]])
    model.zero_grad()
    token_loss(model, batch)[0].mean().backward()
    ours = model.model.layers[0].self_attn.q_proj.weight.grad.clone()
    model.zero_grad()
    model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"]
    ).loss.backward()
    theirs = model.model.layers[0].self_attn.q_proj.weight.grad
    assert torch.allclose(ours, theirs, atol=1e-9, rtol=1e-3)
    assert float(theirs.abs().max()) > 1e-5


def test_every_row_comes_once_an_epoch_and_steps_do_not_depend_on_the_micro_batch():
    lengths = np.random.default_rng(0).integers(5, 200, 103)
    sampler = StepSampler(lengths, step_rows=8, seed=1)
    steps = sampler.steps(0)
    assert sorted(k for step in steps for k in step) == list(range(103))
    assert [len(step) for step in steps] == [8] * 12 + [7]
    assert list(sampler) == [k for step in steps for k in step]
    assert StepSampler(lengths, step_rows=8, seed=1).steps(0) == steps
    assert sampler.steps(1) != steps
    assert StepSampler(lengths, step_rows=8, seed=2).steps(0) != steps


def test_grouping_saves_padding():
    lengths = np.random.default_rng(0).integers(5, 200, 256)

    def padded(group: bool) -> int:
        steps = StepSampler(lengths, step_rows=8, seed=0, group=group).steps(0)
        micro = [step[i : i + 4] for step in steps for i in (0, 4)]
        return sum(4 * int(lengths[m].max()) for m in micro)

    assert padded(True) < 1.15 * lengths.sum()
    assert padded(False) < 1.4 * lengths.sum()
