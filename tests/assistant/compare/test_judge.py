import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from assistant.arms import Answer
from assistant.compare.experiment import run_experiment
from assistant.compare.judge import compare_pair, examine, kappa
from assistant.compare.judges import LocalJudge, ServerJudge, judge_experiment, judged
from assistant.compare.planning import make_plan
from assistant.compare.questions import Question, QuestionSet
from assistant.compare.report import html_report
from assistant.compare.statistics import compare_paired
from assistant.compare.store import Experiments
from assistant.compare.votes import Ballot, ShownAnswer
from assistant.errors import ExperimentError
from tests.assistant.compare.scripted import ScriptedAsker, make_questions

QUESTION = Question("q", "How long?", ("6 months",))


class Scripted:
    """A judge that sees which answer is the reference's, unless it is told to be worse."""

    def __init__(self, *, biased: bool = False, mute: bool = False, moody: bool = False) -> None:
        self.name = "scripted"
        self.biased, self.mute, self.moody = biased, mute, moody
        self.asked = 0

    def chances(self, prompt: str, letters: Sequence[str]) -> Mapping[str, float] | None:
        self.asked += 1
        if self.mute:
            return None
        if self.biased:
            return {"A": 0.9, "B": 0.05, "C": 0.05}
        lines = dict(line.split(": ", 1) for line in prompt.splitlines() if ": " in line)
        wanted = lines.get("Right answer", "value")
        right = [letter for letter in "AB" if wanted in lines[f"Answer {letter}"]]
        sure = 0.6 + 0.3 * (self.asked // 2 % 2) if self.moody else 0.8
        if len(right) != 1:
            return {"A": 0.1, "B": 0.1, "C": 0.8}
        return {"A": 0.1, "B": 0.1, "C": 0.1} | {right[0]: sure, "C": 0.9 - sure}


def test_a_win_needs_both_orders() -> None:
    won = compare_pair(Scripted(), QUESTION, "It takes 6 months.", "A week.")
    assert (won.pick, won.consistent) == ("first", True)
    assert won.forward == pytest.approx(won.backward)
    lost = compare_pair(Scripted(), QUESTION, "", "6 months")
    assert lost.pick == "second"
    biased = compare_pair(Scripted(biased=True), QUESTION, "It takes 6 months.", "A week.")
    assert (biased.pick, biased.consistent) == ("tie", False)
    assert compare_pair(Scripted(mute=True), QUESTION, "a", "b").state == "unreadable"


@pytest.mark.parametrize(
    ("judge", "passed"),
    [
        (Scripted(), True),
        (Scripted(biased=True), False),
        (Scripted(mute=True), False),
        (Scripted(moody=True), False),
    ],
)
def test_only_a_judge_that_passes_its_exam_counts(judge: Scripted, passed: bool) -> None:
    exam = examine(judge, make_questions(40).questions)
    assert exam.pairs == 24
    assert exam.asked == 72
    assert exam.passed is passed
    assert exam.card()["passed"] is passed
    assert examine(Scripted(), make_questions(3).questions).passed is False  # too few pairs to prove anything


def test_kappa_by_hand() -> None:
    # Cohen's own kind of table: 20 and 15 agree, 5 and 10 do not: observed 0.7, by chance 0.5.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([("y", "y")] * 5) is None
    assert kappa([]) is None


def test_agreement_is_counted_over_the_users_blind_votes() -> None:
    def ballot(number: int, best: str | None, *, blind: bool = True) -> Ballot:
        shown = (ShownAnswer("base", Answer("nothing")), ShownAnswer("rag", Answer("a value")))
        verdict = "best" if best else "tie"
        return Ballot("How long?", shown, verdict, best, blind=blind, id=number)

    votes = [
        ballot(1, "rag"),
        ballot(2, "rag"),
        ballot(3, "base"),
        ballot(4, None),
        ballot(5, "rag", blind=False),
    ]
    exam = examine(Scripted(), make_questions(40).questions, votes)
    assert (exam.votes, exam.agreed) == (4, 2)  # it always finds the value, and never a tie
    assert exam.vote_pairs == 4
    assert exam.kappa is not None
    assert exam.kappa < 0.5


def test_a_vote_among_three_answers_counts_once(store: Experiments) -> None:
    shown = tuple(
        ShownAnswer(arm, Answer(text)) for arm, text in (("a", "none"), ("b", "a value"), ("c", "no"))
    )
    ballots = [Ballot("How long?", shown, "best", "b", id=number) for number in (1, 2)]
    exam = examine(Scripted(), make_questions(40).questions, ballots)
    assert (exam.votes, exam.vote_pairs, exam.agreed) == (2, 4, 4)
    number = ran(store)
    list(judge_experiment(store, number, Scripted(), ballots=ballots))
    assert "4 of 4 pairs from 2 votes" in html_report(store, number, "en")
    assert "2 次投票的 4 对回答中 4 对一致" in html_report(store, number, "zh")


def test_the_report_tells_what_speaks_against_a_judge(store: Experiments) -> None:
    number = ran(store)
    list(judge_experiment(store, number, Scripted()))
    assert "there are no blind votes of yours" in html_report(store, number, "en")
    card = store.judges(number)["scripted"]
    store.save_judge(number, "scripted", card | {"read": card["asked"] - 6, "same_model": True})
    page = html_report(store, number, "en")
    assert "6 of 72 replies in its exam told no probabilities" in page
    assert "models favour their own words" in page


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Experiments]:
    opened = Experiments(tmp_path / "tandem.db")
    yield opened
    opened.close()


def ran(store: Experiments) -> int:
    questions = make_questions(40)
    number = store.create("judged", questions, make_plan(questions, ["base", "rag"]))
    list(run_experiment(store, number, ScriptedAsker(base_knows=lambda i: i % 4 == 1)))
    return number


def test_an_experiment_is_judged_once_and_told_with_its_card(store: Experiments) -> None:
    number = ran(store)
    judge = Scripted()
    list(judge_experiment(store, number, judge))
    told = judged(store, number, "scripted")
    # 32 answerable: base knows 8 of them, as rag does. 2 unanswerable ones this judge gives to base: it knows no better.
    assert (told["n"], told["wins"], told["losses"]) == (40, 24, 2)
    assert told["interval"]["low"] > 0
    before = judge.asked
    list(judge_experiment(store, number, judge))
    assert judge.asked - before == 72  # the exam is held again, no pair is asked twice
    assert "scripted passed its exam" in html_report(store, number, "en")


def test_fewer_than_ten_judged_pairs_are_counted_only(store: Experiments) -> None:
    questions = make_questions(9)
    number = store.create("few", questions, make_plan(questions, ["base", "rag"]))
    list(run_experiment(store, number, ScriptedAsker()))
    list(judge_experiment(store, number, Scripted()))
    told = judged(store, number, "scripted")
    assert told["n"] == 9
    assert not {"difference", "interval", "p"} & set(told)


def test_judged_pairs_of_one_document_count_as_one_group(store: Experiments) -> None:
    """Forty questions of twenty documents: whole documents are drawn, as in every other interval."""
    kept = make_questions(40, unanswerable_every=0)
    pairs = tuple(replace(q, document=f"{place // 2}.md") for place, q in enumerate(kept.questions))
    questions = QuestionSet("documents", pairs)
    number = store.create("documents", questions, make_plan(questions, ["base", "rag"]))
    list(run_experiment(store, number, ScriptedAsker(base_knows=lambda i: i // 2 % 2 == 0)))
    list(judge_experiment(store, number, Scripted()))
    told = judged(store, number, "scripted")
    scores = [
        (one.facts["pick"] == "first", one.facts["pick"] == "second")
        for one in store.judgements(number, "scripted")
    ]
    alone = compare_paired([float(a) for a, _ in scores], [float(b) for _, b in scores])
    assert told["difference"] == pytest.approx(alone.difference)
    width = told["interval"]["high"] - told["interval"]["low"]
    assert width > 1.1 * (alone.interval.high - alone.interval.low)


def test_a_judge_that_failed_is_not_asked_and_not_counted(store: Experiments) -> None:
    number = ran(store)
    judge = Scripted(biased=True)
    list(judge_experiment(store, number, judge))
    assert judge.asked == 72
    assert store.judgements(number, "scripted") == []
    assert judged(store, number, "scripted")["n"] == 0
    assert "未通过考试" in html_report(store, number, "zh")


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An OpenAI-compatible server whose model likes A; what it was sent."""
    sent: list[dict[str, Any]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent.append(body | {"key": self.headers.get("Authorization")})
            likely = [("A", -0.1), (" B", -2.5), ("C", -4.0), ("The", -1.0)]
            told = {"content": [{"top_logprobs": [{"token": t, "logprob": p} for t, p in likely]}]}
            if body["model"] == "silent":
                told = None
            reply = json.dumps({"choices": [{"message": {"content": "A"}, "logprobs": told}]}).encode()
            self.send_response(500 if body["model"] == "broken" else 200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: Any) -> None:
            pass

    door = HTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{door.server_port}/v1", sent
    door.shutdown()
    door.server_close()


def test_a_server_judges_by_the_probabilities_of_one_token(server: tuple[str, list[dict[str, Any]]]) -> None:
    url, sent = server
    judge = ServerJudge(url, "some-model", key="secret")
    told = judge.chances("Which?", ("A", "B", "C"))
    assert told is not None
    assert sum(told.values()) == pytest.approx(1)
    assert told["A"] > told["B"] > told["C"] > 0
    assert sent[0]["max_tokens"] == 1
    assert sent[0]["top_logprobs"] == 20
    assert sent[0]["key"] == "Bearer secret"
    judge.close()
    silent = ServerJudge(url, "silent")
    assert silent.chances("Which?", ("A", "B", "C")) is None
    silent.close()
    broken = ServerJudge(url, "broken")
    with pytest.raises(ExperimentError, match="does not answer"):
        broken.chances("Which?", ("A", "B", "C"))
    broken.close()


def test_a_local_model_tells_its_probabilities(sample_data_dir: Path) -> None:
    from assistant.settings import load_settings

    judge = LocalJudge("smollm2-135m-instruct", load_settings(data_dir=sample_data_dir))
    told = judge.chances("Which letter comes first? Reply with one letter: A, B or C.", ("A", "B", "C"))
    assert told is not None
    assert sum(told.values()) == pytest.approx(1)
    assert (
        judge.chances("Which letter comes first? Reply with one letter: A, B or C.", ("A", "B", "C")) == told
    )


@pytest.mark.slow
def test_the_embedded_model_fails_its_exam(sample_data_dir: Path) -> None:
    from assistant.compare.questions import load_questions
    from assistant.experiments import SAMPLES
    from assistant.settings import load_settings

    judge = LocalJudge("smollm2-135m-instruct", load_settings(data_dir=sample_data_dir))
    exam = examine(judge, load_questions(SAMPLES / "en.jsonl").questions)
    assert exam.repeat == exam.pairs == 24
    assert not exam.passed
