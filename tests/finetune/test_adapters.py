"""The registry: whole adapters only, whatever was done to their folders; and the gates one by one."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune import adapters, checks
from finetune.errors import AdapterError
from finetune.export import export_adapter, export_merged, gguf_command, modelfile, ollama_template
from finetune.folders import ModelFolder
from finetune.parity import Parity, check_merge
from tests.finetune import templates
from tests.finetune.templates import tiny_tokenizer
from tests.finetune.tiny_chat import write_tiny_chat


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_tiny_chat(tmp_path_factory.mktemp("adapters") / "model")


@pytest.fixture(autouse=True)
def fewer_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.checks.QUESTIONS", (("a", "b", "c", "d"), ("e", "f", "g", "h")))


def write_peft(folder: Path, model: ModelFolder, *, scale: float = 0.05) -> Path:
    """A PEFT folder as another program would leave it."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    wrapped = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model.path),
        LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=scale)
    wrapped.save_pretrained(str(folder))
    return folder


@pytest.fixture
def offered(model: ModelFolder, tmp_path: Path) -> Path:
    """A folder of adapters with one in it, `mine`."""
    made = write_peft(tmp_path / "made", model)
    adapters.seal(made, {"base_model": model.name, "base_revision": model.revision, "method": "lora"})
    adapters.offer(made, tmp_path / "adapters", "mine")
    return tmp_path / "adapters"


def test_what_is_offered_is_listed_renamed_noted_and_deleted(offered: Path, model: ModelFolder) -> None:
    (info,) = adapters.list_adapters(offered)
    assert (info.name, info.base_revision, info.method, info.whole) == ("mine", model.revision, "lora", True)
    adapters.set_notes(offered, "mine", "第一次尝试")
    adapters.rename(offered, "mine", "甄嬛 v1.0")
    assert adapters.find(offered, "甄嬛 v1.0").notes == "第一次尝试"
    adapters.verified(offered, "甄嬛 v1.0", base=model)  # notes are not part of what is sealed
    adapters.set_notes(offered, "甄嬛 v1.0", "")
    assert adapters.find(offered, "甄嬛 v1.0").notes == ""
    adapters.delete(offered, "甄嬛 v1.0")
    assert adapters.list_adapters(offered) == []
    for call in (adapters.find, adapters.delete):
        with pytest.raises(AdapterError) as caught:
            call(offered, "甄嬛 v1.0")
        assert caught.value.code == "adapter_unknown"


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a" * 81, "x\n", "a.", "con:"])
def test_names_that_could_lead_elsewhere_are_refused(offered: Path, name: str) -> None:
    with pytest.raises(AdapterError) as caught:
        adapters.rename(offered, "mine", name)
    assert caught.value.code == "name_unusable"


def test_a_taken_name_is_refused_for_renaming_and_numbered_for_offering(offered: Path) -> None:
    again = adapters.offer(offered / "mine", offered, "mine")
    assert again.name == "mine-2"
    with pytest.raises(AdapterError) as caught:
        adapters.rename(offered, "mine-2", "mine")
    assert caught.value.code == "adapter_name_taken"


def test_whatever_was_changed_since_is_refused(offered: Path, model: ModelFolder) -> None:
    folder = offered / "mine"
    weights = folder / "adapter_model.safetensors"
    kept = weights.read_bytes()
    changed = bytearray(kept)
    changed[-1] ^= 1
    for harm in (
        lambda: weights.write_bytes(changed),
        lambda: weights.write_bytes(kept[:-40]),
        weights.unlink,
    ):
        harm()
        with pytest.raises(AdapterError) as caught:
            adapters.verified(offered, "mine", base=model)
        assert caught.value.code == "adapter_damaged"
    weights.write_bytes(kept)
    adapters.verified(offered, "mine", base=model)
    for text in ("", "{", "[]", '{"files": 3}', '{"files": {"x": 1}}'):
        (folder / "COMPLETE.json").write_text(text, "utf-8")
        with pytest.raises(AdapterError) as caught:
            adapters.verified(offered, "mine")
        assert caught.value.code == "adapter_incomplete"
    (folder / "COMPLETE.json").unlink()
    assert adapters.list_adapters(offered) == []


def test_an_empty_list_of_files_does_not_count_as_whole(offered: Path) -> None:
    (offered / "mine" / "COMPLETE.json").write_text('{"files": {}}', "utf-8")
    with pytest.raises(AdapterError) as caught:
        adapters.verified(offered, "mine")
    assert caught.value.code == "adapter_damaged"


def test_import_takes_in_what_passes_and_says_what_does_not(model: ModelFolder, tmp_path: Path) -> None:
    target = tmp_path / "adapters"
    good = write_peft(tmp_path / "good", model)
    (good / "training_args.bin").write_bytes(b"pickle")
    info, gates = adapters.import_adapter(good, target, name="theirs", base=model)
    assert info is not None
    assert {p.name for p in info.path.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "card.json", "COMPLETE.json",
    }  # fmt: skip
    assert adapters.verified(target, "theirs", base=model) == info.path
    assert [gate.name for gate in gates] == ["finite", "moved", "shape", "forgetting"]
    with pytest.raises(AdapterError) as caught:
        adapters.import_adapter(good, target, name="theirs", base=model)
    assert caught.value.code == "adapter_name_taken"
    for name, scale, reason in (
        ("zero", 0.0, "gate_did_not_move"),
        ("broken", float("inf"), "gate_not_finite"),
    ):
        info, gates = adapters.import_adapter(
            write_peft(tmp_path / name, model, scale=scale), target, name=name, base=model
        )
        assert info is None
        assert checks.failed(gates)[0].code == reason
    with pytest.raises(AdapterError) as missing:
        adapters.import_adapter(tmp_path, target, name="none", base=model)
    assert missing.value.code == "adapter_no_folder"
    assert [a.name for a in adapters.list_adapters(target)] == ["theirs"]


def test_merged_answers_as_the_adapter_does(offered: Path, model: ModelFolder, tmp_path: Path) -> None:
    merged = export_merged(offered, "mine", tmp_path / "merged", base=model)
    assert merged.parity.passed
    assert merged.parity.figures["same"] == 4
    assert merged.parity.figures["difference"] < 0.2
    assert merged.parity.figures["kept"] > 99
    names = {path.name for path in merged.path.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "Modelfile"} <= names
    assert not any("lora" in key for key in json.loads((merged.path / "config.json").read_text("utf-8")))
    with pytest.raises(AdapterError) as caught:
        export_merged(offered, "mine", tmp_path / "merged", base=model)
    assert caught.value.code == "export_exists"
    plain = export_adapter(offered, "mine", tmp_path / "plain")
    assert (plain / "adapter_config.json").is_file()
    command = gguf_command(merged.path, tmp_path / "x.gguf")
    assert command[-4:] == ["--outfile", str(tmp_path / "x.gguf"), "--outtype", "q8_0"]


@pytest.mark.parametrize("name", ["DEFAULT_SYSTEM", "GENERATION", "NO_STOP"])
def test_the_ollama_template_says_what_the_chat_template_says(name: str) -> None:
    tokenizer = tiny_tokenizer(getattr(templates, name))
    tokenizer.bos_token = "<|im_start|>"  # named, and never added by itself: as SmolLM2 has it
    found = ollama_template(tokenizer)
    assert found is not None
    talk = [{"role": "user", "content": "Hi {{ x }}"}, {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "And?"}]  # fmt: skip
    for messages in (talk, [{"role": "system", "content": "Be brief."}, *talk]):
        expected = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert found.render(messages) == expected
    text = modelfile(_Named(), tokenizer)
    assert text.startswith('FROM .\nTEMPLATE """')
    assert 'PARAMETER stop "<|im_end|>"' in text


def test_templates_that_cannot_be_cut_are_left_to_ollama() -> None:
    assert ollama_template(tiny_tokenizer(templates.NO_SYSTEM)) is None


class _Named:
    """As much of a model as a Modelfile asks for."""

    generation_config = None

    class config:  # noqa: N801
        max_position_embeddings = 512


def tensors(**changes: Any) -> dict[str, torch.Tensor]:
    name = "base_model.model.layers.0.q.lora_{}.weight"
    return {name.format("A"): torch.ones(4, 8), name.format("B"): torch.ones(6, 4), **changes}


def test_gates_tell_what_they_measured() -> None:
    name = "base_model.model.layers.0.q.lora_B.weight"
    assert checks.check_finite(tensors()).passed
    assert checks.check_finite(tensors(**{name: torch.full((6, 4), float("nan"))})).params["name"] == name
    assert checks.check_moved(tensors()).figures == {"modules": 1, "norm": pytest.approx(24**0.5, abs=1e-6)}
    assert checks.check_moved(tensors(**{name: torch.zeros(6, 4)})).code == "gate_did_not_move"
    assert checks.check_shape(tensors(), {"layers.0.q.weight": (6, 8)}).figures == {
        "modules": 1,
        "ranks": [4],
    }
    for shapes in ({}, {"layers.0.q.weight": (6, 9)}, {"layers.0.k.weight": (6, 8)}):
        assert checks.check_shape(tensors(), shapes).passed is False
    assert checks.check_held_out(2.0, 1.0, 10).passed
    assert checks.check_held_out(1.0, 1.1, 10).passed is False
    assert checks.check_held_out(1.0, 1.1, 1).passed is None
    assert checks.check_answers_end(3, 8).passed is False
    assert checks.check_answers_end(4, 8).passed
    assert checks.check_thinking(0, 0, 8).passed is None
    assert checks.check_thinking(8, 3, 8).passed is False
    assert checks.check_forgetting(0.6, 0.3).passed is False
    assert checks.check_forgetting(0.6, 0.5).passed
    assert checks.check_forgetting(0.4, 0.1).passed is None
    for gate in (
        checks.check_held_out(1.0, 1.1, 10),
        checks.check_thinking(8, 3, 8),
        checks.check_forgetting(0.6, 0.3),
    ):
        assert gate.reason("en")
        assert gate.reason("zh")


def test_a_merge_may_turn_a_near_tie_but_not_lose_what_was_learnt() -> None:
    def shares(*rows: list[float]) -> torch.Tensor:
        return torch.tensor(rows).log_softmax(-1)

    learnt, base = shares([4.0, 3.99, 0.0], [0.0, 5.0, 0.0]), shares([0.0, 0.0, 4.0], [5.0, 0.0, 0.0])
    rounded = shares([3.98, 4.0, 0.0], [0.0, 4.9, 0.0])
    gate = check_merge([Parity([0, 1], [1, 1], learnt, base, rounded)])
    assert (gate.passed, gate.figures["same"]) == (True, 0)
    assert gate.figures["kept"] > 99
    lost = check_merge([Parity([0, 1], [2, 0], learnt, base, 0.7 * base + 0.3 * learnt)])
    assert (lost.passed, lost.required) == (False, False)
    assert lost.figures["kept"] < 60
    for language in ("en", "zh"):
        assert str(lost.figures["kept"]) in lost.reason(language)  # type: ignore[arg-type]
    # What answers alike passes whatever else there is: an adapter that learnt nothing loses nothing.
    assert check_merge([Parity([0], [0], base, base, base)]).passed
    assert check_merge([]).passed is None


def test_thinking_is_seen_where_it_is_written() -> None:
    assert checks.thinks("<|im_start|>assistant\n", "<think>\nHm.\n</think>\nYes")
    assert not checks.thinks("<|im_start|>assistant\n", "<think>\n\n</think>\nYes")
    assert not checks.thinks("<|im_start|>assistant\n", "Yes")
    assert checks.thinks("<|assistant|><think>\n", "Hm.\n</think>\nYes")
    assert not checks.thinks("<|assistant|><think>\n", "</think>Yes")
