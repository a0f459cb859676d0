"""Votes: kept as they were cast, added up, exported as rows that the fine-tuning reader takes."""

import json
import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.arms import Answer, ArmRecord, Citation, Sampling, Sentence
from assistant.compare.leaderboard import pairwise, standings
from assistant.compare.vote_exports import corrected_rows, liked_rows, preference_rows, rows_json, votes_json
from assistant.compare.votes import Ballot, ShownAnswer, Verdict, Votes
from assistant.errors import AssistantError
from finetune.formats.reading import read_dataset
from knowledge.documents import Passage, Retrieval, SearchOptions

PASSAGE = Passage(7, 3, 1, "手册.pdf", "The pump weighs 12 kg.", 0, 22, 0.8, page_first=4, page_label="iv")
RECORD = ArmRecord("rag", "tiny", "r1", index_generation="g7", sampling=Sampling(stop=("\n",)))
ANSWER = Answer(
    "It weighs 12 kg.",
    (Sentence(0, 16, (1,), spans={1: ((0, 22),)}),),
    (Citation(1, PASSAGE, ((0, 22),), 0.9),),
    prompt="<|user|>…",
    timings_ms={"total": 12.5},
    record=RECORD,
)
UNCITED = Passage(8, 3, 1, "手册.pdf", "The pump is grey.", 22, 39, 0.3, rerank_score=0.3)
FOUND = Retrieval(
    "pump weight",
    (PASSAGE, UNCITED),
    "g7",
    {"dense": 1.5},
    asked=SearchOptions((1, 4), 3, "dense", 0.0, "tiny-reranker", 40),
)


def ballot(question: str, verdict: Verdict, best: str | None = None, arms: str = "base rag") -> Ballot:
    shown = tuple(ShownAnswer(arm, Answer(f"{arm} says")) for arm in arms.split())
    return Ballot(question, shown, verdict, best)


@pytest.fixture
def votes(tmp_path: Path) -> Votes:
    return Votes(tmp_path / "tandem.db")


def test_a_vote_comes_back_as_it_was_cast(tmp_path: Path, votes: Votes) -> None:
    cast = Ballot(
        "How heavy is the pump? 多重？",
        (
            ShownAnswer("rag", ANSWER, usable=True, retrieval=FOUND),
            ShownAnswer("sft:x", None, {"en": "no such adapter", "zh": "没有此适配器"}),
            ShownAnswer("base", Answer("No idea."), usable=False),
        ),
        "best",
        "rag",
        base_ids=(1, 4),
        base_names=("产品手册", "b"),
        sampling=Sampling(temperature=0.5, stop=("###",)),
        top_k=3,
        asked_at=17.5,
        reason="  cites the page ",
        corrected="12 kg.",
    )
    kept = votes.add(cast)
    votes.close()
    (again,) = Votes(tmp_path / "tandem.db").all()
    assert again == kept
    assert again.shown == cast.shown
    assert again.sampling == cast.sampling
    assert (again.reason, again.corrected, again.top_k) == ("cites the page", "12 kg.", 3)
    assert again.voted_at > 17.5
    assert again.model == "tiny"
    assert [column.arm for column in again.judged] == ["rag", "base"]
    (told,) = json.loads(votes_json([again]))
    assert told["shown"][0]["answer"]["record"]["index_generation"] == "g7"
    assert told["shown"][1]["error"]["zh"] == "没有此适配器"
    # What was found and not cited, and how it was searched for.
    assert [passage["text"] for passage in told["shown"][0]["retrieval"]["passages"]][
        1
    ] == "The pump is grey."
    assert told["shown"][0]["retrieval"]["asked"]["reranker"] == "tiny-reranker"


def test_votes_of_the_first_version_are_kept_when_the_tables_grow(tmp_path: Path, votes: Votes) -> None:
    votes.add(replace(ballot("old", "best", "rag"), reason="so"))
    votes.close()
    with sqlite3.connect(tmp_path / "tandem.db") as db:
        db.execute("ALTER TABLE vote_answers DROP COLUMN retrieval")
        db.execute("DELETE FROM vote_schema WHERE version > 1")
    again = Votes(tmp_path / "tandem.db")
    (old,) = again.all()
    assert (old.question, old.best, old.reason) == ("old", "rag", "so")
    assert [column.retrieval for column in old.shown] == [None, None]
    again.add(
        replace(ballot("new", "tie"), shown=(ShownAnswer("rag", ANSWER, retrieval=FOUND), old.shown[0]))
    )
    assert again.all()[1].shown[0].retrieval == FOUND


def test_a_vote_that_judges_nothing_is_not_taken(votes: Votes) -> None:
    with pytest.raises(ValueError, match="needs finished answers"):
        votes.add(Ballot("q", (ShownAnswer("rag", ANSWER), ShownAnswer("base", None)), "tie"))
    stopped = Answer("half an ans", finish_reason="cancelled")
    with pytest.raises(ValueError, match="needs finished answers"):
        votes.add(Ballot("q", (ShownAnswer("rag", ANSWER), ShownAnswer("base", stopped)), "tie"))
    with pytest.raises(ValueError, match="does not fit"):
        votes.add(ballot("q", "best", "sft:other"))
    with pytest.raises(ValueError, match="does not fit"):
        votes.add(ballot("q", "tie", "rag"))
    assert votes.count() == 0


def test_deleted_votes_leave_no_text_behind(tmp_path: Path, votes: Votes) -> None:
    secret = "zindel-valve-secret"
    votes.add(ballot(secret, "tie"))
    assert any(secret.encode() in path.read_bytes() for path in tmp_path.iterdir())
    votes.delete_all()
    assert votes.all() == []
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.iterdir())


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tandem.db"
    path.write_bytes(b"not a database, by far " * 50)
    with pytest.raises(AssistantError) as told:
        Votes(path)
    assert "tandem.db" in told.value.text("en")
    assert "投票" in told.value.text("zh")


def test_tables_of_others_in_the_file_stay(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tandem.db") as db:
        db.execute("CREATE TABLE conversations (id INTEGER)")
    Votes(tmp_path / "tandem.db").add(ballot("q", "tie"))
    Votes(tmp_path / "tandem.db").add(ballot("q", "tie"))
    with sqlite3.connect(tmp_path / "tandem.db") as db:
        assert db.execute("SELECT count(*) FROM conversations").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM votes").fetchone() == (2,)


def test_best_of_several_wins_over_each_and_tells_nothing_of_the_rest() -> None:
    best = pairwise(ballot("Q  a", "best", "rag", arms="base rag sft:x"))
    assert [(vote.question, vote.first, vote.second, vote.verdict) for vote in best] == [
        ("q a", "rag", "base", "first"),
        ("q a", "rag", "sft:x", "first"),
    ]
    assert len(pairwise(ballot("q", "tie", arms="base rag sft:x"))) == 3
    assert {vote.verdict for vote in pairwise(ballot("q", "all_bad"))} == {"both_bad"}


def test_standings_of_made_votes() -> None:
    assert standings([]) is None
    cast = [ballot(f"question {i}", "best", "rag" if i < 6 else "base") for i in range(8)]
    cast += [ballot("tied", "tie"), ballot("bad", "all_bad")]
    told = standings(cast)
    assert told is not None
    assert (told.votes, told.questions) == (10, 10)
    first, second = told.ratings
    assert (first.arm, second.arm) == ("rag", "base")
    # Six wins to two: the lead is the log of 3, drawn in somewhat by the ridge.
    assert 0.6 < first.strength - second.strength < math.log(3)
    assert first.both_bad == 1
    (pair,) = told.pairs
    assert (pair.first, pair.wins, pair.losses, pair.ties, pair.questions) == ("rag", 6, 2, 2, 10)
    assert not pair.settled
    assert pair.more is not None
    assert 10 < pair.more < 60


def test_an_adapter_trained_anew_does_not_inherit_the_votes_on_its_old_weights() -> None:
    def on(question: str, sha: str, best: str) -> Ballot:
        made = ballot(question, "best", best, arms="base sft:house")
        tuned = replace(
            made.shown[1], answer=Answer("x", record=ArmRecord("sft:house", "m", adapter_sha256=sha))
        )
        return replace(made, shown=(made.shown[0], tuned))

    once = [on(f"q{i}", "a" * 64, "base") for i in range(6)]
    told = standings(once)
    assert told is not None
    assert set(told.contestants) == {"base", "sft:house"}
    both = standings([*once, *(on(f"r{i}", "b" * 64, "sft:house") for i in range(6))])
    assert both is not None
    assert [rating.arm for rating in both.ratings] == ["sft:house [bbbbbbbb]", "base", "sft:house [aaaaaaaa]"]
    later = both.contestants["sft:house [bbbbbbbb]"]
    assert (later.arm, later.weights) == ("sft:house", "b" * 8)
    # The two never met.
    assert {(pair.first, pair.second) for pair in both.pairs} == {
        ("sft:house [bbbbbbbb]", "base"),
        ("base", "sft:house [aaaaaaaa]"),
    }


def test_a_pair_is_settled_by_questions_and_not_by_repeated_votes() -> None:
    many = standings([ballot(f"question {i}", "best", "rag") for i in range(8)])
    assert many is not None
    assert many.pairs[0].settled
    assert many.pairs[0].more is None
    same = standings([ballot(f"One {' ' * i} question", "best", "rag") for i in range(8)])
    assert same is not None
    assert same.pairs[0].wins == 8
    assert same.pairs[0].questions == 1
    assert not same.pairs[0].settled
    # One question says nothing of the next.
    assert same.pairs[0].more is None
    assert not same.intervals


def test_a_draw_promises_nothing() -> None:
    even = standings([ballot(f"q{i}", "best", "rag" if i % 2 else "base") for i in range(10)])
    assert even is not None
    assert even.pairs[0].more is None
    assert not even.pairs[0].settled


def test_corrections_and_preferences_are_rows_that_training_reads(tmp_path: Path) -> None:
    fixed = Ballot(
        "How heavy?",
        (ShownAnswer("base", Answer("Heavy.")), ShownAnswer("rag", Answer("12 kg"))),
        "best",
        "rag",
        corrected="12 kilograms.",
    )
    alike = ballot("same", "best", "rag")
    alike = Ballot("same", tuple(ShownAnswer(c.arm, Answer("Yes.")) for c in alike.shown), "best", "rag")
    cast = [fixed, fixed, alike, ballot("tied", "tie")]
    (right,) = corrected_rows(cast)
    assert (right["instruction"], right["input"], right["output"]) == ("How heavy?", "", "12 kilograms.")
    assert right["provenance"]["source"] == "vote"
    rows = preference_rows(cast)
    assert [(row["chosen"], row["rejected"]) for row in rows] == [
        ("12 kilograms.", "Heavy."),
        ("12 kilograms.", "12 kg"),
        ("12 kg", "Heavy."),
    ]
    assert rows[2]["provenance"]["chosen"] == "rag"
    assert rows[0]["provenance"]["chosen"] == "corrected"
    likes = liked_rows(cast)
    for name, made, kind in (
        ("sft", corrected_rows(cast), "sft"),
        ("dpo", rows, "dpo"),
        ("kto", likes, "kto"),
    ):
        path = tmp_path / f"{name}.json"
        path.write_text(rows_json(made), encoding="utf-8")
        read = read_dataset(path)
        assert read.dropped == 0
        assert {example.kind for example in read.examples} == {kind}
        assert len(read.examples) == len(made)


def test_likes_are_what_was_called_usable_and_a_disputed_text_is_left_out() -> None:
    def judged(question: str, verdict: Verdict, best: str | None, *usable: bool | None) -> Ballot:
        made = ballot(question, verdict, best)
        shown = tuple(replace(column, usable=word) for column, word in zip(made.shown, usable, strict=True))
        return replace(made, shown=shown)

    cast = [
        judged("one", "best", "rag", None, None),
        judged("two", "best", "rag", False, False),
        judged("three", "all_bad", None, None, True),
        judged("four", "tie", None, True, None),
        judged("four", "tie", None, False, None),
        replace(judged("five", "tie", None, None, None), corrected="It is five."),
    ]
    told = {(row["instruction"], row["output"]): row["kto_tag"] for row in liked_rows(cast)}
    assert told == {
        ("one", "rag says"): True,
        ("two", "base says"): False,
        ("two", "rag says"): False,
        ("three", "base says"): False,
        ("three", "rag says"): True,
        ("five", "It is five."): True,
    }
