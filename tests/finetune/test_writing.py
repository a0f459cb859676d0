"""Export and back: nothing changes that the layout can hold, and what it cannot hold is listed."""

import json

import pyarrow
import pyarrow.json
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.examples import Example, Message, Source
from finetune.formats.dataset_info import FILE_NAME
from finetune.formats.reading import read_dataset
from finetune.formats.writing import write_dataset

FORMATTINGS = ["alpaca", "sharegpt", "openai"]
QUESTION = Message("user", "问题？\n第二行")
ANSWER = Message("assistant", '回答 "引号" 😀')
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "北京"}}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def example(*messages, **fields) -> Example:
    return Example(tuple(messages), fields.pop("source", Source("mine", 1)), **fields)


EXAMPLES = [
    example(QUESTION, ANSWER, provenance={"chunk_id": 3, "file": "手册.md"}),
    example(
        Message("system", "你是甄嬛"), QUESTION, ANSWER, QUESTION, Message("assistant", "再答", "想一想")
    ),
    example(QUESTION, kind="dpo", chosen=ANSWER, rejected=Message("assistant", "不知道")),
    example(QUESTION, ANSWER, kind="kto", label=False),
    example(Message("assistant", "一段长文本。"), kind="text"),
]


def bare(examples) -> list[Example]:
    """Without the place, which the copy cannot share."""
    nowhere = Source("-", 0)
    return [
        Example(e.messages, nowhere, e.kind, e.chosen, e.rejected, e.label, e.tools, e.provenance)
        for e in examples
    ]


@pytest.mark.parametrize("formatting", FORMATTINGS)
def test_a_mixed_dataset_comes_back_as_it_was(formatting, tmp_path):
    export = write_dataset(EXAMPLES, tmp_path, name="mine", formatting=formatting)
    assert list(export.files) == ["mine", "mine_dpo", "mine_kto", "mine_text"]
    assert (export.rows, export.findings) == (len(EXAMPLES), [])
    back = []
    for name in export.files:
        found = read_dataset(tmp_path, dataset=name)
        assert found.findings == []
        back += bare(found.examples)
    assert back == bare(EXAMPLES)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("formatting", FORMATTINGS)
def test_the_registry_names_only_what_llamafactory_knows(formatting, tmp_path):
    (tmp_path / FILE_NAME).write_text('{"theirs": {"hf_hub_url": "a/b"}}')
    export = write_dataset(EXAMPLES, tmp_path, name="mine", formatting=formatting)
    registry = json.loads((tmp_path / FILE_NAME).read_text("utf-8"))
    assert registry["theirs"] == {"hf_hub_url": "a/b"}
    for name, path in export.files.items():
        entry = registry[name]
        assert entry["file_name"] == path.name
        assert entry.get("formatting", "alpaca") in ("alpaca", "sharegpt")
        assert entry.get("ranking", False) == name.endswith("dpo")
        # Arrow, through which LLaMA-Factory reads, must find one type for each column.
        text = path.read_text("utf-8")
        rows = (
            json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
        )
        lines = "\n".join(json.dumps(row) for row in rows).encode()
        table = pyarrow.json.read_json(pyarrow.BufferReader(lines))
        # Its converters stop with a KeyError at a column that is named and not there.
        assert set(entry["columns"].values()) <= set(table.column_names)
        if entry.get("formatting") == "sharegpt" and not name.endswith("dpo"):
            # Its converter wants user and tool turns in odd places, the assistant's in even ones.
            tags = entry.get("tags", {"role_tag": "from", "user_tag": "human"})
            for row in rows:
                turns = [turn[tags["role_tag"]] for turn in row[entry["columns"]["messages"]]]
                talk = [role for role in turns if role != "system"]
                assert all(role == tags["user_tag"] for role in talk[::2])
                assert len(talk) % 2 == 0


@pytest.mark.parametrize("formatting", ["sharegpt", "openai"])
def test_tools_come_back(formatting, tmp_path):
    called = example(
        QUESTION,
        Message("assistant", json.dumps(CALL["function"], ensure_ascii=False), tool_calls=(CALL,)),
        Message("tool", "晴"),
        ANSWER,
        tools=(TOOL,),
    )
    write_dataset([called], tmp_path, name="tools", formatting=formatting)
    assert bare(read_dataset(tmp_path, dataset="tools").examples) == bare([called])


def test_what_alpaca_cannot_hold_is_listed(tmp_path):
    called = example(QUESTION, ANSWER, tools=(TOOL,), source=Source("mine", 7))
    export = write_dataset([called, EXAMPLES[0]], tmp_path, name="mine", formatting="alpaca")
    assert export.rows == 1
    assert [(f.code, f.source.row, f.outcome) for f in export.findings] == [("export_alpaca", 7, "dropped")]


def test_an_opening_greeting_is_left_out_and_listed(tmp_path):
    greeted = example(Message("assistant", "欢迎", train=False), QUESTION, ANSWER)
    export = write_dataset([greeted], tmp_path, name="mine")
    assert [f.code for f in export.findings] == ["export_greeting"]
    assert read_dataset(tmp_path, dataset="mine").examples[0].messages == (QUESTION, ANSWER)


texts = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40).filter(str.strip)


@pytest.mark.parametrize("formatting", FORMATTINGS)
@settings(max_examples=40, deadline=None)
@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=3))
def test_any_text_survives(formatting, pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    turns = [m for q, a in pairs for m in (Message("user", q), Message("assistant", a))]
    write_dataset([example(*turns)], folder, name="mine", formatting=formatting)
    assert bare(read_dataset(folder, dataset="mine").examples) == bare([example(*turns)])
