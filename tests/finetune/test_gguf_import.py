"""A converted GGUF must be the model that transformers reads from the same file, to the last token id."""

from pathlib import Path

import pytest

from finetune.errors import ModelUnavailableError
from finetune.gguf_import import _convert_with_transformers, convert_gguf
from tests.finetune.tiny import TEMPLATE, write_tiny_gguf

TEXTS = [
    "the thin hat is in the attic",
    "  spaces\t\n\nlines  ",
    "numbers 3.14, 2026 and 007",
    "don't I'LL we've",
    "中文，标点。café 😀",
    "<|im_start|>user\nhello<|im_end|>\n",
    "",
]


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("gguf")
    source = folder / "tiny.gguf"
    write_tiny_gguf(source)
    ours, theirs = folder / "ours", folder / "theirs"
    ours.mkdir()
    theirs.mkdir()
    convert_gguf(source, ours)
    _convert_with_transformers(source, theirs)
    return ours, theirs


def test_tokens_template_and_special_tokens_are_those_of_transformers(both_ways: tuple[Path, Path]) -> None:
    from transformers import AutoTokenizer

    ours, theirs = (AutoTokenizer.from_pretrained(folder) for folder in both_ways)
    for text in TEXTS:
        assert ours(text).input_ids == theirs(text).input_ids
        assert ours.decode(ours(text).input_ids) == text
    talk = [{"role": "user", "content": "hi"}]
    assert ours.chat_template == TEMPLATE
    assert ours.apply_chat_template(talk, tokenize=False) == theirs.apply_chat_template(talk, tokenize=False)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_logits_are_those_of_transformers(both_ways: tuple[Path, Path]) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    ids = torch.arange(3, 60)[None]
    ours, theirs = (AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32) for folder in both_ways)
    with torch.inference_mode():
        assert torch.equal(ours(ids).logits, theirs(ids).logits)
    assert not getattr(ours, "is_quantized", False)
    assert ours.generation_config.eos_token_id == 2


def test_a_damaged_file_is_said_in_one_line(tmp_path: Path) -> None:
    source = tmp_path / "cut.gguf"
    write_tiny_gguf(source)
    source.write_bytes(source.read_bytes()[:5000])
    with pytest.raises(ModelUnavailableError) as caught:
        convert_gguf(source, tmp_path)
    assert caught.value.code == "model_gguf_unreadable"
    assert "cut.gguf" in caught.value.text("zh")
    assert "\n" not in caught.value.text("en")


def test_progress_counts_every_byte(tmp_path: Path) -> None:
    source = tmp_path / "tiny.gguf"
    write_tiny_gguf(source)
    seen: list[tuple[str, int, int]] = []
    convert_gguf(source, tmp_path, progress=lambda *report: seen.append(report))
    assert seen[-1][0] == "convert"
    assert seen[-1][1] == seen[-1][2] > 0


def test_the_embedded_model_talks(smollm2: "object") -> None:
    model, tokenizer = smollm2.model, smollm2.tokenizer  # type: ignore[attr-defined]
    talk = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]
    prompt = tokenizer.apply_chat_template(
        talk, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    output = model.generate(**prompt, max_new_tokens=12, do_sample=False)
    answer = tokenizer.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    assert "Paris" in answer
