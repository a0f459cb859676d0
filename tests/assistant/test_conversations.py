"""Conversations: kept, found, renamed, deleted without trace, exported, safe from a killed process."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assistant.answer_json import answer_from_json, retrieval_from_json
from assistant.arms import Answer, ArmRecord, Citation, Sampling, Sentence, Turn, to_json
from assistant.conversations import Conversations, title_from
from assistant.errors import ConversationError
from knowledge.documents import Notice, Passage, Retrieval

PASSAGE = Passage(
    7, 3, 1, "手册_[v2].pdf", "The pump weighs 12 kg. 水泵为蓝色。", 100, 130, 0.8,
    heading_path=("Data", "Weight"), page_first=4, page_last=4, page_label="iv", dense_score=0.5,
)  # fmt: skip
ANSWER = Answer(
    text="It weighs 12 kg. It is nice.",
    sentences=(Sentence(0, 16, (1,), spans={1: ((0, 22),)}), Sentence(17, 28)),
    citations=(Citation(1, PASSAGE, ((0, 22),), 0.9),),
    prompt="<|user|>…",
    timings_ms={"total": 12.5},
    record=ArmRecord("rag", "tiny", sampling=Sampling(stop=("\n",))),
)
RETRIEVAL = Retrieval("pump weight", (PASSAGE,), "g1", {"dense": 1.0}, notices=(Notice("x", {"n": 1}),))


@pytest.fixture
def conversations(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "tandem.db")


def test_a_turn_comes_back_as_it_was(tmp_path: Path, conversations: Conversations) -> None:
    number = conversations.create()
    conversations.add_turn(
        number,
        "How heavy is the pump?",
        {"rag": ANSWER, "base": Answer("No idea.")},
        retrievals={"rag": RETRIEVAL},
        base_names=["产品手册"],
        settings={"sampling": Sampling(temperature=0.5)},
    )
    conversations.close()
    again = Conversations(tmp_path / "tandem.db").get(number)
    assert again.title == "How heavy is the pump?"
    (turn,) = again.turns
    assert list(turn.answers) == ["rag", "base"]
    assert turn.answers["rag"] == ANSWER
    assert turn.retrievals == {"rag": RETRIEVAL}
    assert turn.base_names == ("产品手册",)
    assert turn.settings["sampling"]["temperature"] == 0.5
    assert again.history("base") == [Turn("user", "How heavy is the pump?"), Turn("assistant", "No idea.")]
    assert again.history() == [Turn("user", "How heavy is the pump?"), Turn("assistant", ANSWER.text)]


def test_a_turn_takes_the_place_of_another_which_leaves_no_trace(
    tmp_path: Path, conversations: Conversations
) -> None:
    number, other = conversations.create(), conversations.create()
    conversations.add_turn(number, "first", {"rag": Answer("one")})
    old = conversations.add_turn(number, "second", {"rag": Answer("an answer about quokkas")})
    elsewhere = conversations.add_turn(other, "third", {"rag": Answer("three")})

    conversations.add_turn(number, "second", {"base": Answer("two")}, instead_of=old.id)
    turns = conversations.get(number).turns
    assert [(turn.question, list(turn.answers)) for turn in turns] == [
        ("first", ["rag"]),
        ("second", ["base"]),
    ]
    for file in tmp_path.iterdir():
        assert b"quokkas" not in file.read_bytes()
    # The turn of another conversation is not this one's to replace.
    conversations.add_turn(number, "fourth", {"rag": Answer("four")}, instead_of=elsewhere.id)
    assert [turn.id for turn in conversations.get(other).turns] == [elsewhere.id]


def test_json_of_a_newer_program_is_read() -> None:
    data = json.loads(json.dumps(to_json(ANSWER))) | {"field_of_tomorrow": 1}
    data["record"]["sampling"]["min_p"] = 0.1
    data["citations"][0]["passage"]["colour"] = "red"
    assert answer_from_json(data) == ANSWER
    assert retrieval_from_json(json.loads(json.dumps(to_json(RETRIEVAL)))) == RETRIEVAL
    assert answer_from_json({"text": "short"}) == Answer("short")


def test_search_looks_in_titles_questions_and_answers(conversations: Conversations) -> None:
    first, second, third = (conversations.create(title) for title in ("Pumps", "电机 100%", "Other_"))
    conversations.add_turn(second, "电机的额定功率是多少？", {"rag": Answer("额定功率为 40 kW。")})
    conversations.add_turn(first, "Weight?", {"rag": ANSWER})

    def found(text: str) -> list[int]:
        return [summary.id for summary in conversations.list(text)]

    assert found("") == [first, second, third]
    assert found("pUMPs") == [first]
    assert found("额定功率") == [second]
    assert found("40 kW") == [second]
    assert found("weighs 12") == [first]
    assert found("100%") == [second]
    assert found("r_") == [third]
    assert found("%") == [second]
    assert found("nothing") == []
    assert [summary.turns for summary in conversations.list()] == [1, 1, 0]


def test_rename_and_what_is_not_there(conversations: Conversations) -> None:
    number = conversations.create()
    conversations.rename(number, "  新的\n标题 ")
    conversations.rename(number, "  ")
    assert conversations.get(number).title == "新的 标题"
    conversations.add_turn(number, "Question?", {})
    assert conversations.get(number).title == "新的 标题"
    for call in (
        lambda: conversations.get(99),
        lambda: conversations.delete(99),
        lambda: conversations.rename(99, "x"),
        lambda: conversations.add_turn(99, "x", {}),
        lambda: conversations.export(99, "json"),
    ):
        with pytest.raises(ConversationError) as caught:
            call()
        assert caught.value.code == "conversation_unknown"


def test_delete_leaves_no_trace_in_any_file(tmp_path: Path, conversations: Conversations) -> None:
    secret = "Geheimnis-水滴石穿-4711"
    kept = conversations.create("kept")
    conversations.add_turn(kept, "stays here", {"rag": Answer("stays too")})
    gone = conversations.create(f"title {secret}")
    for number in range(40):
        conversations.add_turn(gone, f"{secret} {number}" * 50, {"rag": Answer(f"{secret} answer" * 100)})

    def traces() -> int:
        files = [path for path in tmp_path.iterdir() if path.is_file()]
        return sum(path.read_bytes().count(secret.encode()) for path in files)

    assert traces() > 0
    conversations.delete(gone)
    assert traces() == 0
    assert conversations.get(kept).turns[0].answers["rag"].text == "stays too"
    with pytest.raises(ConversationError):
        conversations.get(gone)
    assert conversations.create() > gone


def test_many_threads_write_and_read(conversations: Conversations) -> None:
    number = conversations.create()

    def work(thread: int) -> None:
        for step in range(5):
            conversations.add_turn(number, f"q {thread} {step}", {"rag": Answer("a")})
            conversations.list("q")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({turn.question for turn in conversations.get(number).turns}) == 20


def test_other_tables_in_the_file_are_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "tandem.db"
    other = sqlite3.connect(database)
    other.execute("PRAGMA user_version = 7")
    other.execute("CREATE TABLE sources (id INTEGER)")
    other.commit()
    Conversations(database).close()
    Conversations(database).close()
    assert other.execute("PRAGMA user_version").fetchone() == (7,)
    assert other.execute("SELECT count(*) FROM conversation_schema").fetchone() == (1,)
    other.close()


def test_a_damaged_file_is_told_in_one_line(tmp_path: Path) -> None:
    database = tmp_path / "tandem.db"
    database.write_bytes(b"this is no database" * 100)
    with pytest.raises(ConversationError) as caught:
        Conversations(database)
    assert caught.value.code == "conversations_unreadable"
    assert "\n" not in caught.value.text("zh")


def test_every_acknowledged_turn_survives_kill(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom assistant.arms import Answer\n"
        "from assistant.conversations import Conversations\n"
        "c = Conversations(Path(sys.argv[1])); n = c.create('k')\n"
        "for i in range(100000):\n"
        "    c.add_turn(n, f'q{i}', {'rag': Answer('a' * 500)}); print(i, flush=True)\n"
    )
    database = tmp_path / "tandem.db"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(database)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(15):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    last = int(rest[-1]) if rest else last
    turns = Conversations(database).get(1).turns
    assert [turn.question for turn in turns[: last + 1]] == [f"q{i}" for i in range(last + 1)]
    assert all(turn.answers["rag"].text == "a" * 500 for turn in turns)


def test_exports_name_sources_quotes_and_settings(conversations: Conversations) -> None:
    number = conversations.create("# A *title*")
    conversations.add_turn(
        number,
        "How heavy?",
        {"rag": ANSWER},
        retrievals={"rag": RETRIEVAL},
        base_names=["产品手册"],
        settings={"top_k": 5},
    )
    text = conversations.export(number, "markdown", "en")
    assert text.startswith("# \\# A \\*title\\*\n")
    assert "It weighs 12 kg.[1] It is nice. [no source]" in text
    assert "- [1] 手册\\_\\[v2\\].pdf, page iv, Data \\> Weight: “The pump weighs 12 kg.”" in text
    assert '"top_k": 5' in text
    assert '"model": "tiny"' in text
    chinese = conversations.export(number, "markdown", "zh")
    assert "第 iv 页" in chinese
    assert "［无出处］" in chinese
    data = json.loads(conversations.export(number, "json"))
    citation = data["turns"][0]["answers"]["rag"]["citations"][0]
    assert citation["quotes"] == ["The pump weighs 12 kg."]
    assert citation["passage"]["source_name"] == "手册_[v2].pdf"
    assert data["turns"][0]["settings"] == {"top_k": 5}


def test_titles_are_short_and_cut_between_words() -> None:
    assert title_from("  How\nheavy is it? ") == "How heavy is it?"
    long = title_from("How heavy is the pump that delivers forty litres of water per minute at full speed?")
    assert len(long) <= 61
    assert long.endswith("…")
    assert not long.endswith(" …")
    assert title_from("水泵" * 60) == "水泵" * 30 + "…"
