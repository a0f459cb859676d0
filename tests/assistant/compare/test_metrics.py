import random
import re
import string
from collections import Counter

import pytest

from assistant.compare import metrics
from assistant.compare.metric_table import default_primary
from assistant.compare.question_files import Row
from assistant.compare.questions import check_questions
from assistant.compare.scoring import score_text
from assistant.compare.segmentation import cmrc_tokens, free_tokens, squad_words, treebank_tokens

# gold, answer, SQuAD F1, CMRC F1, character-bag F1
VECTORS = [
    ("21,000公里", "长城全长约21,000公里。", 0.0, 0.5455, None),
    ("北京市海淀区", "海淀区（北京市）", 0.0, 0.5, 1.0),
    ("张三和李四", "李四和张三", 0.0, 0.4, 1.0),
]

GOLD = [
    "A second, smaller grille above the mains inlet",
    "电源插口上方多一块较小的格栅",
    "長城全長約21,000公里。",
    "東京タワーは333メートルです",
    "대한민국의 수도는 서울이다",
    "Größe: 3,5 mm; naïve façade",
    "Ответ: да",
    "العاصمة هي الرياض",
    "दिल्ली भारत की राजधानी है",
    "-18 °C",
    "C++",
    "¥",
    "42",
    "the",
]

TEXT_METRICS = [
    metrics.squad_em,
    metrics.squad_f1,
    metrics.cmrc_em,
    metrics.cmrc_f1,
    metrics.character_f1,
    metrics.rouge_l,
    metrics.chrf,
    metrics.contains_reference,
]


@pytest.mark.parametrize(("gold", "answer", "squad", "cmrc", "bag"), VECTORS)
def test_vectors_of_the_reference(
    gold: str, answer: str, squad: float, cmrc: float, bag: float | None
) -> None:
    assert metrics.squad_f1(answer, [gold]) == squad
    assert metrics.cmrc_f1(answer, [gold]) == pytest.approx(cmrc, abs=5e-5)
    if bag is not None:
        assert metrics.character_f1(answer, [gold]) == bag


@pytest.mark.parametrize("metric", TEXT_METRICS)
@pytest.mark.parametrize("gold", GOLD)
def test_gold_against_itself_is_one_in_every_language(metric, gold: str) -> None:
    assert metric(gold, [gold]) == pytest.approx(1.0)
    assert metric("", [""]) == 1.0  # a refusal of an unanswerable question
    if gold != "the":  # nothing is left of an article
        assert metric("", [gold]) == 0.0
        assert metric(gold, [""]) == 0.0
        assert metric("qqq", [gold]) < 0.01


@pytest.mark.parametrize("gold", GOLD)
@pytest.mark.parametrize("code", ["", "en", "zh", "zh-CN", "zh_TW", "ja", "ja-JP", "ko", "de-DE", "th", "ar"])
def test_gold_against_itself_is_one_through_the_choice_of_metrics(gold: str, code: str) -> None:
    """Whatever language a file names, what is scored is 1, and the metric that decides is scored."""
    (question,) = check_questions("q", [Row(1, "?", answers=(gold,), language=code)]).questions
    scores = score_text(question, gold)
    values = [score.value for score in scores.values() if score.state == "scored"]
    assert values == pytest.approx([1.0] * len(values))
    assert scores[default_primary([question])].state == "scored"
    assert (scores["cmrc_f1"].state == "scored") is code.startswith("zh")


def test_squad_rules_by_hand() -> None:
    assert squad_words("The  Cat's (an) U.S. hat—a") == ["cats", "us", "hat—"]
    assert metrics.squad_em("The Norman dynasty.", ["norman dynasty"]) == 1.0
    # two of three words are shared: P = 2/3, R = 2/4
    assert metrics.squad_f1("big red dog", ["the red dog of doom"]) == pytest.approx(4 / 7)
    assert metrics.squad_f1("x", ["y", "x"]) == 1.0
    assert metrics.squad_f1("a", ["the"]) == 1.0  # both empty after the rules, as officially
    assert metrics.squad_f1("red red", ["red blue"]) == pytest.approx(0.5)  # a bag counts copies


def _official_squad(answer: str, golds: list[str]) -> tuple[float, float]:
    """The published rules of SQuAD 2.0's evaluate-v2.0.py, step by step as it words them."""

    def normal(text: str) -> str:
        text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())

    def f1(gold: str) -> float:
        wanted, found = normal(gold).split(), normal(answer).split()
        same = sum((Counter(wanted) & Counter(found)).values())
        if not wanted or not found:
            return float(wanted == found)
        return 2 * same / (len(found) + len(wanted))

    golds = [gold for gold in golds if normal(gold)] or [""]
    return max(float(normal(gold) == normal(answer)) for gold in golds), max(map(f1, golds))


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("", ["the", "cat"], 0, 0),  # a gold of which nothing is left counts only where there is no other
        ("a", ["The", "cat"], 0, 0),
        ("", ["the", "!"], 1, 1),
        ("", [""], 1, 1),
        ("cat", [""], 0, 0),
        ("The cat!", ["a cat", "dog"], 1, 1),
        ("black cat sat", ["the cat", "cat sat down"], 0, 2 / 3),
        ("长城全长约21,000公里。", ["21,000公里"], 0, 0),
    ],
)
def test_squad_item_by_item(answer: str, golds: list[str], exact: float, f1: float) -> None:
    assert _official_squad(answer, golds) == (exact, pytest.approx(f1))
    assert metrics.squad_em(answer, golds) == exact
    assert metrics.squad_f1(answer, golds) == pytest.approx(f1)


def test_squad_equals_the_published_rules_on_any_text() -> None:
    texts = [text for pair in _random_texts(300) for text in pair] + ["", "the", "a!", "An  the"]
    rng = random.Random(11)
    for _ in range(1000):
        answer, golds = rng.choice(texts), rng.choices(texts, k=rng.randint(1, 4))
        exact, f1 = _official_squad(answer, golds)
        assert metrics.squad_em(answer, golds) == exact, (answer, golds)
        assert metrics.squad_f1(answer, golds) == pytest.approx(f1), (answer, golds)


def test_cmrc_rules_by_hand() -> None:
    assert cmrc_tokens("使用QF-47型，约2.5kg。") == ["使", "用", "qf47", "型", "约", "2.5kg"]
    assert cmrc_tokens("等……") == ["等", "……"]  # the list's ellipsis never matches a character
    assert cmrc_tokens("直径1—2毫米") == ["直", "径", "1", "—", "2", "毫", "米"]
    assert metrics.cmrc_em("《红楼梦》", ["红楼梦"]) == 1.0
    assert metrics.cmrc_em("红楼梦.", ["红楼梦"]) == 0.0  # ASCII marks are not in its list
    assert metrics.cmrc_f1("天气，很好", ["天气很好"]) == 1.0


def test_free_tokens_fold_what_does_not_matter_and_keep_what_does() -> None:
    assert free_tokens("Ｔｈｅ 21,000 km, 5kg") == ["the", "21000", "km", "5", "kg"]
    assert free_tokens("1,2,3") == ["1", "2", "3"]
    assert free_tokens("from −18 °C (10-20)") == ["from", "-18", "c", "10", "20"]
    assert free_tokens("QF47C在10℃") == ["qf47c", "在", "10", "c"]
    assert metrics.character_f1("18 °C", ["-18 °C"]) < 1.0


def test_contains_reference_asks_for_whole_words_in_order() -> None:
    assert metrics.contains_reference("It is 21000 km long.", ["21,000 km"]) == 1.0
    assert metrics.contains_reference("category", ["cat"]) == 0.0
    assert metrics.contains_reference("km 21000", ["21,000 km"]) == 0.0
    assert metrics.contains_reference("答案是海淀区。", ["海淀区"]) == 1.0


def test_rouge_l_by_hand() -> None:
    # Lin's example: "police kill the gunman" against "police killed the gunman", 3 of 4 in order
    assert metrics.rouge_l("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.75)
    assert metrics.rouge_l("the gunman kill police", ["police killed the gunman"]) == pytest.approx(0.5)


def test_no_reference_is_a_wrong_call() -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        metrics.squad_f1("x", [])


def _random_texts(count: int) -> list[tuple[str, str]]:
    rng = random.Random(5)
    words = "the a police kill killed gunman 温 度 传 感 器 21,000 km. (x) it's 10% QF-47 ，。 Über ok? no! don't".split()

    def text() -> str:
        return rng.choice(["", " "]).join(rng.choices(words, k=rng.randint(1, 9)))

    return [(text(), text()) for _ in range(count)]


def test_chrf_equals_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    for answer, reference in _random_texts(200):
        expected = sacrebleu.sentence_chrf(answer, [reference]).score / 100
        assert metrics.chrf(answer, [reference]) == pytest.approx(expected, abs=1e-9), (answer, reference)


def test_rouge_l_equals_the_package_given_our_tokens() -> None:
    scorer_module = pytest.importorskip("rouge_score.rouge_scorer")

    class Tokens:
        def tokenize(self, text: str) -> list[str]:
            return free_tokens(text)

    scorer = scorer_module.RougeScorer(["rougeL"], tokenizer=Tokens())
    for answer, reference in _random_texts(200):
        if free_tokens(answer) and free_tokens(reference):
            expected = scorer.score(reference, answer)["rougeL"].fmeasure
            assert metrics.rouge_l(answer, [reference]) == pytest.approx(expected)


def test_treebank_equals_nltk() -> None:
    word_tokenize = pytest.importorskip("nltk").word_tokenize
    texts = [answer.lower() for answer, _ in _random_texts(300)]
    texts += [
        "it's the dog's, isn't it? \"yes\" (we can't) 1,000.5 u.s. 'tis cannot gonna o'clock 'quoted'",
        "1284–1314, 2—3.4 – or — so ……——",
        "wait... what; a@b.c $5 50% & <x> [y] {z} we'll they've i'm he'd",
    ]
    for text in texts:
        for mark in "-:_*^/\\~`+=，。":
            text = text.replace(mark, "")
        if text.strip():
            assert treebank_tokens(text) == word_tokenize(text, preserve_line=True), text


def test_squad_sample_is_scored_as_by_its_published_rules(shared_data) -> None:
    """Every first answer of the real set against all its answers is exact; against another item's it is not."""
    import json

    data = json.loads((shared_data / "qa" / "squad2" / "squad2.json").read_text(encoding="utf-8"))["data"]
    items = [qa for article in data for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
    golds = [[a["text"] for a in qa["answers"]] for qa in items if qa["answers"]][:300]
    assert all(metrics.squad_em(gold[0], gold) == 1.0 for gold in golds)
    crossed = [metrics.squad_f1(golds[i - 1][0], golds[i]) for i in range(len(golds))]
    assert sum(crossed) / len(crossed) < 0.2
