import pytest

from assistant.arms import Answer, ArmRecord, Citation, Sentence
from assistant.compare.metric_table import ANSWER_METRICS, METRICS, REASONS, default_primary
from assistant.compare.questions import Evidence, Question
from assistant.compare.scoring import (
    Asked,
    holds,
    same_source,
    score_answer,
    score_retrieval,
    scores_from_json,
    scores_to_json,
)
from knowledge.documents import Retrieval
from tests.assistant.compare.scripted import passage

QUOTE = "The upper hinge is tightened to 4.2 Nm with a hex key."
QUESTION = Question("q", "How tight?", ("4.2 Nm",), evidence=(Evidence("manual.pdf", QUOTE),))
GOLD = passage(f"Door. {QUOTE} Then close it.", source="books/manual.pdf")
OTHER = passage("The lamp is a 5 W bulb.", source="books/manual.pdf", number=2)
INDEXED = ["books/manual.pdf"]


def asked(answer: Answer, *passages, retrieves: bool = True, **more) -> Asked:
    return Asked(answer, Retrieval("?", passages or (GOLD, OTHER)), retrieves=retrieves, **more)


def cited(text: str, *passages, unsupported: str = "") -> Answer:
    whole = text + unsupported
    sentences = (Sentence(0, len(text), tuple(range(1, len(passages) + 1))),)
    if unsupported:
        sentences += (Sentence(len(text), len(whole)),)
    citations = tuple(Citation(i, p, ((0, 3),), 0.8) for i, p in enumerate(passages, 1))
    return Answer(whole, sentences, citations, completion_tokens=4, timings_ms={"total": 900.0})


def values(question: Question, what: Asked) -> dict:
    return scores_to_json(score_answer(question, what, indexed=INDEXED))


def test_citations_against_the_gold_place() -> None:
    told = values(QUESTION, asked(cited("4.2 Nm", GOLD)))
    assert (told["citation_precision"], told["citation_recall"], told["supported"]) == (1.0, 1.0, 1.0)
    told = values(QUESTION, asked(cited("4.2 Nm.", OTHER, GOLD, unsupported=" It was!!!")))
    assert (told["citation_precision"], told["citation_recall"]) == (0.5, 1.0)
    assert told["supported"] == pytest.approx(7 / 17)
    told = values(QUESTION, asked(Answer("5 W", (Sentence(0, 3),))))
    assert (told["citation_precision"], told["citation_recall"], told["supported"]) == (0.0, 0.0, 0.0)


def test_two_places_are_both_needed() -> None:
    both = Question("q", "?", ("x",), evidence=(*QUESTION.evidence, Evidence("manual.pdf", OTHER.text)))
    told = values(both, asked(cited("x", GOLD)))
    assert (told["citation_precision"], told["citation_recall"]) == (1.0, 0.5)
    scores = scores_to_json(score_retrieval(both, Retrieval("?", (GOLD, OTHER)), indexed=INDEXED))
    assert scores == {"recall_at_1": 0.5, "recall_at_5": 1.0, "reciprocal_rank": 1.0, "ndcg_at_5": 1.0}


def test_retrieval_ranks_and_copies_count_once() -> None:
    found = Retrieval("?", (OTHER, GOLD, GOLD))
    scores = scores_to_json(score_retrieval(QUESTION, found, indexed=INDEXED))
    assert scores["recall_at_1"] == 0.0
    assert scores["recall_at_5"] == 1.0
    assert scores["reciprocal_rank"] == 0.5
    assert scores["ndcg_at_5"] == pytest.approx(0.63093, abs=1e-5)  # 1 / log2(3)
    missed = score_retrieval(QUESTION, Retrieval("?", (OTHER,)), indexed=INDEXED)
    assert {score.value for score in missed.values()} == {0.0}


def test_evidence_survives_another_cut_and_a_table() -> None:
    evidence = QUESTION.evidence[0]
    assert holds(passage("hinge is tightened to 4.2 Nm with a hex key. Then", source="manual.pdf"), evidence)
    assert not holds(passage("with a hex key. Then", source="manual.pdf"), evidence)
    assert not holds(passage(QUOTE, source="other.pdf"), evidence)
    row = Evidence("", "Lamp 5 W E14")
    assert holds(passage("| Lamp | 5 W | E14 |"), row)
    assert holds(passage("anything", source="x/manual.pdf"), Evidence("manual.pdf"))
    assert same_source("docs\\A.md", "a.md")
    assert not same_source("a.md", "ba.md")


def test_refusals_are_empty_answers() -> None:
    refusal = Answer("I could not find it; 4.2 Nm.", refused=True, finish_reason="refused")
    told = values(QUESTION, asked(refusal))
    assert (told["squad_f1"], told["contains_reference"], told["decision"]) == (0.0, 0.0, 0.0)
    assert told["citation_precision"] == ["unscored", "refused"]
    assert told["supported"] == ["unscored", "nothing_claimed"]
    assert told["length_tokens"] == ["unscored", "model_not_run"]
    nowhere = Question("n", "?", answerable=False)
    told = values(nowhere, asked(refusal))
    assert (told["squad_f1"], told["squad_em"], told["decision"]) == (1.0, 1.0, 1.0)
    assert told["citation_recall"] == ["unscored", "unanswerable"]
    told = values(nowhere, asked(Answer("4.2 Nm")))
    assert (told["squad_f1"], told["decision"]) == (0.0, 0.0)


def test_every_score_that_is_missing_says_why() -> None:
    bare = Question("b", "Open?")
    told = values(bare, asked(Answer("x", finish_reason="length"), retrieves=False))
    assert told["squad_f1"] == ["unscored", "no_reference"]
    assert told["citation_recall"] == ["unscored", "no_retrieval"]
    assert told["ended"] == 0.0
    assert told["energy_j"] == ["unscored", "not_readable"]
    assert values(bare, asked(Answer("x")))["citation_recall"] == ["unscored", "no_evidence"]
    elsewhere = score_answer(QUESTION, asked(Answer("x")), indexed=["another.pdf"])
    assert elsewhere["citation_recall"].reason == "source_not_indexed"
    chinese = Question("z", "几牛米？", ("4.2 Nm",), language="zh")
    told = values(chinese, asked(Answer("4.2 Nm")))
    assert told["squad_f1"] == ["unscored", "other_language"]
    assert told["cmrc_f1"] == 1.0
    assert values(QUESTION, asked(Answer("4.2 Nm")))["cmrc_f1"] == ["unscored", "other_language"]
    cold = values(QUESTION, asked(Answer("x", timings_ms={"total": 9.0}), warm=False))
    assert cold["total_s"] == ["unscored", "warm_up"]


def test_clocks_add_the_shared_look_up() -> None:
    answer = Answer(
        "4.2 Nm", completion_tokens=5, timings_ms={"first_token": 200, "generate": 800, "total": 1000}
    )
    told = values(QUESTION, asked(answer, retrieve_s=0.5, memory_bytes=2_000_000_000, energy_j=7.0))
    assert told["first_token_s"] == pytest.approx(0.7)
    assert told["total_s"] == pytest.approx(1.5)
    assert told["tokens_per_s"] == pytest.approx(5.0)  # four tokens after the first, in 0.8 s
    assert told["memory_gb"] == pytest.approx(2.0)
    assert told["energy_j"] == 7.0
    assert values(QUESTION, asked(answer, retrieves=False, retrieve_s=0.5))["total_s"] == pytest.approx(1.0)


def test_an_arm_that_looks_up_for_itself_has_its_look_up_in_its_own_clocks() -> None:
    def seconds(arm: str) -> float:
        answer = Answer("4.2 Nm", timings_ms={"total": 1000}, record=ArmRecord(arm, "m"))
        return values(QUESTION, asked(answer, retrieve_s=0.5))["total_s"]

    assert seconds("rag?top_k=3") == pytest.approx(1.0)
    assert seconds("rag?model=x") == pytest.approx(1.5)


def test_scores_survive_json_and_the_table_names_them_all() -> None:
    scores = score_answer(QUESTION, asked(cited("4.2 Nm", GOLD)), indexed=INDEXED)
    assert scores_from_json(scores_to_json(scores)) == scores
    assert set(scores) | {"similarity"} == set(
        ANSWER_METRICS
    )  # which wants an embedder, so the experiment adds it
    retrieval = score_retrieval(QUESTION, Retrieval("?", (GOLD,)), indexed=INDEXED)
    assert set(retrieval) | set(scores) | {"similarity"} == set(METRICS)
    for texts in [{"en": m.en, "zh": m.zh} for m in METRICS.values()] + list(REASONS.values()):
        assert texts["en"]
        assert texts["zh"]
    assert default_primary([QUESTION]) == "squad_f1"
    assert default_primary([QUESTION, Question("z", "？", language="zh")]) == "character_f1"
