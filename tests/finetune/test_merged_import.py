"""A model of the catalogue that is another one with our adapter in it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune.catalogue import CATALOGUE, entry_for
from finetune.errors import ModelUnavailableError
from finetune.folders import ModelFolder, describe
from finetune.merged_import import merge_into, merged_revision
from finetune.models import load_model, present, resolve
from tests.conftest import ROOT
from tests.finetune.tiny_chat import write_tiny_chat


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A tiny base model and a LoRA of random weights for it, found where the package's adapters are."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base, folder = tmp_path / "base", tmp_path / "package" / "mine"
    write_tiny_chat(base)
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(model, config)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    wrapped.save_pretrained(str(folder))
    monkeypatch.setattr("finetune.merged_import.files", lambda package: tmp_path / "package")
    return base, folder


def test_merged_weights_are_pefts(adapter: tuple[Path, Path], tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base, folder = adapter
    target = tmp_path / "merged"
    target.mkdir()
    merge_into(describe(base, name="base", source="folder"), "mine", target)

    def load(path: Path) -> Any:
        return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)

    ours = load(target).state_dict()
    theirs = PeftModel.from_pretrained(load(base), str(folder)).merge_and_unload().state_dict()
    plain = load(base).state_dict()
    assert ours.keys() == theirs.keys()
    moved = 0
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, rtol=1e-6, atol=1e-7)
        moved += not torch.equal(weight, plain[name])
    assert moved == 14
    assert json.loads((target / "config.json").read_text()) == json.loads((base / "config.json").read_text())


def test_the_revision_names_both_parents(adapter: tuple[Path, Path]) -> None:
    base, folder = adapter
    model = describe(base, name="base", source="folder")
    first = merged_revision(model, "mine")
    assert first == merged_revision(model, "mine") != model.revision
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert merged_revision(model, "mine") != first


def test_another_adapter_of_ours_makes_the_model_anew(
    adapter: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, folder = adapter
    models = tmp_path / "models"
    entry = replace(entry_for("smollm2-135m-reader"), made_from=f"folder:{base}", adapter="mine")  # type: ignore[type-var]
    monkeypatch.setattr("finetune.catalogue.CATALOGUE", (entry,))
    first = resolve(entry.name, models_dir=models)
    assert resolve(entry.name, models_dir=models) == first
    assert present(entry.name, models_dir=models)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 6}))
    assert not present(entry.name, models_dir=models)
    second = resolve(entry.name, models_dir=models)
    assert second.weights_sha256 != first.weights_sha256
    assert resolve(entry.name, models_dir=models) == second


def test_an_adapter_of_another_model_is_refused(adapter: tuple[Path, Path], tmp_path: Path) -> None:
    larger, target = tmp_path / "larger", tmp_path / "merged"
    target.mkdir()
    _, folder = adapter
    write_tiny_chat(larger, layers=1)
    with pytest.raises(ModelUnavailableError) as caught:
        merge_into(describe(larger, name="larger", source="folder"), "mine", target)
    assert caught.value.code == "model_merge_mismatch"
    assert "model.layers.1" in caught.value.text("en")
    shutil.rmtree(folder)


def test_what_is_made_here_names_a_model_that_can_be_had() -> None:
    made = [entry for entry in CATALOGUE if entry.made_from is not None]
    assert made
    for entry in made:
        parent = entry_for(entry.made_from or "")
        assert parent is not None
        assert parent.package is not None
        assert entry_for(entry.hub) is parent


def test_the_reader_is_made_offline_and_answers_as_its_adapter_does(smollm2_folder: ModelFolder) -> None:
    import torch

    models = smollm2_folder.path.parent
    reader = resolve("smollm2-135m-reader", models_dir=models, offline=True)
    assert resolve("smollm2-135m-instruct", models_dir=models, offline=True) == smollm2_folder
    adapter = ROOT / "finetune" / "recipes" / "reader" / "adapter"
    assert (adapter / "adapter_model.safetensors").stat().st_size < 10_000_000
    question = "Text: The Kestrel bridge was opened in 1931.\nQuestion: When was the bridge opened?"
    apart, merged = (
        load_model(folder, adapter=put_on, device="cpu", dtype="float32")
        for folder, put_on in ((smollm2_folder, adapter), (reader, None))
    )
    ids = apart.tokenizer(question, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        a, b = (part.model(ids).logits[0] for part in (apart, merged))
    # The merged weights are rounded to bfloat16 once more.
    assert float((a - b).abs().max()) < 0.5
    assert float((a.log_softmax(-1).exp() - b.log_softmax(-1).exp()).abs().max()) < 0.05
    with open(adapter / "adapter_config.json", encoding="utf-8") as file:
        assert "/" not in json.load(file)["base_model_name_or_path"].removeprefix("HuggingFaceTB/")
