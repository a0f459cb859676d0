"""The command line on real documents and the embedded models: output, JSON, exit codes, one-line errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.locking import DataFolderLock
from finetune.models import ModelFolder
from tests.assistant.running import CommandLine

MANUAL = Path(__file__).resolve().parents[2] / "samples" / "manual"


@pytest.fixture
def tandem(
    command_line: CommandLine, data_dir: Path, minilm_folder: ModelFolder, smollm2_folder: ModelFolder
) -> CommandLine:
    """The command line with the embedded models on disk."""
    (data_dir / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    return command_line


def test_a_dry_run_makes_nothing_and_a_wrong_path_is_misuse(tandem: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The gadget weighs 3 kg.", encoding="utf-8")
    code, out, _ = tandem("index", "--dry-run", "a.txt", "--base", "新库", language="zh")
    assert (code, out.split()[:2]) == (0, ["将添加", "a.txt"])
    code, _, err = tandem("index", "a.txt", "nowhere", "--base", "新库")
    assert code == 2
    assert "there is no nowhere" in err
    assert json.loads(tandem("bases", "--json")[1]) == []


def test_index_search_ask_and_index_again(tandem: CommandLine) -> None:
    source = str(MANUAL / "en" / "QF-47 Troubleshooting and Release Notes.md")
    code, out, _ = tandem("index", source, "--base", "发酵箱 manual", "--json")
    assert code == 0
    (first,) = json.loads(out)["files"]
    assert first["state"] == "added"
    assert first["embedded"] == first["chunks"] > 5

    code, out, _ = tandem("index", source, "--base", "发酵箱 manual", "--json")
    (again,) = json.loads(out)["files"]
    assert (code, again["state"], again["embedded"]) == (0, "unchanged", 0)

    code, out, _ = tandem("bases", "--json")
    (base,) = json.loads(out)
    assert (base["name"], base["files"], base["chunks"]) == ("发酵箱 manual", 1, first["chunks"])

    code, out, _ = tandem("search", "error E31", "--base", "发酵箱 manual", "--json")
    passages = json.loads(out)["passages"]
    assert code == 0
    assert 0 < len(passages) <= 5
    assert all(0 <= passage["score"] <= 1 for passage in passages)

    code, out, _ = tandem("ask", "What happens after a power cut?", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["text"]
    assert answer["record"]["model"] == "smollm2-135m-reader"
    assert answer["record"]["index_generation"]
    for sentence in answer["sentences"]:
        for number in sentence["citations"]:
            assert any(citation["number"] == number for citation in answer["citations"])


def test_an_arm_without_a_knowledge_base_says_so_and_the_model_alone_answers(tandem: CommandLine) -> None:
    code, out, err = tandem("compare", "What is a pump?", "--arms", "rag,base")
    assert code == 1
    assert "no knowledge base to look the answer up in" in err
    assert out.count("in all") == 1


def test_arms_are_compared_one_after_another(tandem: CommandLine, tmp_path: Path) -> None:
    note = tmp_path / "pump.md"
    note.write_text("The zindel valve of the pump opens at a pressure of 31 bar.", encoding="utf-8")
    assert tandem("index", str(note))[0] == 0
    question = "At what pressure does the zindel valve open?"
    code, out, err = tandem("compare", question, "--arms", "rag,base,sft:missing")
    assert code == 1
    assert out.index("== rag") < out.index("31 bar") < out.index("pump.md") < out.index("== base")
    assert out.count("in all") == out.count("peak memory") == 2
    assert "missing" in err
    code, out, _ = tandem("compare", question, "--json")
    *happened, told = map(json.loads, out.splitlines())
    assert code == 0
    assert {line["event"] for line in happened} == {"retrieved", "token", "finished"}
    assert told["event"] == "compared"
    assert list(told["answers"]) == ["base", "rag"]
    assert "31 bar" in told["answers"]["rag"]["text"]
    assert tandem("compare", question, "--arms", "rag,rag")[0] == 2


def test_nothing_relevant_is_refused_in_the_questions_language(tandem: CommandLine) -> None:
    tandem("index", str(MANUAL / "en" / "QF-47 Troubleshooting and Release Notes.md"))
    code, out, _ = tandem("ask", "海王星有多少颗卫星？", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["refused"]
    assert "没有找到" in answer["text"]
    assert answer["completion_tokens"] == 0


def test_a_file_that_cannot_be_read_is_one_line_and_the_others_are_indexed(
    tandem: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.pdf").write_bytes(b"%PDF-1.4 nothing behind it")
    (tmp_path / "in" / "好.md").write_text("# 标题\n\n水箱容量为 1.35 升。\n", encoding="utf-8")
    code, out, err = tandem("index", str(tmp_path / "in"), "--json", language="zh")
    assert code == 1
    states = {row["name"]: row["state"] for row in json.loads(out)["files"]}
    assert states == {"bad.pdf": "failed", "好.md": "added"}
    assert "bad.pdf" in err
    code, out, _ = tandem("search", "水箱容量", "--json")
    assert json.loads(out)["passages"][0]["source_name"] == "好.md"


def test_dry_run_changes_nothing(tandem: CommandLine) -> None:
    code, out, _ = tandem("index", str(MANUAL / "zh"), "--base", "手册", "--dry-run", "--json")
    assert code == 0
    assert len(json.loads(out)["new"]) == 3
    code, out, _ = tandem("bases", "--json")
    assert all(base["files"] == 0 for base in json.loads(out))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["search", "x", "--base", "没有的库"], 1, "没有的库"),
        (["ask", "x", "--arm", "nonsense"], 1, "nonsense"),
        (["search", "x", "--mode", "fuzzy"], 2, "hybrid"),
        (["models", "get", "no-such-model-here"], 1, "no-such-model-here"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    tandem: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    got, _, err = tandem(*arguments)
    assert got == code
    assert said in err
    assert "Traceback" not in err


def test_a_wrong_setting_is_misuse(tandem: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_RETRIEVAL__TOP_K", "many")
    for language, word in (("en", "top_k"), ("zh", "应为整数")):
        code, out, err = tandem("bases", language=language)
        assert (code, out) == (2, "")
        assert word in err
        assert len(err.strip().splitlines()) == 1


def test_a_locked_folder_is_one_line(tandem: CommandLine, tmp_path: Path) -> None:
    lock = DataFolderLock(tmp_path / "data", purpose="the page")
    try:
        for language, word in (("en", "in use"), ("zh", "正被")):
            code, out, err = tandem("bases", language=language)
            assert (code, out) == (1, "")
            assert word in err
            assert len(err.strip().splitlines()) == 1
    finally:
        lock.release()


def test_config_and_models_answer_without_loading_anything(tandem: CommandLine) -> None:
    code, out, _ = tandem("config", "--json")
    assert code == 0
    assert json.loads(out)["retrieval"]["top_k"] == 5
    code, out, _ = tandem("models", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["all-minilm-l6-v2"]["present"]
    assert rows["smollm2-135m-reader"]["active"]
    assert not rows["qwen3-4b-instruct-2507"]["present"]


def test_help_stays_light() -> None:
    script = (
        "import sys, assistant.cli\n"
        "heavy = {'torch', 'transformers', 'chromadb', 'streamlit', 'sentence_transformers', 'jieba',"
        " 'langchain_core', 'numpy', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_transformers_will_rename_one_day_is_told_to_nobody() -> None:
    script = """import contextlib, sys, warnings
from assistant.cli import main
sys.argv = ["tandem", "--help"]
with contextlib.suppress(SystemExit):
    main()
warnings.warn_explicit("old", FutureWarning, "f.py", 1, module="transformers.modeling_utils")
warnings.warn_explicit("ours", FutureWarning, "f.py", 1, module="finetune.models")
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert "old" not in done.stderr
    assert "ours" in done.stderr
