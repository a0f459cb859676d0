"""`tandem data`, `train`, `runs` and `adapters`, as somebody types them, on a tiny model."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import cli
from tests.finetune.tiny_chat import write_rows, write_tiny_chat

TINY = ("learning_rate=2e-2", "max_steps=60", "per_device_train_batch_size=4", "gradient_accumulation_steps=1",
        "lora_r=4", "lora_dropout=0", "precision=fp32", "eval_share=4", "eval_steps=30", "max_length=256")  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    model = write_tiny_chat(tmp_path / "model")
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TANDEM_MODELS__CHAT", model.name)
    write_rows(tmp_path / "rows.json")
    return tmp_path


def tandem(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def test_from_rows_to_an_exported_adapter(place: Path) -> None:
    checked = json.loads(tandem("data", "check", place / "rows.json", "--json"))
    assert (checked["rows"], checked["dropped"]) == (24, 0)
    assert "24" in tandem("data", "check", place / "rows.json")
    lines = tandem("train", place / "rows.json", *TINY, "--name", "drawer")
    assert "60/60  loss" in lines
    assert "drawer" in lines.splitlines()[-1]
    assert "60/60" in tandem("runs")
    run = json.loads(tandem("runs", "--json"))[0]
    assert (run["state"], run["adapter"]) == ("done", "drawer")
    assert "lora_r: 4" in tandem("runs", "show", run["run"])
    assert "answers_end" in tandem("adapters", "show", "drawer")
    tandem("adapters", "note", "drawer", "where things are")
    tandem("adapters", "rename", "drawer", "drawers")
    assert json.loads(tandem("adapters", "--json"))[0]["notes"] == "where things are"
    assert "4" in tandem("adapters", "check", "drawers")
    out = place / "merged"
    assert tandem("adapters", "export", "drawers", out).strip() == str(out)
    assert (out / "Modelfile").is_file()
    tandem("adapters", "export", "drawers", place / "peft", "--as", "peft")
    tandem("adapters", "import", place / "peft", "--name", "again", code=0)
    tandem("runs", "delete", run["run"])
    assert {row["name"] for row in json.loads(tandem("adapters", "--json"))} == {"drawers", "again"}
    tandem("adapters", "delete", "again")
    assert len(json.loads(tandem("adapters", "--json"))) == 1


def test_the_recipe_writes_rows_that_can_be_trained(place: Path) -> None:
    path = tandem("data", "recipe", "self-cognition", "--name", "小灯", "--maker", "Tea House", "--out",
                  place / "self.json").strip()  # fmt: skip
    rows = json.loads(Path(path).read_text("utf-8"))
    assert len(rows) == 80
    assert sum("小灯" in row["output"] for row in rows) > 50
    assert not any("{" in row["output"] for row in rows)
    assert len({row["instruction"] for row in rows}) == 80
    report = json.loads(tandem("data", "check", path, "--json"))
    assert (report["dropped"], report["placeholders"]) == (0, {})
    tandem("data", "recipe", "self-cognition", "--name", " ", "--maker", "x", code=2)
    voice = tandem("data", "recipe", "voice", "--language", "zh", "--out", place / "voice.json").strip()
    assert all("水手" in row["output"] for row in json.loads(Path(voice).read_text("utf-8")))
    tandem("data", "recipe", "facts", code=2)


def test_a_refused_adapter_is_told_with_the_command_that_mends_it(place: Path) -> None:
    quick = (*TINY, "max_steps=2")
    words = ["train", str(place / "rows.json"), *quick, "learning_rate=0", "--name", "still"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 1
    command = result.stderr.strip().splitlines()[-1].strip()
    assert command.startswith("tandem train")
    assert command.endswith("learning_rate=0.0001")
    assert Path(command.split('"')[1]).is_file()


def test_wrong_settings_are_one_line(place: Path) -> None:
    from finetune.errors import FinetuneError

    for words in (("learning_rat=1",), ("lora_r=many",), ("method=qlora",)):
        result = CliRunner().invoke(cli, ["train", str(place / "rows.json"), *words])
        if words == ("method=qlora",):
            assert "bitsandbytes" in result.output or isinstance(result.exception, SystemExit)
            continue
        assert isinstance(result.exception, FinetuneError)
        assert "\n" not in str(result.exception)
    assert CliRunner().invoke(cli, ["train", str(place / "rows.json"), "noequals"]).exit_code == 2


def test_rows_that_stop_a_dataset_are_all_listed(place: Path) -> None:
    rows = place / "rows.jsonl"
    good = "".join(f'{{"instruction": "Hi, {k}", "output": "Hello."}}\n' for k in range(4))
    rows.write_text(good + '{"instruction": "Hi", "output": }\n' * 2)
    told = tandem("data", "check", rows, code=1)
    assert "rows.jsonl:5  [dropped]" in told
    assert "rows.jsonl:6  [dropped]" in told
    assert "6 rows" in tandem("data", "check", rows, "max_dropped_share=0.34")  # the share that is proposed
    stopped = json.loads(tandem("data", "check", rows, "--json", code=1))
    assert stopped["error"]["code"] == "too_many_dropped"
    assert [finding["row"] for finding in stopped["findings"]] == [5, 6]


def test_placeholders_are_filled_into_a_copy(place: Path) -> None:
    rows = place / "names.json"
    rows.write_text('[{"instruction": "Who are you?", "output": "I am {{name}} by {{author}}."}]')
    file = tandem("data", "fill", rows, "name=Rosa", "--out", place / "filled.jsonl").strip()
    assert "I am Rosa by {{author}}." in Path(file).read_text()
    assert "{{name}}" in rows.read_text()
    assert json.loads(tandem("data", "check", file, "--json"))["placeholders"] == {"author": 1}
    tandem("data", "fill", rows, "Rosa", code=2)


def test_the_lens_marks_exactly_what_the_trainer_gets(place: Path) -> None:
    from finetune.config import DataConfig
    from finetune.encoding import Encoder
    from finetune.formats.reading import read_dataset
    from finetune.runs import load_tokenizer

    rows = place / "rows.json"
    shown = json.loads(tandem("data", "lens", rows, "max_length=256", "--row", "3", "--json"))
    tokenizer = load_tokenizer(write_tiny_chat(place / "again"))
    (expected,) = Encoder(tokenizer, 256, DataConfig().train_on).encode_rows([read_dataset(rows).examples[2]])
    (piece,), (trained,) = shown["pieces"], expected.pieces
    assert [view["id"] for view in piece["views"]] == trained.input_ids
    assert [view["trained"] for view in piece["views"]] == [label != -100 for label in trained.labels]
    told = tandem("data", "lens", rows, "--row", "3")
    inside = told.split("\n\n", 1)[1].partition("⟦")[2]
    assert inside.partition("■⟧")[0] == "".join(v["text"] for v in piece["views"] if v["trained"])
    assert "\x1b" not in told
    every = json.loads(tandem("data", "lens", rows, "train_on=all", "--row", "3", "--json"))["pieces"][0]
    assert every["trained_tokens"] > piece["trained_tokens"]
    error = CliRunner().invoke(cli, ["data", "lens", str(rows), "--row", "99"]).exception
    assert getattr(error, "code", "") == "row_missing"


def test_the_lens_is_coloured_on_a_terminal_and_obeys_nothing_in_the_rows(place: Path) -> None:
    from assistant.training.lens import look_at
    from assistant.training.lens_text import lens_text
    from finetune.config import DataConfig
    from finetune.examples import Example, Message, Source
    from finetune.runs import load_tokenizer

    tokenizer = load_tokenizer(write_tiny_chat(place / "again"))
    messages = (Message("user", "Clear\x1b[2J"), Message("assistant", "one\ntwo"))
    shown = look_at(Example(messages, Source("rows.json", 1)), tokenizer, DataConfig())
    for language, word in (("en", "tokens are trained"), ("zh", "参与训练")):
        plain = lens_text(shown, language, colour=False)
        assert word in plain or "训练" in plain
        coloured = lens_text(shown, language, colour=True)
        assert "\x1b[2J" not in plain + coloured
        assert "␛[2J" in plain
        assert "\x1b" not in plain
        assert coloured.count("\x1b[48;5;22m") > 2
        assert coloured.count("\x1b[48;5;130m") == 2  # the legend's and the stop token's
        assert "↵" in coloured


def test_a_row_that_cannot_be_trained_says_why_under_the_lens(place: Path) -> None:
    rows = place / "long.json"
    rows.write_text(json.dumps([{"instruction": "Hi", "output": "Ho" * 400}]))
    told = tandem("data", "lens", rows, "overlong=drop", "max_length=64")
    assert "64" in told
