"""Every layout and packing into one type; LLaMA-Factory's folders; the eleven ways it loses data without a word."""

import codecs
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.errors import DatasetError
from finetune.examples import Message
from finetune.formats.dataset_info import FILE_NAME
from finetune.formats.json_stream import JsonStream
from finetune.formats.layouts import Hints
from finetune.formats.reading import iter_rows, read_dataset

U, A, S, T = "user", "assistant", "system", "tool"


def write(folder: Path, value, name="rows.json") -> Path:
    path = folder / name
    if name.endswith(".jsonl"):
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in value), "utf-8")
    else:
        path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    return path


def read_one(folder: Path, row, **options):
    """The one example of a file of one row, and the codes found."""
    found = read_dataset(write(folder, [row]), **options)
    return found.examples[0], [finding.code for finding in found.findings]


def said(example) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in example.messages]


QA = [(U, "q"), (A, "a")]
LAYOUTS = {
    "alpaca": ({"instruction": "q", "input": "", "output": "a"}, QA),
    "alpaca_input": ({"instruction": "q", "input": "i", "output": "a"}, [(U, "q\ni"), (A, "a")]),
    "alpaca_without_input": ({"instruction": "q", "output": "a"}, QA),
    "alpaca_full": (
        {"instruction": "q", "input": "", "output": "a", "system": "s", "history": [["q0", "a0"]]},
        [(S, "s"), (U, "q0"), (A, "a0"), *QA],
    ),
    "dolly": ({"instruction": "q", "context": "c", "response": "a", "category": "x"}, [(U, "q\nc"), (A, "a")]),
    "prompt_completion": ({"prompt": "q", "completion": "a"}, QA),
    "prompt_completion_messages": (
        {"prompt": [{"role": U, "content": "q"}], "completion": [{"role": A, "content": "a"}]},
        QA,
    ),
    "query_response": ({"query": "q", "response": "a", "history": []}, QA),
    "question_answer": ({"question": "q", "answer": "a"}, QA),
    "firefly": ({"kind": "x", "input": "q", "target": "a"}, QA),
    "sharegpt": ({"id": "1", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, QA),
    "openai": ({"messages": [{"role": S, "content": "s"}, {"role": U, "content": "q"}, {"role": A, "content": "a"}]},
               [(S, "s"), *QA]),
    "openai_parts": ({"messages": [{"role": U, "content": [{"type": "text", "text": "q"}]},
                                   {"role": A, "content": "a"}]}, QA),
    "pairs": ({"system": "s", "conversation": [{"human": "q", "assistant": "a"}]}, [(S, "s"), *QA]),
    "bare_list": ([{"role": U, "content": "q"}, {"role": A, "content": "a"}], QA),
    "chinese_columns": ({"问题": "q", "回答": "a"}, QA),
    "text": ({"text": "a long text"}, [(A, "a long text")]),
    "bare_text": ("a long text", [(A, "a long text")]),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_recognised_by_its_content(layout, tmp_path):
    row, expected = LAYOUTS[layout]
    example, codes = read_one(tmp_path, row)
    assert said(example) == expected
    assert codes == []
    assert example.kind == ("text" if "text" in layout else "sft")


def test_what_else_a_row_says_is_its_provenance(tmp_path):
    example, _ = read_one(tmp_path, {"id": 7, "source": "book", "instruction": "q", "output": "a"})
    assert example.provenance == {"id": 7, "source": "book"}
    assert (example.source.file, example.source.row, example.source.line) == ("rows.json", 1, 1)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "chosen": "good", "rejected": "bad"},
        {"instruction": "q", "input": "", "chosen": "good", "rejected": "bad"},
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "good"},
            "rejected": {"from": "gpt", "value": "bad"},
        },
        {
            "chosen": [{"role": U, "content": "q"}, {"role": A, "content": "good"}],
            "rejected": [{"role": U, "content": "q"}, {"role": A, "content": "bad"}],
        },
        {
            "prompt": "q",
            "chosen": [{"role": A, "content": "good"}],
            "rejected": [{"role": A, "content": "bad"}],
        },
    ],
)
def test_preferences_in_every_common_form(row, tmp_path):
    example, codes = read_one(tmp_path, row)
    assert example.kind == "dpo"
    assert said(example) == [(U, "q")]
    assert (example.chosen.content, example.rejected.content) == ("good", "bad")
    assert codes == []


def test_a_preference_without_a_difference_is_refused(tmp_path):
    with pytest.raises(DatasetError) as caught:
        read_one(tmp_path, {"prompt": "q", "chosen": "a", "rejected": "a"})
    assert caught.value.findings[0].code == "preference_same"


@pytest.mark.parametrize("label", [True, False])
def test_kto_needs_a_true_or_false_label(label, tmp_path):
    example, _ = read_one(tmp_path, {"prompt": "q", "completion": "a", "label": label})
    assert (example.kind, example.label) == ("kto", label)
    number, _ = read_one(tmp_path, {"question": "q", "answer": "a", "label": 1})
    assert number.kind == "sft"  # a class as likely as a judgement


@pytest.mark.parametrize("labels", [[True, "maybe", False], ["true", "maybe", "false"], [False, 2, True]])
def test_an_unreadable_label_among_true_and_false_is_refused(labels, tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"prompt": f"q{k}", "completion": "a", "label": label} for k, label in enumerate(labels)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read_dataset(path, max_dropped_share=0.5)
    assert [(e.kind, e.label) for e in found.examples] == [
        ("kto", labels[0] in (True, "true")),
        ("kto", labels[2] in (True, "true")),
    ]
    assert [(f.code, f.source.row, f.outcome) for f in found.findings] == [("label_unreadable", 2, "dropped")]


def test_tool_calls_are_kept_in_one_form(tmp_path):
    call = {"name": "weather", "arguments": {"city": "北京"}}
    row = {
        "conversations": [
            {"from": "human", "value": "q"},
            {"from": "function_call", "value": json.dumps(call)},
            {"from": "observation", "value": "sunny"},
            {"from": "gpt", "value": "a"},
        ],
        "tools": json.dumps([{"name": "weather", "parameters": {}}]),
    }
    example, codes = read_one(tmp_path, row)
    assert [m.role for m in example.messages] == [U, A, T, A]
    assert example.messages[1].tool_calls == ({"type": "function", "function": call},)
    assert example.tools[0]["function"]["name"] == "weather"
    assert codes == []


@pytest.mark.parametrize(
    ("output", "thinking", "content"),
    [
        ("<think>\nhm\n</think>\n\nyes", "hm", "yes"),
        ("hm\n</think>\n\nyes", "hm", "yes"),
        ("yes", None, "yes"),
        ("<think>\n\n</think>\n\nyes", None, "yes"),
        ("the tag </think> closes it", None, "the tag </think> closes it"),
    ],
)
def test_thinking_is_told_from_the_answer(output, thinking, content, tmp_path):
    example, _ = read_one(tmp_path, {"instruction": "q", "output": output})
    assert (example.messages[1].thinking, example.messages[1].content) == (thinking, content)
    other, _ = read_one(tmp_path, {"instruction": "q", "output": "yes", "reasoning_content": "hm"})
    assert other.messages[1].thinking == "hm"


# ---- the rules for odd conversations


def turns(*roles):
    return {"conversations": [{"from": role, "value": f"{role} {k}"} for k, role in enumerate(roles)]}


def test_an_opening_greeting_is_context(tmp_path):
    example, codes = read_one(tmp_path, turns("gpt", "human", "gpt"))
    assert [m.role for m in example.messages] == [A, U, A]
    assert [m.train for m in example.messages] == [False, True, True]
    assert codes == ["greeting_untrained"]


def test_an_unanswered_end_is_taken_off(tmp_path):
    example, codes = read_one(tmp_path, turns("human", "gpt", "human"))
    assert said(example) == [(U, "human 0"), (A, "gpt 1")]
    assert codes == ["unanswered_removed"]


def test_neighbours_of_one_role_are_joined_and_a_late_system_moves_up(tmp_path):
    example, codes = read_one(tmp_path, turns("human", "human", "system", "gpt"))
    assert said(example) == [(S, "system 2"), (U, "human 0\nhuman 1"), (A, "gpt 3")]
    assert set(codes) == {"turns_joined", "system_moved"}


def test_an_unknown_role_is_named(tmp_path):
    with pytest.raises(DatasetError, match="narrator") as caught:
        read_one(tmp_path, turns("narrator", "human", "gpt"))
    assert caught.value.findings[0].code == "role_unknown"


# ---- packings


CHINESE = [{"instruction": "识别并解释", "input": "", "output": "细胞理论是生物科学的一个理论。"}] * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "big5"])
@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv"])
def test_character_sets(encoding, suffix, tmp_path):
    path = tmp_path / f"rows.{suffix}"
    rows = (
        CHINESE if encoding != "big5" else [{"instruction": "識別並解釋", "output": "細胞理論是一個理論。"}]
    )
    if suffix == "csv":
        text = "instruction,output\n" + "\n".join(f'{r["instruction"]},"{r["output"]}"' for r in rows)
    elif suffix == "json":
        text = json.dumps(rows, ensure_ascii=False, indent=1)
    else:
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_bytes(text.encode(encoding))
    found = read_dataset(path)
    assert codes_of(found) == ([] if encoding.startswith("utf-8") else ["charset_other"])
    assert said(found.examples[0]) == [(U, rows[0]["instruction"]), (A, rows[0]["output"])]


def test_one_broken_byte_does_not_make_a_utf8_file_gbk(tmp_path):
    path = tmp_path / "rows.jsonl"
    good = json.dumps(CHINESE[0], ensure_ascii=False).encode()
    path.write_bytes(b"\n".join([good, good[:-10] + b"\xff" + good[-9:], good]))
    found = read_dataset(path, max_dropped_share=0.5)
    assert found.examples[0].answer == CHINESE[0]["output"]
    assert [f.code for f in found.findings if f.source.row == 0] == ["charset_damaged"]


def test_the_suffix_does_not_decide(tmp_path):
    rows = [{"instruction": "q", "output": "a"}] * 2
    jsonl_as_json = tmp_path / "a.json"
    jsonl_as_json.write_text("\n".join(map(json.dumps, rows)))
    json_as_jsonl = tmp_path / "b.jsonl"
    json_as_jsonl.write_text(json.dumps(rows, indent=2))
    json_as_txt = tmp_path / "c.txt"
    json_as_txt.write_text(json.dumps(rows))
    parquet_as_json = tmp_path / "d.json"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), parquet_as_json)
    for path in (jsonl_as_json, json_as_jsonl, json_as_txt, parquet_as_json):
        assert len(read_dataset(path).examples) == 2, path


@pytest.mark.parametrize(
    "value",
    [
        {"data": [{"instruction": "q", "output": "a"}] * 2},
        {"instruction": ["q", "q"], "output": ["a", "a"]},
        {"version": 1, "rows": [{"prompt": "q", "completion": "a"}] * 2},
    ],
)
def test_an_object_around_the_rows(value, tmp_path):
    found = read_dataset(write(tmp_path, value))
    assert [said(e) for e in found.examples] == [QA, QA]


def test_one_conversation_as_one_object(tmp_path):
    value = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
    assert said(read_dataset(write(tmp_path, value)).examples[0]) == QA


def test_parquet_and_arrow_with_nested_columns(tmp_path):
    rows = [{"messages": [{"role": U, "content": "q"}, {"role": A, "content": "a"}], "id": 1}] * 3
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    sink = str(tmp_path / "rows.arrow")
    with pyarrow.OSFile(sink, "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    for name in ("rows.parquet", "rows.arrow"):
        found = read_dataset(tmp_path / name)
        assert [said(e) for e in found.examples] == [QA] * 3
        assert found.examples[0].provenance == {"id": 1}


def test_tsv_and_json_in_cells(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text('query\tresponse\thistory\nq\ta\t"[[""q0"", ""a0""]]"\nq\t"two\nlines"\t\n')
    found = read_dataset(path)
    assert said(found.examples[0]) == [(U, "q0"), (A, "a0"), *QA]
    assert found.examples[1].answer == "two\nlines"
    assert [e.source.line for e in found.examples] == [2, 3]


def test_plain_text_is_split_at_empty_lines_or_at_every_line(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n\nthree\n")
    (tmp_path / "b.txt").write_text("one\ntwo\n\n")
    assert [e.answer for e in read_dataset(tmp_path / "a.txt").examples] == ["one\ntwo", "three"]
    assert [e.answer for e in read_dataset(tmp_path / "b.txt").examples] == ["one", "two"]


# ---- bad input


def test_malformed_json_is_told_with_its_line(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[\n {"instruction": "q", "output": "a"},\n {"instruction": "q" "output": "a"}\n]')
    with pytest.raises(DatasetError) as caught:
        read_dataset(path)
    assert caught.value.code == "json_malformed"
    assert caught.value.params["line"] == 3
    assert "rows.json" in caught.value.text("zh")


def test_a_json_file_that_was_cut_off(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[\n {"instruction": "q", "output": "a"},\n {"instruction": "q", "out')
    with pytest.raises(DatasetError) as caught:
        read_dataset(path)
    assert (caught.value.code, caught.value.params["line"]) == ("json_malformed", 3)


def test_one_bad_line_of_jsonl_is_listed_not_fatal(tmp_path):
    path = write(tmp_path, [{"instruction": "q", "output": "a"}] * 20, "rows.jsonl")
    lines = path.read_text().splitlines()
    lines[4] = lines[4][:-3]
    path.write_text("\n".join(lines))
    found = read_dataset(path)
    assert len(found.examples) == 19
    assert [(str(f.source), f.code, f.outcome) for f in found.findings] == [
        ("rows.jsonl:5", "row_malformed", "dropped")
    ]
    with pytest.raises(DatasetError) as caught:
        read_dataset(path, max_dropped_share=0.01)
    assert caught.value.code == "too_many_dropped"
    assert "rows.jsonl:5" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.json", b"", "data_empty"),
        ("blank.jsonl", b" \n\n", "data_empty"),
        ("zip.json", b"PK\x03\x04" + bytes(50), "data_binary"),
        ("notes.md", b"# A heading\n\nand text\n", "data_not_dataset"),
        ("broken.parquet", b"PAR1" + bytes(50), "table_damaged"),
        ("prose.json", b"this is no JSON\n", "json_malformed"),
        ("list.json", b"[1, 2, 3]", "nothing_left"),
        ("nothing.json", b"[]", "nothing_left"),
        ("other.csv", b"height,weight\n1,2\n", "nothing_left"),
    ],
)
def test_what_is_no_dataset_is_refused_with_its_reason(name, data, code, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DatasetError) as caught:
        read_dataset(tmp_path / name)
    assert caught.value.code == code
    assert name in caught.value.text("en")
    assert "{" not in caught.value.text("zh")


def test_columns_can_be_named(tmp_path):
    row = {"frage": "q", "antwort": "a"}
    with pytest.raises(DatasetError, match="frage, antwort"):
        read_one(tmp_path, row)
    example, _ = read_one(tmp_path, row, columns={"prompt": "frage", "response": "antwort"})
    assert said(example) == QA
    with pytest.raises(ValueError, match="promt"):
        read_one(tmp_path, row, columns={"promt": "frage"})


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"instruction": "q", "output": "a \\ud83d b"}]')
    found = read_dataset(path)
    assert found.examples[0].answer == "a \ufffd b"
    assert found.findings[0].code == "bad_characters"


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=8))
def test_the_json_stream_gives_what_json_loads_gives(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("stream") / "rows.json"
    path.write_text(json.dumps(rows, ensure_ascii=True, indent=1), "utf-8")
    with path.open(encoding="utf-8") as file:
        stream = JsonStream(file, name="rows.json")
        assert stream.peek() == "["
        assert [value for _, value in stream.items()] == rows


def test_a_long_file_is_streamed_with_true_line_numbers(tmp_path):
    rows = [{"instruction": f"q{k}", "output": "x" * 5000} for k in range(1000)]
    path = tmp_path / "rows.json"
    path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]")
    *_, last = iter_rows(path)
    assert last.source.line == 1001
    assert last.example.prompt == "q999"


# ---- LLaMA-Factory's folders, and the eleven traps


def registry(folder: Path, entry: dict, rows, name="rows.json") -> Path:
    write(folder, rows, name)
    (folder / FILE_NAME).write_text(
        json.dumps({"mine": {"file_name": name, **entry}}, ensure_ascii=False), "utf-8"
    )
    return folder


def codes_of(found) -> list[str]:
    return [finding.code for finding in found.findings]


def test_trap_1_an_unlisted_input_is_read(tmp_path):
    entry = {"columns": {"prompt": "instruction", "response": "output"}}
    found = read_dataset(registry(tmp_path, entry, [{"instruction": "q", "input": "i", "output": "a"}]))
    assert said(found.examples[0])[0] == (U, "q\ni")
    assert codes_of(found) == ["column_unlisted"]


def test_trap_2_an_unlisted_answer_is_read(tmp_path):
    entry = {"columns": {"prompt": "question"}}
    found = read_dataset(registry(tmp_path, entry, [{"question": "q", "answer": "a"}]))
    assert said(found.examples[0]) == QA
    assert codes_of(found) == ["column_unlisted"]


def test_trap_3_rows_without_input(tmp_path):
    assert said(read_dataset(registry(tmp_path, {}, [{"instruction": "q", "output": "a"}])).examples[0]) == QA


@pytest.mark.parametrize(
    ("output", "answer"), [(["a"], "a"), ({"b": "好"}, '{"b": "好"}'), ([1, 2], "[1, 2]"), (3, "3")]
)
def test_trap_4_an_answer_that_is_no_text(output, answer, tmp_path):
    found = read_dataset(registry(tmp_path, {}, [{"instruction": "q", "output": output}]))
    assert found.examples[0].answer == answer
    assert codes_of(found) == ([] if isinstance(output, int) else ["text_from_value"])


def test_trap_5_messages_without_tags(tmp_path):
    entry = {"formatting": "sharegpt", "columns": {"messages": "messages"}}
    rows = [{"messages": [{"role": U, "content": "q"}, {"role": A, "content": "a"}]}]
    assert said(read_dataset(registry(tmp_path, entry, rows)).examples[0]) == QA


def test_traps_6_and_7_keep_the_conversation(tmp_path):
    entry = {"formatting": "sharegpt"}
    rows = [turns("gpt", "human", "gpt"), turns("human", "gpt", "human")]
    found = read_dataset(registry(tmp_path, entry, rows))
    assert len(found.examples) == 2
    assert codes_of(found) == ["greeting_untrained", "unanswered_removed"]


def test_traps_8_and_9_nothing_is_added_to_the_system_message(tmp_path):
    rows = [
        {
            "messages": [
                {"role": S, "content": "你是甄嬛"},
                {"role": U, "content": "q"},
                {"role": A, "content": "a"},
            ]
        }
    ]
    found = read_dataset(
        registry(tmp_path, {"formatting": "openai", "columns": {"messages": "messages"}}, rows)
    )
    assert said(found.examples[0])[0] == (S, "你是甄嬛")
    assert codes_of(found) == ["formatting_openai"]


# Traps 10 and 11, cutting answers and prompts, are tests of test_encoding.py.


def test_tags_give_roles_their_names(tmp_path):
    entry = {
        "formatting": "sharegpt",
        "columns": {"messages": "talk", "system": "sys"},
        "tags": {"role_tag": "who", "content_tag": "what", "user_tag": "caller", "assistant_tag": "desk"},
    }
    rows = [{"sys": "s", "talk": [{"who": "caller", "what": "q"}, {"who": "desk", "what": "a"}]}]
    found = read_dataset(registry(tmp_path, entry, rows))
    assert said(found.examples[0]) == [(S, "s"), *QA]
    assert codes_of(found) == []


def test_ranking_and_kto_entries(tmp_path):
    entry = {"ranking": True, "columns": {"prompt": "ask", "chosen": "good", "rejected": "bad"}}
    found = read_dataset(registry(tmp_path, entry, [{"ask": "q", "good": "a", "bad": "b"}]))
    assert found.examples[0].kind == "dpo"
    entry = {"columns": {"prompt": "ask", "response": "say", "kto_tag": "ok"}}
    found = read_dataset(registry(tmp_path, entry, [{"ask": "q", "say": "a", "ok": 1}]))
    assert (found.examples[0].kind, found.examples[0].label) == ("kto", True)


def test_prompt_alone_is_text(tmp_path):
    found = read_dataset(
        registry(tmp_path, {"columns": {"prompt": "content"}}, [{"content": "long", "id": 1}])
    )
    assert (found.examples[0].kind, found.examples[0].answer) == ("text", "long")


def test_num_samples_and_split_choose_rows(tmp_path):
    rows = [{"instruction": f"q{k}", "output": "a"} for k in range(100)]
    some = read_dataset(registry(tmp_path, {"num_samples": 10}, rows))
    prompts = [e.prompt for e in some.examples]
    assert len(set(prompts)) == 10
    assert prompts == sorted(prompts, key=lambda p: int(p[1:]))
    assert prompts != [f"q{k}" for k in range(10)]
    assert [e.prompt for e in read_dataset(tmp_path).examples] == prompts
    more = read_dataset(registry(tmp_path, {"num_samples": 250}, rows))
    assert len(more.examples) == 250
    part = read_dataset(registry(tmp_path, {"split": "train[10%:12]"}, rows))
    assert [e.prompt for e in part.examples] == ["q10", "q11"]


def test_subset_folder_and_split_choose_files(tmp_path):
    for place in ("en/train.json", "en/test.json", "zh/train.json"):
        (tmp_path / "data" / place).parent.mkdir(parents=True, exist_ok=True)
        write((tmp_path / "data" / place).parent, [{"instruction": place, "output": "a"}], Path(place).name)
    (tmp_path / FILE_NAME).write_text(json.dumps({
        "en": {"file_name": "data", "subset": "en", "split": "test"},
        "zh": {"file_name": "data", "folder": "zh"},
    }))  # fmt: skip
    assert [e.prompt for e in read_dataset(tmp_path, dataset="en").examples] == ["en/test.json"]
    assert [e.prompt for e in read_dataset(tmp_path, dataset="zh").examples] == ["zh/train.json"]


def test_a_registry_in_gbk(tmp_path):
    write(tmp_path, [{"指令": "q", "回复": "a"}])
    entry = {"我的": {"file_name": "rows.json", "columns": {"prompt": "指令", "response": "回复"}}}
    (tmp_path / FILE_NAME).write_bytes(json.dumps(entry, ensure_ascii=False).encode("gbk"))
    assert said(read_dataset(tmp_path, dataset="我的").examples[0]) == QA


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"hf_hub_url": "a/b"}, "dataset_remote"),
        ({"ms_hub_url": "a/b"}, "dataset_remote"),
        ({"script_url": "x"}, "dataset_remote"),
        ({"cloud_file_name": "s3://x"}, "dataset_remote"),
        ({"file_name": "absent.json"}, "dataset_file_missing"),
        ({}, "registry_shape"),
    ],
)
def test_entries_that_are_not_here(entry, code, tmp_path):
    (tmp_path / FILE_NAME).write_text(json.dumps({"mine": entry}))
    with pytest.raises(DatasetError) as caught:
        read_dataset(tmp_path, dataset="mine")
    assert caught.value.code == code
    assert "{" not in caught.value.text("zh").replace('{"', "")


def test_a_misspelt_key_is_told(tmp_path):
    found = read_dataset(registry(tmp_path, {"colums": {}}, [{"instruction": "q", "output": "a"}]))
    assert found.findings[0].params == {"key": "colums"}


# ---- the files of others

REFUSED = {
    "mt_bench_question.jsonl": "questions_only",
    "vicuna_bench_question.jsonl": "questions_only",
    "README.md": "data_not_dataset",
    "dataset_info.json": "dataset_unnamed",
}
ROWS = {"alpaca_zh_demo.json": 1000, "identity.json": 91, "dpo_zh_demo.json": 300, "kto_en_demo.json": 300,
        "dummy_conversation.json": 500}  # fmt: skip


def test_every_shared_file_is_read_whole_or_refused_with_its_reason(shared_data):
    seen = set()
    for path in sorted(p for p in (shared_data / "sft").rglob("*") if p.is_file()):
        seen.add(path.name)
        if path.name in REFUSED:
            with pytest.raises(DatasetError) as caught:
                read_dataset(path)
            reasons = {finding.code for finding in caught.value.findings} or {caught.value.code}
            assert reasons == {REFUSED[path.name]}, path
            continue
        found = read_dataset(path)
        assert len(found.examples) == found.rows > 0, path
        assert not found.findings, path
        assert found.rows == ROWS.get(path.name, found.rows), path
    assert seen >= {*REFUSED, *ROWS, "swift_pre.csv", "sharegpt.jsonl"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("identity", "sft"), ("alpaca_zh_demo", "sft"), ("dpo_zh_demo", "dpo"), ("kto_en_demo", "kto")],
)
def test_llamafactorys_folder_works_as_it_stands(name, kind, shared_data):
    found = read_dataset(shared_data / "sft" / "llamafactory", dataset=name)
    assert found.rows == len(found.examples) == ROWS[f"{name}.json"]
    assert {example.kind for example in found.examples} == {kind}
    assert not found.findings


def test_hints_are_optional_for_one_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(codecs.BOM_UTF8 + b'{"prompt": "q", "completion": "a"}\n')
    row = next(iter_rows(path, hints=Hints(), name="shown.jsonl"))
    assert row.example.messages == (Message(U, "q"), Message(A, "a"))
    assert str(row.source) == "shown.jsonl:1"
