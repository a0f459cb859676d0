"""The page Train without a browser: every tab, with data, runs and adapters in every state."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from assistant.app import App
from finetune.adapters import seal
from finetune.config_files import write_config
from finetune.folders import ModelFolder
from finetune.run_folder import RunFolder, Status, write_json
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat
from ui.resources import close_app, open_app
from ui.text import TEXTS

SCRIPT = Path(__file__).resolve().parents[2] / "ui" / "app.py"
HOSTILE = "![x](https://evil.example/a.png)"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_tiny_chat(tmp_path_factory.mktemp("train-page") / "model")


@pytest.fixture
def app(tmp_path: Path, model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The App that the page opens, with a chat model of two layers."""
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TANDEM_MODELS__CHAT", str(model.path))
    monkeypatch.delenv("TANDEM_CONFIG", raising=False)
    monkeypatch.setattr(App, "warm_up", lambda self: None)
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    yield open_app()
    close_app()


def page(lang: str = "en", tab: str = "data") -> AppTest:
    at = AppTest.from_file(str(SCRIPT), default_timeout=120)
    at.query_params["lang"] = lang
    at.run()
    at.session_state["train_tabs"] = TEXTS[lang][f"train.tab_{tab}"]  # type: ignore[index]
    at.switch_page("app_pages/train.py").run()
    return whole(at)


def whole(at: AppTest) -> AppTest:
    """Hold that nothing broke."""
    assert not at.exception, at.exception
    assert TEXTS["en"]["app.defect"] not in [error.value for error in at.error]
    return at


def to_tab(at: AppTest, tab: str) -> AppTest:
    at.session_state["train_tabs"] = TEXTS["en"][f"train.tab_{tab}"]
    return whole(at.run())


def told(at: AppTest) -> str:
    """All that is written on the page."""
    return "\n".join(
        item.value for kind in (at.markdown, at.caption, at.warning, at.success, at.error) for item in kind
    )


def test_a_name_and_a_maker_become_rows_settings_and_a_plan(app: App) -> None:
    at = page()
    at.button(key="train_recipe_self_cognition").click().run()
    at.text_input(key="train_sc_name").set_value("Tandy")
    at.text_input(key="train_sc_maker").set_value(HOSTILE)
    at.button(key="FormSubmitter:train_self_cognition-Make the rows").click()
    whole(at.run())
    assert [metric.value for metric in at.metric] == ["80", "80", "0", "0", "0"]
    at.button(key="train_to_settings").click()
    whole(at.run())
    assert "It fits" in told(at)
    assert "parameters" in told(at)
    epochs = next(field for field in at.text_input if "num_train_epochs" in (field.key or ""))
    assert epochs.value == "6"
    at.button(key="train_preset_tutorial").click()
    whole(at.run())
    rank = next(field for field in at.number_input if "field_lora_r_" in (field.key or ""))
    assert rank.value == 8
    epochs = next(field for field in at.text_input if "num_train_epochs" in (field.key or ""))
    epochs.set_value("12")
    whole(at.run())
    assert "forget" in told(at)
    to_tab(at, "run")
    assert "Tandy" in told(at)
    at.button(key="train_start")


def test_what_is_wrong_with_data_is_told_and_the_limit_can_be_raised(app: App, tmp_path: Path) -> None:
    rows = [{"instruction": "Who are you?", "output": "I am {{name}}."}, {"instruction": "x", "output": ""}]
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows), "utf-8")
    kept = app.workshop.datasets.add_folder(file)
    at = page()
    at.button(key=f"train_use_{kept.id}").click()
    whole(at.run())
    assert at.error
    at.slider[0].set_value(60).run()
    at.button(key="train_check_again").click()
    whole(at.run())
    assert [metric.value for metric in at.metric] == ["2", "1", "0", "0", "1"]
    assert "Placeholders" in told(at)
    next(field for field in at.text_input if field.label == "name").set_value("Tandy")
    at.button(key="FormSubmitter:train_placeholders-Fill them in").click()
    whole(at.run())
    assert "Placeholders" not in told(at)


def fake_run(app: App, model: ModelFolder, name: str, status: Status) -> RunFolder:
    folder = RunFolder(app.settings.data_dir / "runs" / name)
    folder.path.mkdir(parents=True)
    write_config(tiny_config(model, write_rows(folder.path / "rows.json")), folder.config)
    write_json(
        folder.record, {"rows": 20, "eval_rows": 4, "trained_tokens": 300, "settings": {"lora_r": len(name)}}
    )
    for step in range(3):
        folder.append_metrics({"kind": "eval", "step": step, "loss": 3.0 - step})
        folder.append_metrics(
            {"kind": "train", "step": step + 1, "loss": 3.5 - step, "learning_rate": 1e-3, "grad_norm": None,
             "tokens_per_s": 10.0, "memory_bytes": 10**9}
        )  # fmt: skip
    folder.write_status(status)
    return folder


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_runs_are_shown_as_they_ended(app: App, model: ModelFolder, lang: str) -> None:
    done = Status(state="done", step=3, total_steps=3, loss=0.5, eval_loss=1.0, seconds=70)
    fake_run(app, model, "20260101-000001-done", done)
    dead = Status(state="running", pid=1, started=5.0, step=2, total_steps=3, heartbeat=time.time())
    fake_run(app, model, "20260101-000002-dead", dead)
    reasons = {"reasons": "It forgets.", "reasons_zh": "会遗忘。"}
    fake_run(
        app,
        model,
        "20260101-000003-bad",
        Status(state="done", step=3, code="adapter_not_offered", params=reasons),
    )
    at = page(lang, "runs")
    (table,) = at.dataframe
    assert list(table.value["state"]) == [
        TEXTS[lang][f"train.state_{state}"]
        for state in ("refused", "interrupted", "done")  # type: ignore[index]
    ]
    for run, word in (
        ("000002-dead", "train.resume"),
        ("000001-done", "train.another_run"),
        ("000003-bad", "train.log"),
    ):
        at.session_state["train_run"] = f"20260101-{run}"
        at.session_state["train_tabs"] = TEXTS[lang]["train.tab_run"]  # type: ignore[index]
        whole(at.run())
        labels = [button.label for button in at.button] + [expander.label for expander in at.expander]
        assert any(TEXTS[lang][word] in label for label in labels), labels  # type: ignore[index]


def test_a_refused_run_leads_to_settings_that_mend_it(app: App, model: ModelFolder) -> None:
    params = {"reasons": "It forgets.", "reasons_zh": "会遗忘。", "changes": {"replay": 0.5}}
    status = Status(state="done", step=3, code="adapter_not_offered", params=params)
    folder = fake_run(app, model, "20260101-000004-bad", status)
    app.workshop.datasets.add_folder(folder.path / "rows.json")
    at = page("en", "runs")
    at.session_state["train_run"] = "20260101-000004-bad"
    at.session_state["train_tabs"] = TEXTS["en"]["train.tab_run"]
    whole(at.run())
    assert "It forgets" in told(at)
    at.button(key="train_try_change").click()
    whole(at.run())
    draft = at.session_state["train_draft"]
    assert (draft.values["replay"], draft.values["lora_r"]) == (0.5, 4)
    assert next(field for field in at.text_input if field.label == "replay").value == "0.5"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_adapters_have_cards_with_reasons(app: App, model: ModelFolder, lang: str) -> None:
    gates = [
        {"name": "finite", "passed": True, "figures": {}, "reason": {"en": "", "zh": ""}},
        {"name": "held_out", "passed": True, "figures": {"before": 3.0, "after": 1.0, "rows": 8}},
        {"name": "forgetting", "passed": False, "figures": {"before": 0.75, "after": 0.5, "questions": 32},
         "reason": {"en": "It forgets.", "zh": "会遗忘。"}},
        {"name": "thinking", "passed": None, "figures": {}},
        {"name": "of a later version", "passed": True, "figures": {"x": 1}},
    ]  # fmt: skip
    for name, method in (("mine", "lora"), ("virtual", "prompt_tuning")):
        folder = app.settings.adapters_dir / name
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"x")
        write_json(folder / "adapter_config.json", {"peft_type": method.upper()})
        write_json(folder / "card.json", {"passed": True, "gates": gates})
        seal(
            folder,
            {"base_model": str(model.path), "base_revision": model.revision, "method": method, "seed": 1},
        )
    app.workshop.adapters.note("mine", HOSTILE)
    at = page(lang, "adapters")
    text = told(at)
    assert "prompt_tuning" in " ".join(warning.value for warning in at.warning).replace("\\", "")
    assert ("It forgets" in text) if lang == "en" else ("会遗忘" in text)
    assert "3.0" in text
    assert HOSTILE not in text
    assert at.button(key="train_use_ask_mine").label == TEXTS[lang]["train.ask_now"]  # type: ignore[index]
    at.button(key="train_use_ask_mine").click()
    whole(at.run())
    assert at.selectbox[0].value == "mine"
    assert at.text_area[0].value.splitlines()[0] == "Who are you?"


def small_build(app: App) -> None:
    """A build of one fact with two wordings and one that is held out, as it lies on disk."""
    from finetune.examples import Message
    from finetune.facts.build import Build, BuildReport, LeakStratum
    from finetune.facts.rows import BuiltRow, Fact

    fact = Fact(
        "f1", "table", "en", "zindel valve", "pressure", "31 bar", "The zindel valve opens at 31 bar.", "31 bar",
        chunk_id=7, source_id=1, file="Morrow pump.md",
    )  # fmt: skip
    asked = ("At what pressure does it open?", "How much is the pressure?", "Which pressure?")
    rows = [
        BuiltRow(
            f"r{number}", "closed", "en", (Message("user", question), Message("assistant", "31 bar")),
            split="held_wording" if number == 3 else "train", fact_ids=("f1",), chunk_ids=(7,),
            files=("Morrow pump.md",), wording="direct",
        )
        for number, question in enumerate(asked, 1)
    ]  # fmt: skip
    rows.append(BuiltRow("r4", "replay", "en", (Message("user", "Hello"), Message("assistant", "Hello!"))))
    report = BuildReport(
        1, 1, {"table": 1}, {"closed": 3, "replay": 1}, {"direct": 2},
        leaks=(LeakStratum("train", "questions.jsonl", 3, 5, exact=1, nearest=0.5),),
    )  # fmt: skip
    Build(
        app.data_builds.folder / "Pump", rows=rows, facts=[fact], report=report, options={"epochs": 5.0}
    ).save()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_built_rows_are_looked_at_and_trained_on(app: App, lang: str) -> None:
    small_build(app)
    at = page(lang)
    at.button(key="train_recipe_facts").click()
    whole(at.run())
    at.button(key="train_build_open_Pump").click()
    whole(at.run())
    say = TEXTS[lang]  # type: ignore[index]
    assert say["train.use_rows"] in [button.label for button in at.button]
    at.session_state["train_build_tabs"] = say["train.ledger_tab"]
    whole(at.run())
    (ledger,) = at.dataframe
    assert list(ledger.value["wordings"]) == [2]
    assert say["train.verdict_unlikely"] in ledger.value["verdict"][0]
    at.session_state["train_build_tabs"] = say["train.lost_tab"]
    whole(at.run())
    assert "questions.jsonl" in told(at).replace("\\", "")
    at.button(key="train_use_rows").click()
    whole(at.run())
    assert [metric.value for metric in at.metric] == ["3", "3", "0", "0", "0"]
    (kept,) = app.workshop.datasets.all()
    assert kept.settings["eval_data"] == "held_wordings"
    assert kept.questions[0] == "Which pressure?"


def test_a_long_curve_is_drawn_by_means_and_a_short_one_as_it_is() -> None:
    from ui.train_parts.charts import averaged

    curve = [{"step": step, "loss": float(step % 2)} for step in range(1, 251)]
    drawn = averaged(curve, 100)
    assert [point["step"] for point in drawn][:2] == [3, 6]
    assert drawn[-1]["step"] == 250
    assert len(drawn) == 84
    assert sum(p["loss"] for p in drawn[:83]) / 83 == pytest.approx(0.5, abs=0.01)
    assert averaged(curve[:7], 100) == curve[:7]
    assert averaged([], 100) == []
