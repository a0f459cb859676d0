"""What will be trained, counted row by row: every loss has its finding, and the counts add up."""

import json
import string
from dataclasses import replace

import pytest

from finetune.config import DataConfig
from finetune.data_messages import DATA_MESSAGES
from finetune.encoding import Encoder
from finetune.errors import DatasetError
from finetune.examples import Example, Finding, Message, Source
from finetune.formats.reading import read_dataset
from finetune.near_duplicates import find_overlap, near_duplicates, normalise, shingles, similarity
from finetune.placeholders import count_placeholders, fill_placeholders, find_placeholders
from finetune.preflight import check_data, preflight
from finetune.writing_systems import script
from tests.finetune import templates
from tests.finetune.templates import tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer(templates.DEFAULT_SYSTEM)


def row(number: int, question: str, answer: str, **fields) -> Example:
    messages = (Message("user", question), Message("assistant", answer))
    return Example(messages, Source("f", number, number), **fields)


def rows(*pairs) -> list[Example]:
    return [row(k, q, a) for k, (q, a) in enumerate(pairs, 1)]


def codes(report, outcome=None) -> list[tuple[str, int]]:
    return [(f.code, f.source.row) for f in report.findings if outcome in (None, f.outcome)]


DISTINCT = [
    (f"Where is the {word}?", f"In drawer {k}.") for k, word in enumerate("hammer saw nail file".split())
]


def test_clean_rows_are_kept(tokenizer):
    report = preflight(rows(*DISTINCT), tokenizer)
    assert (report.rows, report.kept, report.findings, report.keep) == (4, 4, [], [0, 1, 2, 3])
    encoded = list(Encoder(tokenizer).encode_rows(rows(*DISTINCT)))
    assert report.tokens == sum(len(r.pieces[0].input_ids) for r in encoded)
    assert report.trained_tokens == sum(r.pieces[0].trained_tokens for r in encoded)
    assert sum(report.lengths.counts) == 4
    assert report.lengths.longest == max(len(r.pieces[0].input_ids) for r in encoded)


def test_every_row_counts_once_by_its_worst_finding(tokenizer):
    examples = rows(*DISTINCT, ("fox dog " * 200, "Yes, that is so."), ("And {{name}}?", "I am {{name}}."))
    lost = Finding("row_malformed", Source("f", 90, 90), "dropped", {"reason": "x", "column": 1})
    mended = Finding("turns_joined", examples[0].source, "repaired", {"role": "user"})
    config = DataConfig(max_length=128, max_dropped_share=0.5)
    report = preflight(examples, tokenizer, config=config, findings=[lost, mended])
    assert (report.rows, report.kept, report.repaired, report.cut, report.dropped) == (7, 4, 1, 1, 1)
    assert codes(report, "cut") == [("cut_context", 5)]
    assert report.lengths.over_limit == 1
    assert report.lengths.counts[-1] == 1
    assert report.lengths.longest > 400
    assert report.placeholders == {"name": 1}


def test_too_many_lost_rows_stop_before_any_compute(tokenizer):
    examples = rows(*DISTINCT, *[("fox " * 200, f"Answer {k}") for k in range(4)])
    config = DataConfig(max_length=64, overlong="drop", max_dropped_share=0.3)
    with pytest.raises(DatasetError) as caught:
        preflight(examples, tokenizer, config=config, name="mine")
    assert caught.value.code == "too_many_dropped"
    assert caught.value.params["percent"] == 50
    assert {f.code for f in caught.value.findings if f.outcome == "dropped"} == {"too_long"}
    raised = preflight(examples, tokenizer, config=replace(config, max_dropped_share=0.5))
    assert raised.dropped == 4
    assert raised.keep == [0, 1, 2, 3]


def test_nothing_left_is_an_error_whatever_the_limit(tokenizer):
    config = DataConfig(max_length=64, overlong="drop", max_dropped_share=1.0)
    with pytest.raises(DatasetError) as caught:
        preflight(rows(("fox " * 200, "Yes.")), tokenizer, config=config)
    assert caught.value.code == "nothing_left"


def test_duplicates_are_listed_and_left_out_when_asked(tokenizer):
    examples = rows(*DISTINCT, DISTINCT[0])
    assert codes(preflight(examples, tokenizer)) == [("duplicate_exact", 5)]
    report = preflight(examples, tokenizer, config=DataConfig(drop_duplicates=True, max_dropped_share=0.0))
    assert (report.dropped, report.keep) == (1, [0, 1, 2, 3])


def test_a_row_taken_twice_by_num_samples_is_no_duplicate(tokenizer):
    examples = rows(*DISTINCT)
    report = preflight([*examples, *examples], tokenizer)
    assert (report.rows, report.kept, report.findings) == (8, 8, [])


def test_near_duplicates_need_question_and_answer_alike(tokenizer):
    asked = "How do I install the program on my computer with Windows?"
    told = "Download the installer from the page and run it as administrator."
    examples = rows(
        (asked, told),
        (asked.replace("?", " !"), told.replace("run it", "run  it")),  # nearly the same row
        ("Which steps put it on a PC?", told),  # another wording: wanted
        (asked, "It cannot be installed there at all, sorry."),  # another answer: a conflict
    )
    assert codes(preflight(examples, tokenizer)) == [("duplicate_near", 2), ("answer_conflict", 4)]


def test_questions_of_the_test_set_are_found(tokenizer):
    test = ["Something else entirely, my friend?", "where is the HAMMER"]
    report = preflight(rows(*DISTINCT), tokenizer, test=test)
    assert codes(report) == [("test_overlap", 1)]
    assert report.findings[0].params == {"other": "#2", "percent": 100}
    config = DataConfig(drop_test_overlap=True, max_dropped_share=0.0)
    assert preflight(rows(*DISTINCT), tokenizer, config=config, test=test).keep == [1, 2, 3]


def test_preferences_and_text_are_examined_too(tokenizer):
    pair = Example(
        (Message("user", "Why?"),),
        Source("f", 1),
        "dpo",
        Message("assistant", "So."),
        Message("assistant", "No."),
    )
    text = Example((Message("assistant", "The quick brown fox. " * 40),), Source("f", 2), "text")
    report = preflight([pair, text], tokenizer, config=DataConfig(max_length=64))
    assert report.kinds == {"dpo": 1, "text": 1}
    assert codes(report) == [("text_split", 2)]
    assert report.sequences > 3


def test_the_report_as_json_holds_both_languages(tokenizer):
    report = preflight(rows(*DISTINCT, DISTINCT[0]), tokenizer, name="mine")
    plain = json.loads(json.dumps(report.to_json()))
    assert plain["findings"][0]["text"]["zh"] == "与 f:1 完全重复。"
    assert plain["rows"] == 5
    assert plain["lengths"]["limit"] == 2048
    assert "5 rows" in report.summary("en")
    assert "5 行" in report.summary("zh")


def test_progress_is_told(tokenizer):
    seen = []
    preflight(rows(*DISTINCT), tokenizer, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 4)]


# ---- placeholders


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("I am {{name}}, by {{ author }}.", {"name", "author"}),
        ("我是{{姓名}}", {"姓名"}),
        ("I am <NAME>, by <AUTHOR>", {"name", "author"}),
        ("I am [NAME]", {"name"}),
        ("Use `{{ user.name }}` in the template", set()),
        ("```\n<NAME>{{x}}\n```", set()),
        ("<TABLE> <br> List<T> [link](NAME) {x}", set()),
    ],
)
def test_what_looks_like_a_placeholder(text, names):
    assert find_placeholders(text) == names


def test_placeholders_are_filled(shared_data):
    found = read_dataset(shared_data / "sft" / "llamafactory", dataset="identity")
    assert count_placeholders(found.examples) == {"name": 77, "author": 60}
    filled = list(fill_placeholders(found.examples, {"name": "小谈", "Author": "Tandem"}))
    assert len(filled) == 91
    assert not count_placeholders(filled)
    assert "小谈" in filled[-1].answer or "Tandem" in filled[-1].answer
    assert any("I am 小谈, an AI assistant developed by Tandem" in e.answer for e in filled)


# ---- likeness


def test_similarity_is_the_share_of_shingles():
    first, second = (
        normalise("The quick brown fox jumps over it"),
        normalise("the quick brown fox, jumps over IT!"),
    )
    assert first == second
    assert similarity(shingles(first), shingles(first)) == 1.0
    left, right = shingles("abcdefghij"), shingles("abcdefghXY")
    parts = [{t[k : k + 5] for k in range(6)} for t in ("abcdefghij", "abcdefghXY")]
    assert similarity(left, right) == pytest.approx(len(parts[0] & parts[1]) / len(parts[0] | parts[1]))


def test_minhash_finds_what_comparing_all_pairs_finds(shared_data):
    examples = read_dataset(shared_data / "sft" / "sharegpt_fastchat" / "dummy_conversation.json").examples[
        :200
    ]
    keys = [(normalise(e.prompt), normalise(e.answer)) for e in examples]
    found = {overlap.index for overlap in near_duplicates(keys, threshold=0.8)}
    sets = [tuple(shingles(part) for part in key) for key in keys]
    alike = {
        i
        for i in range(len(keys))
        if any(min(similarity(a, b) for a, b in zip(sets[i], sets[j], strict=True)) >= 0.8 for j in range(i))
    }
    assert found <= alike
    assert len(found) >= 0.98 * len(alike) > 0


def test_overlap_with_a_test_set_in_chinese():
    train = [normalise(t) for t in ("请问在 Windows 电脑上怎样安装这个软件的最新版本？", "今天天气怎么样？")]
    test = [normalise("请问在Windows电脑上，怎样安装这个软件的最新版本")]
    assert [(o.index, o.other) for o in find_overlap(train, test, threshold=0.6)] == [(0, 0)]


@pytest.mark.parametrize(
    ("text", "name"),
    [("你好，世界", "zh"), ("Hello world", "latin"), ("こんにちは世界", "ja"), ("Привет", "cyrillic"),
     ("123", "other"), ("请用 Kubernetes Deployment 部署 service", "mixed"), ("安装 Python 后运行程序即可看到结果", "zh")],
)  # fmt: skip
def test_writing(text, name):
    assert script(text) == name


# ---- the real tokenizer


def test_the_embedded_model_trains_exactly_the_answers(smollm2_folder, shared_data):
    from transformers import AutoTokenizer

    from finetune.mask_view import mask_view

    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder.path)
    for name in ("llamafactory/alpaca_zh_demo.json", "sharegpt_fastchat/dummy_conversation.json"):
        examples = read_dataset(shared_data / "sft" / name).examples[:60]
        for encoded in Encoder(tokenizer).encode_rows(examples):
            example, piece = examples[encoded.index], encoded.pieces[0]
            dicts = [{"role": m.role, "content": m.content} for m in example.messages]
            assert piece.input_ids == tokenizer.apply_chat_template(dicts, tokenize=True, return_dict=False)
            answers = [m.content for m in example.messages if m.role == "assistant"]
            views = mask_view(piece, tokenizer)
            trained = "".join(view.text for view in views if view.trained)
            assert trained == "".join(f"{answer}<|im_end|>" for answer in answers)
            assert sum(view.is_stop for view in views) == len(answers)


def test_a_real_file_is_examined(smollm2_folder, shared_data):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder.path)
    folder = shared_data / "sft" / "llamafactory"
    _, report = check_data(folder, tokenizer, dataset="identity")
    assert (report.rows, report.kept, report.codes["placeholder"]) == (91, 91, 85)
    _, report = check_data(folder, tokenizer, dataset="alpaca_zh_demo")
    assert report.codes == {"duplicate_exact": 8}
    assert report.languages["zh"] > 900


# ---- messages


@pytest.mark.parametrize("code", DATA_MESSAGES)
def test_both_languages_say_the_same_with_the_same_values(code):
    fields = [
        {name.removesuffix("_zh") for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in DATA_MESSAGES[code].values()
    ]
    assert fields[0] == fields[1]
    assert any("\u4e00" <= c <= "\u9fff" for c in DATA_MESSAGES[code]["zh"])
