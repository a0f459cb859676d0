"""Which sentence is supported by what, and what is not supported at all."""

import json
import time
from pathlib import Path

import pytest

from assistant.arms import Citation, Sentence
from assistant.citations import cite
from assistant.claims import claims_something, numbers_in
from assistant.extractive import guard_answer
from knowledge.documents import Passage

EN = (
    "The Heron H2 pump weighs 12.5 kg and stands on three rubber feet. It delivers up to 1,200 litres per hour. "
    "Dr. Alma Reyes designed it in Lisbon in 2019. Do not run it without water, because the seal overheats."
)
ZH = "苍鹭 H2 水泵重 12.5 公斤，配有三个橡胶脚。最大流量为每小时 1200 升。请勿在无水状态下运行，否则密封圈会过热。保修期为两年。"
OTHER = "The Falcon R9 compressor weighs 80 kg. Marco Silva designed it in Porto in 2021. Its tank holds 24 litres."
TABLE = "| Model | Weight | Flow |\n|---|---|---|\n| H2 | 12.5 kg | 1200 l/h |\n| H3 | 18 kg | 2400 l/h |"


def passage(text: str, number: int = 1, **more: object) -> Passage:
    return Passage(number, number, 1, f"file{number}.md", text, 0, len(text), 0.8, **more)  # type: ignore[arg-type]


POOL = [passage(OTHER, 1), passage(EN, 2), passage(ZH, 3), passage(TABLE, 4)]


def first(
    answer: str, pool: list[Passage] | None = None, **options: object
) -> tuple[Sentence, tuple[Citation, ...]]:
    sentences, citations = cite(answer, pool or POOL, **options)  # type: ignore[arg-type]
    return sentences[0], citations


@pytest.mark.parametrize(
    ("answer", "source", "quote"),
    [
        ("The H2 pump weighs 12.5 kg.", 2, "weighs 12.5 kg"),
        ("The Heron H2 delivers 1200 litres per hour.", 2, "1,200 litres"),
        ("Alma Reyes designed the pump in 2019.", 2, "Alma Reyes"),
        ("It stands on 3 rubber feet.", 2, "three rubber feet"),
        ("The compressor's tank holds 24 litres.", 1, "24 litres"),
        ("苍鹭 H2 的最大流量为每小时 1200 升。", 3, "每小时 1200 升"),
        ("不要在无水状态下运行水泵。", 3, "无水状态下运行"),
        ("保修期为 2 年。", 3, "两年"),
        ("H3 weighs 18 kg.", 4, "| H3 | 18 kg"),
        ("- **Weight**: 12.5 kg, on rubber feet", 2, "12.5 kg"),
    ],
)
def test_supported_sentences_name_their_place(answer: str, source: int, quote: str) -> None:
    sentence, citations = first(answer)
    assert sentence.supported
    cited = {c.number: c for c in citations}
    held = [cited[n] for n in sentence.citations if cited[n].passage.chunk_id == source]
    assert held, citations
    texts = [held[0].passage.text[s:e] for s, e in sentence.spans[held[0].number]]
    assert any(quote in text for text in texts)


@pytest.mark.parametrize(
    "answer",
    [
        "The H2 pump weighs 13.5 kg.",
        "The Heron H2 delivers 12,000 litres per hour.",
        "Marco Reyes designed the pump in 2019.",
        "Alma Reyes designed the pump in 2021.",
        "Alma Reyes designed the pump in Madrid.",
        "The Heron H5 pump weighs 12.5 kg.",
        "It stands on four rubber feet.",
        "The pump is made of stainless steel from a recycled ship.",
        "H3 weighs 12.5 kg.",
        "苍鹭 H2 的最大流量为每小时 1500 升。",
        "保修期为三年。",
        "该水泵可以在海水中使用。",
        "2019",
    ],
)
def test_wrong_numbers_names_and_inventions_are_unsupported(answer: str) -> None:
    pool = POOL if answer != "2019" else [POOL[0]]
    sentence, citations = first(answer, pool)
    assert sentence.checkable
    assert not sentence.supported
    assert citations == ()


@pytest.mark.parametrize(
    "text",
    [
        "Hello!",
        "Sure, here are the details:",
        "以下是主要参数：",
        "Would you like to know more?",
        "需要更多信息吗？",
        "I could not find an answer to this in the documents.",
        "在文档中没有找到这个问题的答案。",
        "## Weight",
        "I hope this helps!",
        "希望对您有帮助！",
    ],
)
def test_what_claims_nothing_needs_no_source(text: str) -> None:
    assert not claims_something(text)
    assert first(text)[0].supported


def test_numbers_follow_first_use_and_spans_point_into_the_passage() -> None:
    answer = (
        "The pump weighs 12.5 kg. The compressor weighs 80 kg. It is very popular with gardeners everywhere.\n"
        "1. The pump delivers 1200 litres per hour.\n2. Its seal overheats when it is run without water.\n"
    )
    sentences, citations = cite(answer, [POOL[0], POOL[1]])
    assert [s.citations for s in sentences] == [(1,), (2,), (), (1,), (1,)]
    assert [c.passage.chunk_id for c in citations] == [2, 1]
    assert [answer[s.start : s.end][:3] for s in sentences] == ["The", "The", "It ", "1. ", "2. "]
    for citation in citations:
        assert list(citation.spans) == sorted(citation.spans)
        assert all(0 <= start < end <= len(citation.passage.text) for start, end in citation.spans)
        assert 0 < citation.score <= 1
    assert len(citations[0].spans) == 3


def test_a_long_sentence_is_narrowed_to_its_clause() -> None:
    text = (
        "The unit was first shown at the spring fair, where visitors admired its quiet running, its finish and its "
        "price; it uses a copper coil of 8 mm, which is wound by hand in a small workshop near the harbour."
    )
    sentence, citations = first("It uses a copper coil of 8 mm.", [passage(text)])
    ((start, end),) = sentence.spans[1]
    assert text[start:end] == "it uses a copper coil of 8 mm"
    assert citations[0].spans == ((start, end),)


def test_the_question_decides_between_equal_places() -> None:
    text = "The pump was sold for 40 euros in 2019. The hose is 40 metres long."
    sentence, _ = first("40", [passage(text)], question="How long is the hose?")
    ((start, end),) = sentence.spans[1]
    assert text[start:end] == "The hose is 40 metres long."


def test_headings_count_as_context() -> None:
    text = "The weight is 9 kg."
    with_heading = passage(text, heading_path=("Kestrel K1", "Data"))
    assert first("The weight of the Kestrel K1 is 9 kg.", [with_heading])[0].supported
    assert not first("The weight of the Kestrel K1 is 9 kg.", [passage(text)])[0].supported


def test_nothing_to_cite() -> None:
    assert cite("", POOL) == ((), ())
    sentences, citations = cite("The pump weighs 12.5 kg.", [])
    assert not sentences[0].supported
    assert citations == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200.50 and 007", {"1200.5", "7"}),
        ("twelve of 12kg", {"12"}),
        ("二十五天、一百零八个、两年、第三章", {"25", "108", "2", "3"}),
        ("二〇二四年", {"2024"}),
        ("one of them", set()),
        ("X200 and H2", set()),
        ("三万五千元", {"35000"}),
    ],
)
def test_numbers_are_written_alike(text: str, expected: set[str]) -> None:
    assert numbers_in(text) == expected


def test_ten_sentences_and_five_passages_take_less_than_a_tenth_of_a_second(shared_data: Path) -> None:
    data = json.loads((shared_data / "qa/squad2/squad2.json").read_text("utf-8"))["data"]
    texts = [paragraph["context"] for article in data for paragraph in article["paragraphs"]]
    pool = [passage(text, i) for i, text in enumerate(texts[:5])]
    answer = " ".join(" ".join(text.split()[:20]) + "." for text in texts[:10])
    cite(answer, pool)
    spent = []
    for _ in range(5):
        began = time.process_time()
        cite(answer, pool)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.1


def test_precision_and_recall_on_public_data(shared_data: Path) -> None:
    from bench.citations import measure

    for language in ("en", "zh"):
        figures = measure(shared_data, language, limit=25)
        assert figures.precision >= 0.95
        assert figures.recall >= 0.9
        assert figures.cited_share["number"] <= 0.05
        assert figures.cited_share["stranger"] <= 0.05


SAFETY = (
    "2 Safety\nDo not plug it in again until it has dried for at least 24 hours.\n"
    "- The Hearthplate under the drip tray reaches 78 °C. Let it cool for 25 minutes before you touch it."
)


@pytest.mark.parametrize(
    ("answer", "supported"),
    [
        ("1.35 L", True),  # the 1 is no list's
        ("1.35 litres", True),
        ("2. 1.35 L", True),
        ("35 L", False),
        ("1.53 L", False),
        ("5 L", False),
    ],
)
def test_an_answer_that_begins_with_a_decimal_finds_its_place(answer: str, supported: bool) -> None:
    text = "1. Lift it out.\n2. Fill it to the MAX line. It holds 1.35 L.\n3. Push it back."
    passage = Passage(1, 1, 1, "m.pdf", text, 0, len(text), 0.5, heading_path=("5.3 Filling the tank",))
    sentences, citations = cite(answer, [passage], question="How much water does the tank hold?")
    assert [sentence.supported for sentence in sentences if sentence.checkable][-1:] == [supported]
    if supported:
        ((start, end),) = citations[0].spans
        assert text[start:end] == "It holds 1.35 L."


@pytest.mark.parametrize(
    ("answer", "supported"),
    [
        ("25 minutes", True),
        ("25 min", True),
        ("It reaches 78 ℃.", True),
        ("25.", True),
        ("15.", False),  # a number alone is an answer, not the mark of a list
        ("2 hours", False),  # the 2 is a heading's
        ("24 minutes", False),  # 24 of something else
        ("Let it cool for 25 hours.", False),
        ("78 minutes", False),
    ],
)
def test_a_number_needs_its_unit_and_a_heading_states_nothing(answer: str, supported: bool) -> None:
    passage = Passage(1, 1, 1, "m.pdf", SAFETY, 0, len(SAFETY), 0.5, heading_path=("2 Safety",))
    sentences, citations = cite(answer, [passage], question="How long must the Hearthplate cool?")
    assert sentences[0].supported is supported
    for citation in citations:
        for start, end in citation.spans:
            assert "Safety" not in SAFETY[start:end]
    if not supported:
        assert guard_answer("How long must it be left?", answer, [passage]).replaced


@pytest.mark.parametrize(
    "sentence",
    [
        "1963年12月至1967年4月为陆军战士。",
        "花期从10月起至翌年5~6月。",
        "约化群的定义可延伸到任意基概形formula_10上。",
        "The field max_size_2 takes up to 40~60 entries.",
    ],
)
def test_a_sentence_word_for_word_is_cited(sentence: str) -> None:
    text = f"另一句话说的是别的事。\n\n{sentence}\n\n最后一句也是别的事。"
    passage = Passage(1, 1, 1, "a.md", text, 0, len(text), 0.9)
    _, citations = cite(sentence, [passage])
    assert [text[slice(*span)] for citation in citations for span in citation.spans] == [sentence]
