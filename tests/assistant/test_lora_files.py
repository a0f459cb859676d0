"""Adapters read without PEFT: what is read, what is left to PEFT, what is refused, what the self-test finds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from assistant.engine import Engine
from assistant.errors import EngineError
from assistant.lora_files import read_plain_lora
from tests.assistant.tiny_model import build_tiny, save_adapter

SHAPES = [{"q_proj": (64, 64), "v_proj": (32, 64)}] * 2


def change_config(folder: Path, **changes: Any) -> Path:
    """Rewrite settings of an adapter's folder."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    return folder


def test_weights_are_those_of_the_file_with_the_scale_in_b(tmp_path: Path) -> None:
    folder = save_adapter(tmp_path / "one", 3)
    pairs = read_plain_lora(folder, SHAPES)
    assert pairs is not None
    assert set(pairs) == {(layer, name) for layer in (0, 1) for name in ("q_proj", "v_proj")}
    tensors = load_file(folder / "adapter_model.safetensors")
    prefix = "base_model.model.model.layers.1.self_attn.v_proj"
    assert torch.equal(pairs[1, "v_proj"].a, tensors[f"{prefix}.lora_A.weight"])
    assert torch.equal(pairs[1, "v_proj"].b, tensors[f"{prefix}.lora_B.weight"] * 2)


@pytest.mark.parametrize(
    "change", [{"use_dora": True}, {"modules_to_save": ["lm_head"]}, {"bias": "all"}, {"peft_type": "LOHA"}]
)
def test_what_is_more_than_plain_lora_is_left_to_peft(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = change_config(save_adapter(tmp_path / "one", 3), **change)
    assert read_plain_lora(folder, SHAPES) is None


@pytest.mark.parametrize("start", ["pissa", "pissa_niter_4", "olora", "loftq"])
def test_an_adapter_over_changed_base_weights_is_refused(tmp_path: Path, start: str) -> None:
    folder = change_config(save_adapter(tmp_path / "one", 3), init_lora_weights=start)
    with pytest.raises(ValueError, match="changed base weights"):
        read_plain_lora(folder, SHAPES)


def test_an_adapter_of_another_base_is_refused_with_the_place(tmp_path: Path) -> None:
    folder = save_adapter(tmp_path / "one", 3)
    with pytest.raises(ValueError, match=r"v_proj: \(32, 4\) x \(4, 64\) of rank 4 does not fit \(32, 128\)"):
        read_plain_lora(folder, [{"q_proj": (64, 64), "v_proj": (32, 128)}] * 2)
    with pytest.raises(ValueError, match=r"model\.layers\.1\.self_attn\.[qv]_proj is not in the model"):
        read_plain_lora(folder, SHAPES[:1])
    path = folder / "adapter_model.safetensors"
    save_file({key: t for key, t in load_file(path).items() if "lora_A" in key}, path)
    with pytest.raises(ValueError, match="only one of its two matrices"):
        read_plain_lora(folder, SHAPES)


def test_the_self_test_tells_what_an_adapter_changes_and_that_the_base_stays(tmp_path: Path) -> None:
    folder = save_adapter(tmp_path / "one", 3)
    idle = save_adapter(tmp_path / "idle", 4)
    path = idle / "adapter_model.safetensors"
    save_file({key: t * ("lora_A" in key) for key, t in load_file(path).items()}, path)
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer)
    try:
        engine.load_adapter("one", folder)
        engine.load_adapter("idle", idle)
        one, nothing = engine.adapter_check("one"), engine.adapter_check("idle")
        assert one is not None
        assert one.changed > 0.1
        assert one.restored
        assert nothing is not None
        assert nothing.changed == 0
        assert nothing.restored
        engine.unload_adapter("one")
        assert engine.adapter_check("one") is None
    finally:
        engine.close()


def test_an_adapter_beside_which_the_base_changes_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.decoder_layers import LoraWeights
    from assistant.lora_rows import LoraShelf

    folder = save_adapter(tmp_path / "one", 3)
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer)
    plain = LoraShelf.rows

    def leaky(self: LoraShelf, adapters: list[str | None], **options: bool) -> LoraWeights:
        return plain(self, adapters, **options)._replace(foreign=[])  # every row gets every adapter's part

    try:
        with monkeypatch.context() as patch:
            patch.setattr(LoraShelf, "rows", leaky)
            with pytest.raises(EngineError) as told:
                engine.load_adapter("one", folder)
        assert told.value.code == "adapter_changes_base"
        assert engine.adapters == ()
        engine.load_adapter("one", folder)
    finally:
        engine.close()


def test_plain_lora_is_served_without_peft(tmp_path: Path) -> None:
    folder = save_adapter(tmp_path / "one", 3)
    program = f"""
import sys
from pathlib import Path
from assistant.engine import Engine
from tests.assistant.tiny_model import build_tiny
engine = Engine(*build_tiny())
engine.load_adapter("one", Path({str(folder)!r}))
engine.close()
assert engine.adapters == ("one",)
assert not any(name == "peft" or name.startswith("peft.tuners") for name in sys.modules), "peft was imported"
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
