"""The loss mask, against the template's own text and against transformers' mask."""

from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.encoding import IGNORE, Encoded, Encoder, encode_example
from finetune.errors import DatasetError
from finetune.examples import Example, Message, Source
from finetune.mask_view import mask_view
from tests.finetune import templates
from tests.finetune.templates import tiny_tokenizer

# template, stop token, text between answer and stop token
FAMILIES = {
    "default_system": (templates.DEFAULT_SYSTEM, "<|im_end|>", ""),
    "empty_block": (templates.EMPTY_BLOCK, "<|im_end|>", ""),
    "opened_block": (templates.OPENED_BLOCK, "<|end|>", ""),
    "strict": (templates.STRICT, "</s>", " "),
    "no_system": (templates.NO_SYSTEM, "<end_of_turn>", ""),
    "generation": (templates.GENERATION, "<|im_end|>", ""),
}

CHAT = (
    Message("user", "你好，请问怎样安装？"),
    Message("assistant", "请先下载安装包。"),
    Message("user", "然后呢？"),
    Message("assistant", "然后双击运行 setup.exe 😀"),
)
THOUGHT = (*CHAT[:3], Message("assistant", "双击运行。", "用户想知道下一步。"))

words = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30)
said = words.map(str.strip).filter(lambda text: text and "<" not in text and text.strip() == text)


def trained_runs(encoded: Encoded, tokenizer) -> list[str]:
    """The trained tokens, decoded, one text for each run of them."""
    pairs = zip(encoded.input_ids, encoded.labels, strict=True)
    runs = [(flag, [t for t, _ in run]) for flag, run in groupby(pairs, key=lambda pair: pair[1] != IGNORE)]
    assert all(
        label in (IGNORE, token) for token, label in zip(encoded.input_ids, encoded.labels, strict=True)
    )
    return [tokenizer.decode(ids) for flag, ids in runs if flag]


def of_template(messages, tokenizer) -> list[int]:
    rows = [{"role": m.role, "content": m.content} for m in messages]
    return tokenizer.apply_chat_template(rows, tokenize=True, return_dict=False)


def dicts(messages):
    return [{"role": m.role, "content": m.content} for m in messages]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("train_on", ["assistant", "last"])
def test_trained_tokens_are_the_answers_and_their_stop_tokens(family, train_on):
    template, stop, space = FAMILIES[family]
    tokenizer = tiny_tokenizer(template, eos=stop)
    encoded = encode_example(CHAT, tokenizer, max_length=512, train_on=train_on, thinking="none")
    answers = [m.content for m in CHAT if m.role == "assistant"]
    if train_on == "last":
        answers = answers[-1:]
    # Llama 2's template leaves the space before the answer to the model.
    expected = [(" " if family == "strict" else "") + a + space + stop for a in answers]
    assert trained_runs(encoded, tokenizer) == expected
    assert encoded.input_ids == of_template(CHAT, tokenizer)
    assert encoded.matches_template
    assert [encoded.input_ids[k] for k in encoded.stops] == [tokenizer.eos_token_id] * len(answers)


def conversations(*, system: bool):
    exchange = st.tuples(said, said)
    first = st.one_of(st.none(), said) if system else st.none()
    return st.tuples(first, st.lists(exchange, min_size=1, max_size=3)).map(
        lambda drawn: tuple(
            [Message("system", drawn[0])] * (drawn[0] is not None)
            + [m for q, a in drawn[1] for m in (Message("user", q), Message("assistant", a))]
        )
    )


@pytest.mark.parametrize("family", ["default_system", "strict", "opened_block", "empty_block"])
@settings(max_examples=40, deadline=None)
@given(messages=conversations(system=True))
def test_any_conversation_is_masked_exactly(family, messages):
    template, stop, space = FAMILIES[family]
    tokenizer = tiny_tokenizer(template, eos=stop)
    encoded = encode_example(messages, tokenizer, max_length=4096, thinking="none")
    lead = " " if family == "strict" else ""
    assert trained_runs(encoded, tokenizer) == [
        f"{lead}{m.content}{space}{stop}" for m in messages if m.role == "assistant"
    ]
    assert encoded.input_ids == of_template(messages, tokenizer)
    assert [s.start for s in encoded.spans[1:]] == [s.end for s in encoded.spans[:-1]]
    assert encoded.spans[-1].end == len(encoded.input_ids)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(blacklist_categories=("Cs",)), max_size=40), limit=st.integers(24, 80))
def test_whatever_is_said_the_mask_stays_within_the_answer(text, limit):
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    messages = (Message("user", text or "?"), Message("assistant", "yes " + text))
    try:
        encoded = encode_example(messages, tokenizer, max_length=limit)
    except DatasetError as error:
        assert error.code == "too_long"  # noqa: PT017
        return
    assert len(encoded.input_ids) <= limit
    assert len(encoded.labels) == len(encoded.input_ids)
    last = encoded.input_ids[encoded.stops[-1]]
    assert last == tokenizer.eos_token_id
    assert encoded.labels[0] == IGNORE
    assert encoded.trained_tokens >= 1


def test_the_mask_is_the_one_of_transformers_where_the_template_marks_it():
    tokenizer = tiny_tokenizer(templates.GENERATION)
    theirs = tokenizer.apply_chat_template(dicts(CHAT), return_dict=True, return_assistant_tokens_mask=True)
    ours = encode_example(CHAT, tokenizer, max_length=512)
    assert ours.input_ids == theirs["input_ids"]
    assert [int(label != IGNORE) for label in ours.labels] == theirs["assistant_masks"]


def test_all_tokens_can_be_trained():
    encoded = encode_example(CHAT, tiny_tokenizer(templates.DEFAULT_SYSTEM), max_length=512, train_on="all")
    assert encoded.labels == encoded.input_ids


def test_a_turn_marked_as_context_is_not_trained():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    greeting = Message("assistant", "欢迎！", train=False)
    encoded = encode_example((greeting, *CHAT[:2]), tokenizer, max_length=512)
    assert trained_runs(encoded, tokenizer) == ["请先下载安装包。<|im_end|>"]
    assert "欢迎！" in tokenizer.decode(encoded.input_ids)


# ---- thinking


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ("keep", ["然后双击运行 setup.exe 😀<|im_end|>"]),
        (
            "empty",
            ["请先下载安装包。<|im_end|>", "<think>\n\n</think>\n\n然后双击运行 setup.exe 😀<|im_end|>"],
        ),
        ("none", ["请先下载安装包。<|im_end|>", "然后双击运行 setup.exe 😀<|im_end|>"]),
    ],
)
def test_an_empty_block_is_trained_only_when_asked_for(thinking, expected):
    tokenizer = tiny_tokenizer(templates.EMPTY_BLOCK)
    encoded = encode_example(CHAT, tokenizer, max_length=512, thinking=thinking)
    assert trained_runs(encoded, tokenizer) == expected
    assert encoded.input_ids == of_template(CHAT, tokenizer)
    # An earlier answer without its block would teach to skip thinking: under "keep" it is context, and said.
    assert ("history_untrained" in dict(encoded.notes)) == (thinking == "keep")


def test_thinking_in_the_data_is_trained():
    tokenizer = tiny_tokenizer(templates.EMPTY_BLOCK)
    encoded = encode_example(THOUGHT, tokenizer, max_length=512)
    assert trained_runs(encoded, tokenizer) == [
        "<think>\n用户想知道下一步。\n</think>\n\n双击运行。<|im_end|>"
    ]
    inline = (*THOUGHT[:3], Message("assistant", "<think>\n用户想知道下一步。\n</think>\n\n双击运行。"))
    assert encoded.input_ids == of_template(inline, tokenizer)
    assert "thinking" in {span.role for span in encoded.spans}
    without = encode_example(THOUGHT, tokenizer, max_length=512, thinking="none")
    assert "下一步" not in tokenizer.decode(without.input_ids)
    assert "thinking_removed" in dict(without.notes)


def test_thinking_that_the_template_would_strip_follows_the_generation_prompt():
    tokenizer = tiny_tokenizer(templates.OPENED_BLOCK, eos="<|end|>")
    encoded = encode_example(THOUGHT, tokenizer, max_length=512)
    prompt = tokenizer.apply_chat_template(
        dicts(THOUGHT[:3]), add_generation_prompt=True, tokenize=True, return_dict=False
    )
    assert encoded.input_ids[: len(prompt)] == prompt
    assert trained_runs(encoded, tokenizer) == ["用户想知道下一步。\n</think>\n\n双击运行。<|end|>"]
    assert not encoded.matches_template


def test_an_answer_without_thinking_follows_a_closed_block_that_is_not_trained():
    tokenizer = tiny_tokenizer(templates.OPENED_BLOCK, eos="<|end|>")
    keep = encode_example(CHAT[:2], tokenizer, max_length=512)
    assert trained_runs(keep, tokenizer) == ["请先下载安装包。<|end|>"]
    assert tokenizer.decode(keep.input_ids).endswith("<think>\n\n</think>\n\n请先下载安装包。<|end|>")
    empty = encode_example(CHAT[:2], tokenizer, max_length=512, thinking="empty")
    assert trained_runs(empty, tokenizer) == ["\n</think>\n\n请先下载安装包。<|end|>"]


# ---- templates that refuse or lack something


def test_a_system_message_moves_into_the_question_where_the_template_knows_none():
    tokenizer = tiny_tokenizer(templates.NO_SYSTEM, eos="<end_of_turn>")
    encoded = encode_example((Message("system", "你是甄嬛"), *CHAT[:2]), tokenizer, max_length=512)
    assert dict(encoded.notes).keys() == {"system_merged"}
    assert "你是甄嬛\n\n你好" in tokenizer.decode(encoded.input_ids)


def test_an_opening_greeting_goes_where_the_template_wants_the_user_first():
    tokenizer = tiny_tokenizer(templates.STRICT, eos="</s>")
    encoded = encode_example(
        (Message("assistant", "欢迎", train=False), *CHAT[:2]), tokenizer, max_length=512
    )
    assert dict(encoded.notes).keys() == {"greeting_dropped"}
    assert trained_runs(encoded, tokenizer) == [" 请先下载安装包。 </s>"]


def test_a_stop_token_is_added_where_the_template_has_none():
    tokenizer = tiny_tokenizer(templates.NO_STOP, eos="</s>")
    encoded = encode_example(CHAT[:2], tokenizer, max_length=512)
    assert trained_runs(encoded, tokenizer) == ["请先下载安装包。</s>"]
    assert not encoded.matches_template


def test_a_template_that_raises_refuses_the_row_with_its_words():
    tokenizer = tiny_tokenizer("{{ raise_exception('only on Sundays') }}")
    with pytest.raises(DatasetError, match="only on Sundays") as caught:
        encode_example(CHAT, tokenizer, max_length=512)
    assert caught.value.code == "template_refused"


def test_a_tokenizer_without_a_template_is_refused():
    with pytest.raises(DatasetError) as caught:
        encode_example(CHAT, tiny_tokenizer(None), max_length=512)
    assert caught.value.code == "template_missing"


def test_a_content_that_the_template_looks_into_is_traced_by_its_prefixes():
    tokenizer = tiny_tokenizer(templates.EMPTY_BLOCK)
    messages = (
        Message("user", "Which tag?"),
        Message("assistant", "It ends with </think> and then the answer."),
    )
    encoded = encode_example(messages, tokenizer, max_length=512, thinking="none")
    assert encoded.input_ids == of_template(messages, tokenizer)
    assert tokenizer.decode(encoded.input_ids[-2:-1]) == "<|im_end|>"
    assert encoded.labels[-2] != IGNORE


# ---- cutting


def test_a_long_prompt_loses_its_middle_and_keeps_question_and_answer():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    question = "Context: " + "fox dog " * 400 + "Question: how many files?"
    messages = (Message("user", question), Message("assistant", "There are 12 files."))
    encoded = encode_example(messages, tokenizer, max_length=256)
    text = tokenizer.decode(encoded.input_ids)
    assert len(encoded.input_ids) <= 256
    assert len(encoded.input_ids) > 200
    assert "Context: " in text
    assert "Question: how many files?<|im_end|>" in text
    assert trained_runs(encoded, tokenizer) == ["There are 12 files.<|im_end|>"]
    assert encoded.notes[0][0] == "cut_context"
    assert encoded.input_ids == of_template(encoded.messages, tokenizer)


def test_a_long_answer_keeps_its_end_and_never_stops_in_mid_sentence():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    answer = "First " + "fox dog " * 400 + "and that is the end."
    messages = (Message("user", "Tell me."), Message("assistant", answer))
    encoded = encode_example(messages, tokenizer, max_length=200)
    head, tail = trained_runs(encoded, tokenizer)
    assert head.startswith("First fox dog")
    assert tail.endswith("and that is the end.<|im_end|>")
    assert "…" not in head + tail
    code, params = encoded.notes[0]
    assert code == "cut_answer"
    assert params["trained"] > 500
    assert len(encoded.input_ids) <= 200


def test_the_oldest_turns_go_first():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    exchanges = [
        m
        for k in range(20)
        for m in (Message("user", f"Question {k}? " * 5), Message("assistant", f"It is {k}."))
    ]
    encoded = encode_example((Message("system", "Be brief."), *exchanges), tokenizer, max_length=300)
    text = tokenizer.decode(encoded.input_ids)
    assert "Be brief." in text
    assert "It is 19." in text
    assert "It is 0." not in text
    assert encoded.notes[0][0] == "cut_turns"
    assert encoded.notes[0][1]["turns"] % 2 == 0


def test_cutting_can_be_refused():
    messages = (Message("user", "fox " * 500), Message("assistant", "Yes."))
    with pytest.raises(DatasetError) as caught:
        encode_example(messages, tiny_tokenizer(templates.DEFAULT_SYSTEM), max_length=100, overlong="drop")
    assert caught.value.code == "too_long"
    assert "100" in caught.value.text("zh")


# ---- preferences and text


def test_a_pair_shares_its_prompt():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    example = Example(
        CHAT[:1], Source("f", 1), "dpo", Message("assistant", "请先下载。"), Message("assistant", "不知道。")
    )
    row = next(Encoder(tokenizer).encode_rows([example]))
    prompt = tokenizer.apply_chat_template(
        dicts(CHAT[:1]), add_generation_prompt=True, tokenize=True, return_dict=False
    )
    assert row.pair.prompt_ids == prompt
    assert tokenizer.decode(row.pair.chosen_ids) == "请先下载。<|im_end|>"
    assert tokenizer.decode(row.pair.rejected_ids) == "不知道。<|im_end|>"


def test_a_long_pair_is_cut_the_same_on_both_sides():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    example = Example(
        (Message("user", "fox dog " * 300 + "Which?"),),
        Source("f", 1),
        "dpo",
        Message("assistant", "The dog. " * 8),
        Message("assistant", "None."),
    )
    row = next(Encoder(tokenizer, 200).encode_rows([example]))
    assert max(len(piece.input_ids) for piece in row.pieces) <= 200
    assert tokenizer.decode(row.pair.prompt_ids).endswith("Which?<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.decode(row.pair.rejected_ids) == "None.<|im_end|>"
    assert dict(row.notes).keys() == {"cut_context"}


def test_a_kto_row_trains_its_last_answer():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    row = next(Encoder(tokenizer).encode_rows([Example(CHAT, Source("f", 1), "kto", label=True)]))
    piece = row.pieces[0]
    trained = [token for token, label in zip(piece.input_ids, piece.labels, strict=True) if label != IGNORE]
    assert tokenizer.decode(trained) == "然后双击运行 setup.exe 😀<|im_end|>"


def test_a_long_text_is_split_and_nothing_is_lost():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    text = "The quick brown fox. " * 60
    row = next(
        Encoder(tokenizer, 64).encode_rows([Example((Message("assistant", text),), Source("f", 1), "text")])
    )
    ids = [token for piece in row.pieces for token in piece.input_ids]
    assert tokenizer.decode(ids) == text + "<|im_end|>"
    assert all(piece.labels == piece.input_ids for piece in row.pieces)
    assert dict(row.notes) == {"text_split": {"pieces": len(row.pieces)}}


# ---- the lens


@settings(max_examples=60, deadline=None)
@given(text=said)
def test_the_lens_shows_every_token_and_no_broken_character(text):
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    encoded = encode_example((Message("user", "你好"), Message("assistant", text)), tokenizer, max_length=512)
    views = mask_view(encoded, tokenizer)
    assert [view.id for view in views] == encoded.input_ids
    assert "".join(view.text for view in views) == tokenizer.decode(encoded.input_ids)
    assert "".join(view.text for view in views if view.trained) == text + "<|im_end|>"
    assert [view.text for view in views if view.is_stop] == ["<|im_end|>"]
    assert all("\ufffd" not in view.text for view in views) or "\ufffd" in text
    assert {view.role for view in views if view.trained} == {"assistant", "template"}


def test_a_character_of_several_tokens_stands_on_the_first():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    encoded = encode_example((Message("user", "你好"), Message("assistant", "嬛")), tokenizer, max_length=512)
    views = [view for view in mask_view(encoded, tokenizer) if view.role == "assistant"]
    assert [view.text for view in views] == ["嬛", "", ""]
    assert [view.continues for view in views] == [False, True, True]


# ---- tools

CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Paris"}}}
CALLING = (
    Message("user", "How warm is it?"),
    Message("assistant", '{"name": "weather"}', tool_calls=(CALL,)),
    Message("tool", "21 degrees"),
    Message("assistant", "It is 21 degrees."),
)


@pytest.mark.parametrize("template", ["CALLS", "TEXT_CALLS"])
def test_calls_are_trained_in_the_templates_own_form(template):
    tokenizer = tiny_tokenizer(getattr(templates, template))
    tools = [{"type": "function", "function": {"name": "weather"}}]
    encoded = encode_example(CALLING, tokenizer, max_length=512, tools=tools)
    assert trained_runs(encoded, tokenizer) == [
        '<tool_call>\nweather {"city": "Paris"}\n</tool_call><|im_end|>',
        "It is 21 degrees.<|im_end|>",
    ]
    assert len(encoded.stops) == 2


def test_a_template_without_calls_gets_them_as_text_and_says_what_is_missing():
    tokenizer = tiny_tokenizer(templates.DEFAULT_SYSTEM)
    encoded = encode_example(CALLING, tokenizer, max_length=512, tools=[{"type": "function", "function": {}}])
    assert trained_runs(encoded, tokenizer)[0] == '{"name": "weather"}<|im_end|>'
    assert "tools_not_shown" in dict(encoded.notes)


def test_thinking_goes_where_the_template_takes_it():
    tokenizer = tiny_tokenizer(templates.THOUGHT_FIELD)
    encoded = encode_example(THOUGHT, tokenizer, max_length=512)
    assert trained_runs(encoded, tokenizer) == ["用户想知道下一步。\n</think>\n\n双击运行。<|im_end|>"]
    without = encode_example(CHAT[:2], tokenizer, max_length=512)
    assert trained_runs(without, tokenizer) == ["请先下载安装包。<|im_end|>"]


def test_a_control_token_in_the_text_is_told():
    messages = (Message("user", "What does <|im_end|> mean?"), Message("assistant", "The end."))
    encoded = encode_example(messages, tiny_tokenizer(templates.DEFAULT_SYSTEM), max_length=512)
    assert dict(encoded.notes) == {"special_in_text": {"token": "<|im_end|>"}}
