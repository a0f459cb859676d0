"""The reader's recipe: its rows, its packed sequences against plain ones, its LoRA against PEFT's, its notices."""

import json
import random
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from assistant.context import SMALL
from assistant.prompts import build_messages
from finetune.general_questions import QUESTIONS
from finetune.recipes.reader.__main__ import HELD_OUT, SOURCES
from finetune.recipes.reader.packing import REFUSAL_FIRST, Packer, collate
from finetune.recipes.reader.rows import (
    Asked,
    Group,
    Paragraph,
    build_groups,
    general_groups,
    near_miss,
    read_squad,
)
from tests.finetune.tiny_chat import write_tiny_chat

RECIPE = Path(__file__).resolve().parents[2] / "finetune" / "recipes" / "reader"
MILL = Paragraph(
    "Water mill",
    "The mill at Orvik was built in 1742. It drove four stones. Karin Lund owned the mill until 1810.",
    (
        Asked("When was the mill at Orvik built?", ("1742", "in 1742", "1742")),
        Asked("How many stones did the mill drive?", ("four",)),
        Asked("Who painted the mill?"),
    ),
)
PUMP = Paragraph(
    "Pump",
    "A pump at Harness lifts water by 30 m. Its owner is Ada Holm. She bought it in 1911.",
    (Asked("Who owns the pump at Harness?", ("Ada Holm",)), Asked("How high does it lift water?", ("30 m",))),
)
GROUP = Group(
    "T\nThe cat sat on the mat in 1974.",
    (("When?", "1974"), ("Where did it sit?", "on the mat"), ("Why?", "")),
)
OTHER = Group("U\nRain.", (("What falls?", "Rain"),))


@pytest.fixture(scope="module")
def tiny_parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tiny") / "chat"
    write_tiny_chat(folder)
    return folder, AutoTokenizer.from_pretrained(folder)


def load(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")


# --- rows


def test_every_answer_stands_in_its_context_and_no_refused_one_does() -> None:
    gold = {a.question: a.answers for p in (MILL, PUMP) for a in p.asked}
    for seed in range(40):
        for group in build_groups([MILL, PUMP], seed=seed):
            assert len({question for question, _ in group.asked}) == len(group.asked)
            for question, answer in group.asked:
                assert answer in group.context
                if not answer:
                    own = group.context.rpartition("\n\n")[2] if question in gold else ""
                    assert not any(text in own for text in gold.get(question, ()))


def test_a_near_miss_asks_about_what_the_text_does_not_say() -> None:
    dice = random.Random(0)
    changed = {
        near_miss(MILL.asked[0].question, MILL.text, ["Harness", "Orvik"], ["1911"], dice) for _ in range(20)
    }
    assert changed == {"When was the mill at Harness built?"}
    assert near_miss("Who was it?", MILL.text, ["Harness"], ["1911"], dice) is None


def test_held_out_articles_give_no_rows(tmp_path: Path, shared_data: Path) -> None:
    held = shared_data / "qa" / "squad2" / "squad2.json"
    assert {article["title"] for article in json.loads(held.read_text("utf-8"))["data"]} == HELD_OUT
    assert read_squad(held, leave_out=HELD_OUT) == []


def test_general_groups_are_asked_as_the_app_asks_without_passages(tiny_parts: tuple[Path, Any]) -> None:
    _, tokenizer = tiny_parts
    groups = general_groups(5, seed=1)
    assert len(groups) == 5
    assert {(group.language, group.plain) for group in groups} == set(product(("en", "zh"), (False, True)))
    measured = {question for question, *_ in QUESTIONS}
    assert not measured & {question for group in groups for question, _ in group.asked}
    for group in groups:
        question, answer = group.asked[0]
        row = Packer(tokenizer).pack(replace(group, asked=((question, answer),)))
        if group.plain:
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            whole = tokenizer.apply_chat_template(turns, tokenize=False)
            learnt = answer
        else:
            asked = build_messages(question, context=None, language=group.language, profile=SMALL)
            learnt = f" {answer}" if group.language == "en" else answer
            whole = f"{asked[-1].text}{learnt}{tokenizer.eos_token}"
        assert whole.strip().endswith(tokenizer.decode(row.ids)[-len(whole.strip()) :])
        assert question in tokenizer.decode(row.ids)
        assert "passages" not in tokenizer.decode(row.ids)
        weighed = [token for token, weight in zip(row.ids, row.weight, strict=True) if weight]
        assert tokenizer.decode(weighed) == f"{learnt}{tokenizer.eos_token}"


# --- sequences


def test_packed_questions_learn_what_each_would_alone_and_lora_is_pefts(tiny_parts: tuple[Path, Any]) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from finetune.recipes.reader.training import ALPHA, RANK, step_loss, with_lora

    folder, tokenizer = tiny_parts
    packer = Packer(tokenizer)
    torch.manual_seed(0)
    ours = with_lora(load(folder))
    for name, weight in ours.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    batch = collate([packer.pack(GROUP), packer.pack(OTHER)], tokenizer.pad_token_id)
    loss = step_loss(ours, batch)
    loss.backward()
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    theirs = get_peft_model(load(folder), config)
    theirs.load_state_dict(ours.state_dict())
    total, weights = torch.zeros(()), 0.0
    for group in (GROUP, OTHER):
        for asked in group.asked:
            row = packer.pack(Group(group.context, (asked,)))
            logits = theirs(torch.tensor([row.ids])).logits[0]
            losses = torch.nn.functional.cross_entropy(
                logits[:-1], torch.tensor(row.ids[1:]), reduction="none"
            )
            weight = torch.tensor(row.weight[1:])
            total, weights = total + (losses * weight).sum(), weights + float(weight.sum())
    alone = total / weights
    alone.backward()
    assert float(loss) == pytest.approx(float(alone), rel=1e-4)
    gradients = dict(ours.named_parameters())
    for name, weight in theirs.named_parameters():
        if weight.grad is not None:
            torch.testing.assert_close(gradients[name].grad, weight.grad, rtol=2e-3, atol=2e-5)


def test_a_refusal_is_learnt_where_it_is_decided(tiny_parts: tuple[Path, Any]) -> None:
    _, tokenizer = tiny_parts
    row = Packer(tokenizer).pack(Group("T\nText.", (("Why?", ""),)))
    learnt = [weight for weight in row.weight if weight]
    assert learnt[0] == REFUSAL_FIRST
    assert max(learnt[1:]) < 1
    assert row.ids[-1] == tokenizer.eos_token_id


def test_training_writes_an_adapter_that_answers(tiny_parts: tuple[Path, Any], tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    from finetune.recipes.reader.training import step_loss, train

    folder, tokenizer = tiny_parts
    lines: list[str] = []
    batch = collate([Packer(tokenizer).pack(GROUP)], tokenizer.pad_token_id)
    before = float(step_loss(load(folder), batch))
    train(load(folder), tokenizer, [GROUP] * 8, out=tmp_path, epochs=10, say=lines.append)
    assert re.search(r"step 10 of 20, .*: loss [\d.]+", lines[-1])
    again = PeftModel.from_pretrained(load(folder), str(tmp_path))
    with torch.no_grad():
        assert float(step_loss(again, batch)) < before - 0.5


# --- what is told


def test_every_source_is_named_with_its_licence() -> None:
    notice = (RECIPE / "NOTICE").read_text("utf-8")
    for source in SOURCES:
        assert Path(source.file).name in notice
    assert notice.count("CC BY") >= len(SOURCES)
    assert "SmolLM2" in notice
